/**
 * Finds sessions whose server has fallen silent, as a server does that hangs or whose host is gone:
 * TCP alone would not tell for hours. Clients of Socket.IO give such a server up by the times of
 * its own `open` packet, so sessions here end by the same rule, and those of the plain protocol by
 * the times of its first message. Of servers that tell no times there is no silence.
 *
 * The clock stands still while the agent does: pings that came meanwhile wait in the kernel, and
 * what the agent was too late to read is no silence of the server.
 */

import { type Client, type Connection, wayOf } from './connection.ts';
import type { Sessions } from './sessions.ts';

/** More than this between two turns of an agent, and it was held up. */
const TURN_MS_MAX = 1_000;
const SWEEP_EVERY_MS = 1_000;
/** All sessions are looked at in so many sweeps, and this many at least in each. */
const SWEEPS = 5;
const LOOKED_AT_MIN = 1_000;

export class Silence {
  /** The clock, in milliseconds since the swarm began to tick. */
  nowMs = 0;
  #turnAtMs: number | undefined;
  #sweptAtMs = 0;
  #place = 0;

  /** Must be called each tick. @param nowMs by `performance.now` */
  turn(nowMs: number): void {
    const passedMs = nowMs - (this.#turnAtMs ?? nowMs);
    this.#turnAtMs = nowMs;
    this.nowMs += Math.min(Math.max(0, passedMs), TURN_MS_MAX);
  }

  /** Looks at a part of the sessions, once a second. @returns those that are to be given up */
  sweep(sessions: Sessions): readonly Client[] {
    if (this.nowMs - this.#sweptAtMs < SWEEP_EVERY_MS) return [];
    this.#sweptAtMs = this.nowMs;
    const silent: Client[] = [];
    const share = Math.ceil(sessions.count / SWEEPS);
    const count = Math.min(sessions.count, Math.max(LOOKED_AT_MIN, share));
    for (let i = 0; i < count; i++) {
      this.#place = (this.#place + 1) % sessions.count;
      const client = sessions.at(this.#place) as Client;
      if (this.#isSilent(client.data)) silent.push(client);
    }
    return silent;
  }

  #isSilent(connection: Connection): boolean {
    const { heardAtMs } = connection;
    return heardAtMs >= 0 && this.nowMs - heardAtMs > wayOf(connection).times.withinMs;
  }
}
