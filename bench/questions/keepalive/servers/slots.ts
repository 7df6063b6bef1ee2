/** Keepalive as Holdfast does it: its own heartbeat, one timer and an array for each slot. */

import type { ServerWebSocket } from 'bun';
import { Heartbeat, type HeartbeatMember } from '../../../../src/server/core/heartbeat.ts';
import type { Holder } from './server.ts';
import { PING, PING_INTERVAL_MS, PING_TIMEOUT_MS, serveKeepalive } from './server.ts';

class Session implements HeartbeatMember {
  heartbeatSlot = -1;
  heartbeatPlace = -1;
  lastSeenTick = 0;
  readonly #socket: ServerWebSocket<Holder<Session>>;

  constructor(socket: ServerWebSocket<Holder<Session>>) {
    this.#socket = socket;
  }

  ping(): void {
    this.#socket.send(PING);
  }

  timedOut(): void {
    this.#socket.close(1008);
  }
}

const heartbeat = new Heartbeat({
  pingIntervalMs: PING_INTERVAL_MS,
  pingTimeoutMs: PING_TIMEOUT_MS,
});

serveKeepalive<Session>({
  created(socket) {
    const session = new Session(socket);
    heartbeat.add(session);
    return session;
  },
  heard(session) {
    session.lastSeenTick = heartbeat.tick;
  },
  closed(session) {
    heartbeat.remove(session);
  },
});
heartbeat.start(() => {});
