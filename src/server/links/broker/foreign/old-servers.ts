/**
 * Servers with a streams adapter before 0.3, which count each other by what they say in the stream.
 *
 * Who has said anything within 10 s is one of them, and is asked like all others. So whoever writes
 * to the stream must answer there; and this node tells them that it is there as long as they do,
 * each time it is due, so that they do not ask some of its kind and not others.
 */

import { NameMap } from '../../../../host/runtime/name-map.ts';

/** They forget who was silent for twice this time. */
const HEARTBEAT_MS = 5_000;
/** A little earlier, since theirs come at that pace. */
const DUE_MS: number = HEARTBEAT_MS - 500;
const SERVERS_MAX = 1_000;

export class OldServers {
  readonly #now: () => number;
  readonly #uids: NameMap<true> = new NameMap();
  readonly #saidMs: NameMap<number> = new NameMap();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** One of them says that it is there; the first time it wants to hear of all others. */
  heartbeat(uid: string): void {
    if (uid !== '' && this.#uids.size < SERVERS_MAX) this.#uids.set(uid, true);
  }

  gone(uid: string): void {
    this.#uids.delete(uid);
  }

  /** Whether it is time to tell them in a namespace, since one of them has said something there. */
  isDue(namespace: string, uid: string, isFirst: boolean): boolean {
    if (!this.#uids.has(uid)) return false;
    const nowMs = this.#now();
    const saidMs = this.#saidMs.get(namespace) ?? Number.NEGATIVE_INFINITY;
    if (!isFirst && nowMs - saidMs < DUE_MS) return false;
    this.#saidMs.set(namespace, nowMs);
    return true;
  }
}
