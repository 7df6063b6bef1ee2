/**
 * Keepalive by the clients: they ping, the server sends back what it gets, and the runtime closes
 * whom it has not heard for `IDLE_TIMEOUT_SECONDS`. The messages are text: browsers cannot send
 * WebSocket's own ping frames.
 */

import { announce } from './server.ts';

/** Two pings may be lost or late. */
const IDLE_TIMEOUT_SECONDS = 60;

const server: Bun.Server<undefined> = Bun.serve({
  hostname: '0.0.0.0',
  port: 0,
  fetch(request, self) {
    return self.upgrade(request) ? undefined : new Response('WebSocket only', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    sendPings: false,
    message(socket, message) {
      socket.send(message);
    },
  },
});
announce(server.port);
