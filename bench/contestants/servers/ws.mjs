/**
 * The `ws` contestant: no compression, one loop per broadcast over all clients with a payload
 * that is encoded once, and the heartbeat that the documentation of `ws` shows, every 25 seconds.
 */

import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const HEARTBEAT_MS = 25_000;
let sequence = 0;

const server = createServer();
const webSockets = new WebSocketServer({ server, perMessageDeflate: false });

function answered() {
  this.isAlive = true;
}
function ignore() {}

webSockets.on('connection', (socket) => {
  socket.isAlive = true;
  socket.on('pong', answered);
  socket.on('error', ignore);
});

setInterval(() => {
  for (const socket of webSockets.clients) {
    if (!socket.isAlive) {
      socket.terminate();
      continue;
    }
    socket.isAlive = false;
    socket.ping();
  }
}, HEARTBEAT_MS);

const control = createServer((request, response) => {
  const count = Number(new URL(request.url, 'http://control').searchParams.get('count') ?? 1);
  for (let sent = 0; sent < count; sent += 1) {
    sequence += 1;
    const payload = Buffer.from(String(sequence).padEnd(100, '.'));
    for (const socket of webSockets.clients) socket.send(payload, { binary: false });
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
