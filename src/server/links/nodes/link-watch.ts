/**
 * Tells links whose other host is gone from those that are silent: each end says now and then that
 * it is there, and one from which nothing has come for three such times is cut.
 *
 * Times are counted by the beats of one timer, so that a process that stood still itself takes
 * nobody for gone: in the beat after that it has not read yet what came meanwhile.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { FramedConnection } from '../ipc/framed-connection.ts';
import { PeerFrame } from '../peer/peer-frame.ts';

const SILENT_BEATS = LIMITS.clusterSilentMs / LIMITS.clusterAliveMs;

/** What was seen of a link. */
interface Seen {
  receivedBytes: number;
  silentBeats: number;
}

export class LinkWatch {
  readonly #refusals: Refusals;
  readonly #links: Map<FramedConnection, Seen> = new Map();

  constructor(refusals: Refusals) {
    this.#refusals = refusals;
  }

  /** Links that are looked after. */
  get size(): number {
    return this.#links.size;
  }

  /** Looks after an open link until it is closed. */
  add(link: FramedConnection): void {
    this.#links.set(link, { receivedBytes: link.receivedBytes, silentBeats: 0 });
  }

  /** Call it each `clusterAliveMs`. */
  beat(): void {
    for (const [link, seen] of this.#links) {
      if (!link.open) this.#links.delete(link);
      else if (this.#isSilent(link, seen)) {
        this.#links.delete(link);
        this.#refusals.count('clusterSilent');
        link.cut(new Error('the other end was silent for too long'));
      } else {
        link.frame(PeerFrame.alive).u32(0).finish();
        link.send();
      }
    }
  }

  #isSilent(link: FramedConnection, seen: Seen): boolean {
    const { receivedBytes } = link;
    seen.silentBeats = receivedBytes === seen.receivedBytes ? seen.silentBeats + 1 : 0;
    seen.receivedBytes = receivedBytes;
    return seen.silentBeats >= SILENT_BEATS;
  }
}
