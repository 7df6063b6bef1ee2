/**
 * Keepalive in slots, where each slot is a native topic: one publish pings all its sessions. Who
 * has answered is judged in the arrays of Holdfast's heartbeat, as in `keepalive-slots.ts`, so that
 * only the way of sending differs.
 */

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

  /** The topic pings. */
  ping(): void {}

  timedOut(): void {
    this.#socket.close(1008);
  }
}

const heartbeat = new Heartbeat({
  pingIntervalMs: PING_INTERVAL_MS,
  pingTimeoutMs: PING_TIMEOUT_MS,
});
const slots: number = Math.round(PING_INTERVAL_MS / heartbeat.tickMs);
const topics: readonly string[] = Array.from({ length: slots }, (_, slot) => `slot:${slot}`);
const topicOf = (slot: number): string => topics[slot % slots] as string;

const server: Bun.Server<Holder<Session>> = serveKeepalive<Session>({
  created(socket) {
    const session = new Session(socket);
    heartbeat.add(session);
    socket.subscribe(topicOf(session.heartbeatSlot));
    return session;
  },
  heard(session) {
    session.lastSeenTick = heartbeat.tick;
  },
  closed(session) {
    heartbeat.remove(session);
  },
});
heartbeat.start(() => {
  server.publish(topicOf(heartbeat.tick), PING);
});
