/**
 * The control: `Bun.serve`, one native topic, one native publish per broadcast. No session
 * object, no user, no rooms, no protocol above WebSocket.
 *
 * `bare.ts PORT` shares that port with other processes of its kind; without one it takes any. A
 * broadcast with a body sends that text, one without sends numbered payloads.
 */

const TOPIC = 'all';
const sharedPort: number = Number(process.argv[2] ?? 0);
let sequence = 0;

const server: Bun.Server<undefined> = Bun.serve({
  hostname: '0.0.0.0',
  port: sharedPort,
  reusePort: sharedPort !== 0,
  fetch(request, self) {
    return self.upgrade(request) ? undefined : new Response('WebSocket only', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    // Bun pings 16 s before the timeout: one ping per 24 idle seconds, as the others send.
    idleTimeout: 40,
    sendPings: true,
    open(socket) {
      socket.subscribe(TOPIC);
    },
    message() {},
  },
});

const control: Bun.Server<undefined> = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request) {
    const text = await request.text();
    if (text !== '') {
      server.publish(TOPIC, text);
      return new Response('sent');
    }
    const count = Number(new URL(request.url).searchParams.get('count') ?? 1);
    for (let sent = 0; sent < count; sent += 1) {
      sequence += 1;
      server.publish(TOPIC, String(sequence).padEnd(100, '.'));
    }
    return new Response('sent');
  },
});

console.log(JSON.stringify({ port: server.port, controlPort: control.port }));
process.stdin.on('end', () => process.exit(0)).resume();
