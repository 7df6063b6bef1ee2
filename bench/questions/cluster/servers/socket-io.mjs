/**
 * The official server with an official adapter over Redis, as its performance guide advises:
 * WebSocket only, no compression, nothing of the HTTP request kept. Each user is in a room of its
 * own name. It prints its port as a line of JSON.
 *
 *     node socket-io.mjs <port of Redis> <classic | sharded>
 */

import { createServer } from 'node:http';
import { createClient } from '@redis/client';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { Server } from 'socket.io';

const [redisPort, kind] = process.argv.slice(2);
const PAYLOAD = '.'.repeat(50);

async function connected() {
  const client = createClient({ socket: { host: '127.0.0.1', port: Number(redisPort) }, RESP: 2 });
  client.on('error', (error) => console.error(error.message));
  await client.connect();
  return client;
}

const [pub, sub] = await Promise.all([connected(), connected()]);
const adapter =
  kind === 'sharded'
    ? createShardedAdapter(pub, sub, { subscriptionMode: 'dynamic' })
    : createAdapter(pub, sub);
const server = createServer();
const io = new Server(server, {
  adapter,
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
});

io.engine.on('connection', (raw) => {
  raw.request = null;
});
io.on('connection', (socket) => {
  void socket.join(socket.handshake.auth.user);
  socket.on('say', (numbers) => {
    for (const number of numbers) io.to(`user-${number}`).emit('said', PAYLOAD);
  });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on('end', () => process.exit(0)).resume();
