/** What is wrong with messages of strangers: said once a second, with how often it was. */

import { printable } from '../../../../host/foreign/printable.ts';
import type { Log } from '../../../core/log/log.ts';

const SECOND_MS = 1_000;
/** Kinds are few: they are words of this room, not of strangers. */
interface Kind {
  /** Since it was last said. */
  count: number;
  saidMs: number;
}

export class Complaints {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #kinds: Map<string, Kind> = new Map();

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** @param where a channel or other name that strangers may have chosen */
  say(what: string, reason: string, where?: string): void {
    const kind = this.#kinds.get(what) ?? { count: 0, saidMs: Number.NEGATIVE_INFINITY };
    this.#kinds.set(what, kind);
    kind.count++;
    const nowMs = this.#now();
    if (nowMs - kind.saidMs < SECOND_MS) return;
    const fields = where === undefined ? {} : { channel: printable(where.slice(0, 200)) };
    this.#log.warn(`${what}: ${reason}`, { ...fields, count: kind.count });
    kind.count = 0;
    kind.saidMs = nowMs;
  }
}
