/** A room over Server-Sent Events: the browser's EventSource down, POST up. */

export function open({ room, fetch, heard, lost }) {
  const source = new EventSource(`sse?room=${room}`);
  source.onmessage = ({ data }) => heard([JSON.parse(data)], data);
  // It would come back by itself; here all panels are brought back alike.
  source.onerror = () => {
    source.close();
    lost();
  };
  return {
    send: (message, session) =>
      fetch(`sse?session=${session}`, { method: 'POST', body: JSON.stringify(message) }),
    close: () => source.close(),
  };
}
