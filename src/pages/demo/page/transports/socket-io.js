/** A room over Socket.IO: the client that the server brings, unmodified. */

export function open({ room, heard, lost }) {
  const socket = io({ auth: { room }, reconnection: false });
  socket.on('connect', () => {
    heard([{ type: 'connect', id: socket.id }]);
    socket.io.engine.once('upgrade', () => heard([{ type: 'upgrade' }]));
  });
  socket.onAny((event, ...args) => {
    heard([{ type: 'event', event, args }], JSON.stringify([event, ...args]));
  });
  socket.on('disconnect', lost);
  socket.on('connect_error', lost);
  return {
    send: ({ type, event = type, args = [], id }) =>
      socket.emit(event, ...args, (...values) => heard([{ type: 'ack', id, args: values }])),
    close: () => socket.disconnect(),
  };
}
