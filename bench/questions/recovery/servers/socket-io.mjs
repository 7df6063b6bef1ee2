/**
 * The official server with connection state recovery, in memory. It prints its ports as a line of
 * JSON and says to its room what is posted to `/send` of its control port.
 */

import { createServer } from 'node:http';
import { Server } from 'socket.io';

const server = createServer();
const io = new Server(server, {
  transports: ['websocket'],
  serveClient: false,
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
});

io.on('connection', (socket) => {
  if (!socket.recovered) void socket.join('match:1');
});

async function sayTo(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { event, args, room } = JSON.parse(Buffer.concat(chunks).toString());
  io.to(room).emit(event, ...args);
  response.writeHead(202).end();
}

const control = createServer((request, response) => void sayTo(request, response));

server.listen(0, '127.0.0.1', () => {
  control.listen(0, '127.0.0.1', () => {
    const ports = { port: server.address().port, controlPort: control.address().port };
    console.log(JSON.stringify(ports));
  });
});
process.stdin.on('end', () => process.exit(0)).resume();
