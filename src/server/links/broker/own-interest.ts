/**
 * What this node wants to hear, as it tells other nodes: hashes of keys, as they begin and cease to
 * be wanted, and all of them to a node that asks.
 */

import type { InterestTable, NodeInterest } from '../bus/interest-table.ts';
import { NodeFrame } from './node-frame.ts';
import type { Outbox } from './outbox.ts';

/** Of a hash, in a piece of all. */
const HASH_BYTES = 8;
const PIECE_HASHES = 32_768;
const CHANGE_BYTES = 9;

export interface InterestSum {
  readonly count: number;
  readonly low: number;
  readonly high: number;
}

export class OwnInterest implements NodeInterest {
  readonly #table: InterestTable;
  readonly #outbox: Outbox;
  #changes: number[] = [];
  #count = 0;
  #low = 0;
  #high = 0;

  constructor(table: InterestTable, outbox: Outbox) {
    this.#table = table;
    this.#outbox = outbox;
  }

  /** By which others can tell whether they know all of it. */
  get sum(): InterestSum {
    return { count: this.#count, low: this.#low >>> 0, high: this.#high >>> 0 };
  }

  begins(low: number, high: number): void {
    this.#count++;
    this.#change(low, high, 1);
  }

  ceases(low: number, high: number): void {
    this.#count--;
    this.#change(low, high, 0);
  }

  /** Says what has changed: at the end of the turn at the latest. */
  announce(): void {
    const changes = this.#changes;
    if (changes.length === 0) return;
    this.#changes = [];
    const bytes = Buffer.allocUnsafe((changes.length / 3) * CHANGE_BYTES);
    let end = 0;
    for (let at = 0; at < changes.length; at += 3) {
      end = bytes.writeUInt32BE(changes[at] as number, end);
      end = bytes.writeUInt32BE(changes[at + 1] as number, end);
      end = bytes.writeUInt8(changes[at + 2] as number, end);
    }
    this.#outbox.frame('all', NodeFrame.interest).raw(bytes).finish();
  }

  /** Tells one node all of it, in the order of what is told to all. */
  tellAll(node: number): void {
    this.announce();
    this.#outbox.flush();
    let piece = Buffer.allocUnsafe(PIECE_HASHES * HASH_BYTES);
    let end = 0;
    let isFirst = true;
    const say = (isLast: boolean): void => {
      const frame = this.#outbox.frame(node, NodeFrame.interestAll);
      frame
        .u8(isFirst ? 1 : 0)
        .u8(isLast ? 1 : 0)
        .raw(piece.subarray(0, end))
        .finish();
      isFirst = false;
      piece = Buffer.allocUnsafe(PIECE_HASHES * HASH_BYTES);
      end = 0;
    };
    // A key of several workers comes several times, which does no harm.
    this.#table.forEachHash((low, high) => {
      if (end === piece.byteLength) say(false);
      end = piece.writeUInt32BE(low, end);
      end = piece.writeUInt32BE(high, end);
    });
    say(true);
    this.#outbox.flush();
  }

  #change(low: number, high: number, isWanted: 0 | 1): void {
    this.#low ^= low;
    this.#high ^= high;
    if (this.#changes.length === 0) setImmediate(() => this.announce());
    this.#changes.push(low, high, isWanted);
  }
}
