/**
 * What the small servers of the keepalive bench have in common: `Bun.serve` with WebSocket, as much
 * of Engine.IO and Socket.IO as a client needs to be let in (so that the load client of Holdfast
 * serves for all), and the convention of `launch.ts`. How a session is kept alive is left to each.
 */

import type { ServerWebSocket } from 'bun';

export const PING_INTERVAL_MS = 25_000;
export const PING_TIMEOUT_MS = 20_000;

/** Engine.IO's ping and pong. */
export const PING = '2';
const PONG = '3';

const OPEN_PACKET = `0${JSON.stringify({
  sid: 'keepalive',
  upgrades: [],
  pingInterval: PING_INTERVAL_MS,
  pingTimeout: PING_TIMEOUT_MS,
  maxPayload: 1_000_000,
})}`;
const CONNECT_PREFIX = '40';
const CONNECTED = '40{"sid":"keepalive"}';

/** How sessions of type `Session` are made, heard and forgotten. */
export interface Keepalive<Session> {
  created(socket: ServerWebSocket<Holder<Session>>): Session;
  /** The client answered a ping. */
  heard(session: Session): void;
  closed(session: Session): void;
}

/** What a socket carries; the session is made once the socket is open. */
export interface Holder<Session> {
  session: Session | undefined;
}

export function serveKeepalive<Session>(
  keepalive: Keepalive<Session>,
): Bun.Server<Holder<Session>> {
  const server = Bun.serve<Holder<Session>>({
    hostname: '0.0.0.0',
    port: 0,
    fetch(request, self) {
      const holder: Holder<Session> = { session: undefined };
      if (self.upgrade(request, { data: holder })) return undefined;
      return new Response('WebSocket only', { status: 426 });
    },
    websocket: {
      perMessageDeflate: false,
      // Who is silent is judged by what is measured here, not by the runtime.
      idleTimeout: 0,
      sendPings: false,
      open(socket) {
        socket.data.session = keepalive.created(socket);
        socket.send(OPEN_PACKET);
      },
      message(socket, message) {
        const { session } = socket.data;
        if (message === PONG) {
          if (session !== undefined) keepalive.heard(session);
        } else if (typeof message === 'string' && message.startsWith(CONNECT_PREFIX)) {
          socket.send(CONNECTED);
        }
      },
      close(socket) {
        const { session } = socket.data;
        if (session !== undefined) keepalive.closed(session);
      },
    },
  });
  announce(server.port);
  return server;
}

/** Says where the server listens, and ends it with the benchmark; nothing here is broadcast. */
export function announce(port: number | undefined): void {
  console.log(JSON.stringify({ port, controlPort: 0 }));
  process.stdin.on('end', () => process.exit(0)).resume();
}
