/**
 * The Socket.IO contestant, as its performance guide advises: WebSocket only, no compression (the
 * default), nothing of the HTTP request kept (`raw.request = null`), no client bundle served.
 * Handlers are shared; the only state per socket beyond Socket.IO's own is `data.user`.
 */

import { createServer } from 'node:http';
import { Server } from 'socket.io';

let sequence = 0;

const server = createServer();
const io = new Server(server, {
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
});

io.engine.on('connection', (raw) => {
  raw.request = null;
});

io.use((socket, next) => {
  const number = /^user-(\d+)$/.exec(socket.handshake.auth.token)?.[1];
  if (number === undefined) return next(new Error('unknown token'));
  socket.data.user = `user-${number}`;
  return next();
});

io.on('connection', (socket) => {
  const { user } = socket.data;
  void socket.join(['lobby', `match:${Number(user.slice(5)) % 1000}`, `user:${user}`]);
});

const control = createServer((request, response) => {
  const count = Number(new URL(request.url, 'http://control').searchParams.get('count') ?? 1);
  for (let sent = 0; sent < count; sent += 1) {
    sequence += 1;
    io.emit('tick', String(sequence).padEnd(100, '.'));
  }
  response.end('sent');
});

server.listen(0, '0.0.0.0', () => {
  control.listen(0, '127.0.0.1', () => {
    const [port, controlPort] = [server.address().port, control.address().port];
    console.log(JSON.stringify({ port, controlPort }));
  });
});
process.stdin.on('end', () => process.exit(0)).resume();
