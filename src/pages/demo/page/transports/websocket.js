/** A room over a plain WebSocket: frames of JSON, both ways. */

export function open({ room, heard, lost }) {
  const origin = location.origin.replace(/^http/, 'ws');
  const socket = new WebSocket(`${origin}/ws?room=${room}`);
  socket.onmessage = ({ data }) => heard([JSON.parse(data)], data);
  socket.onclose = lost;
  return {
    send: (message) => socket.send(JSON.stringify(message)),
    close: () => socket.close(),
  };
}
