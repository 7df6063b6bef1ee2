/**
 * What the fleet is checked against: a stock Socket.IO server under `/socket.io/` and a stock `ws`
 * server under every other path, on one port. Socket.IO acknowledges `echo`, `ws` sends every
 * message back, and `POST /broadcast` sends its body to all. It says in its first line of output
 * where it listens, and ends on SIGTERM.
 */

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Server } from 'socket.io';
import { WebSocketServer } from 'ws';

const http = createServer((request, response) => {
  void text(request).then((message) => {
    io.emit('fleet', message);
    for (const client of plain.clients) client.send(message);
    response.end();
  });
});

// Short, so that a run of seconds has heartbeats.
const io = new Server(http, { pingInterval: 1_000, pingTimeout: 5_000 });
io.on('connection', (socket) => {
  socket.on('echo', (...args) => args.pop()(...args));
});

const plain = new WebSocketServer({ noServer: true });
http.on('upgrade', (request, socket, head) => {
  if (request.url.startsWith('/socket.io/')) return;
  plain.handleUpgrade(request, socket, head, (client) => {
    client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
    client.on('error', () => {});
  });
});

http.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(JSON.stringify({ publicPort: http.address().port, pid: process.pid }));
});
process.on('SIGTERM', () => process.exit(0));
