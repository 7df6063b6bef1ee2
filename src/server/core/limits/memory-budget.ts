/**
 * What a worker may hold, over all its clients, of what piles up for them or through them: queues,
 * backpressure, half a packet, open acks.
 *
 *     take(bytes) ─▶ over the budget? ─▶ all holders are looked at ─▶ the largest let go
 *
 * Whoever holds something says so by an addition and takes it back by another; nothing is kept per
 * holder. Only when the sum is over the budget are they looked through, largest first, until a
 * tenth of it is free again. So it is never the many who hold little that pay for the few.
 */

import type { Refusals } from './refusals.ts';

/** Something that holds memory for a client, and can let go of it. */
export interface Holder {
  /** MUST be cheap: all holders are asked when memory is short. */
  heldBytes(): number;
  /**
   * Lets go of all it holds, at once, and of what comes for its client after that. MUST NOT call
   * the app before it returns: it may be called in the middle of a delivery.
   */
  letGo(): void;
}

const RELIEVED_SHARE = 0.9;
/** Where letting go brought too little, the next look comes when so much more has been taken. */
const LOOK_AGAIN_SHARE = 1 / 16;

export class MemoryBudget {
  readonly limitBytes: number;
  readonly #refusals: Refusals;
  readonly #sources: (() => Iterable<Holder>)[] = [];
  #heldBytes = 0;
  #mostBytes = 0;
  #tell: () => void = () => {};
  #letGoBytes = 0;
  /** Where letting go stops. */
  readonly #relievedBytes: number;
  /** Beyond this, holders are looked at. */
  #lookBeyondBytes: number;

  constructor(limitBytes: number, refusals: Refusals) {
    this.limitBytes = limitBytes;
    this.#relievedBytes = limitBytes * RELIEVED_SHARE;
    this.#lookBeyondBytes = limitBytes;
    this.#refusals = refusals;
  }

  /** What holders had to let go of since the start. */
  get letGoBytes(): number {
    return this.#letGoBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The most that was held since the last `forgetMost`. */
  get mostBytes(): number {
    return this.#mostBytes;
  }

  forgetMost(): void {
    this.#mostBytes = this.#heldBytes;
  }

  /** Has somebody told, in a later turn, that much may be garbage now. */
  onceRelieved(tell: () => void): void {
    this.#tell = tell;
  }

  /** Names some who hold: it is called when memory is short, so they need no list till then. */
  watch(holders: () => Iterable<Holder>): void {
    this.#sources.push(holders);
  }

  take(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > this.#mostBytes) this.#mostBytes = this.#heldBytes;
    if (this.#heldBytes > this.#lookBeyondBytes) this.#relieve();
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
    if (this.#lookBeyondBytes !== this.limitBytes && this.#heldBytes <= this.#relievedBytes) {
      this.#lookBeyondBytes = this.limitBytes;
    }
  }

  #relieve(): void {
    // Letting go may take before it gives; that is no reason to look again.
    this.#lookBeyondBytes = Number.POSITIVE_INFINITY;
    try {
      this.#letGoOfMost();
    } finally {
      // Also after a holder that failed: without this the budget would hold nothing back for good.
      const isRelieved = this.#heldBytes <= this.#relievedBytes;
      const further = this.limitBytes * LOOK_AGAIN_SHARE;
      this.#lookBeyondBytes = isRelieved ? this.limitBytes : this.#heldBytes + further;
      setImmediate(this.#tell);
    }
  }

  #letGoOfMost(): void {
    const found: { readonly holder: Holder; readonly bytes: number }[] = [];
    for (const holders of this.#sources) {
      for (const holder of holders()) {
        const bytes = holder.heldBytes();
        if (bytes > 0) found.push({ holder, bytes });
      }
    }
    found.sort((a, b) => b.bytes - a.bytes);
    for (const { holder, bytes } of found) {
      if (this.#heldBytes <= this.#relievedBytes) break;
      this.#refusals.count('memoryBudget', `${bytes} bytes`);
      this.#letGoBytes += bytes;
      holder.letGo();
    }
  }
}
