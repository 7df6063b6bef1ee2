/**
 * Another node, as this one knows it: what it wants to hear, how far it was heard, and its facts.
 */

import { KeyedHash } from '../../../host/runtime/keyed-hash.ts';
import { NameMap } from '../../../host/runtime/name-map.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import { PairTable } from '../bus/pair-table.ts';
import type { FactsOfNode } from './node-facts.ts';
import type { BatchHead } from './node-frame.ts';
import type { InterestSum } from './own-interest.ts';

/** How far one of its two ways was heard: payloads to all, and those to this node alone. */
interface Heard {
  number: number;
  messages: number;
}

/** What a payload is to one who has heard others before it. */
export interface Judged {
  readonly isNew: boolean;
  /** Payloads before it did not come. */
  readonly isGap: boolean;
  /** Events and commands that were in them. */
  readonly lost: number;
}

const ONLY_OWNER = 0;

export class Peer {
  readonly node: number;
  readonly boot: number;
  readonly sinceMs: number;
  heardAtMs: number;
  facts: FactsOfNode | undefined;
  /** All that it wants is known. Until then it is given everything. */
  isKnown = false;
  /** It stops, by its own word. */
  hasSaidBye = false;
  /** All of it was asked for, and has not come yet. */
  askedAtMs: number | undefined;
  readonly #hash: Uint32Array = new Uint32Array(2);
  #hasher: KeyedHash | undefined;
  /** Keys that it will want, since its sessions are on their way into rooms; and since when. */
  readonly #expected: NameMap<number> = new NameMap();
  #wanted: PairTable = new PairTable();
  #low = 0;
  #high = 0;
  #toAll: Heard | undefined;
  #toThis: Heard | undefined;

  constructor(node: number, boot: number, nowMs: number) {
    this.node = node;
    this.boot = boot;
    this.sinceMs = nowMs;
    this.heardAtMs = nowMs;
  }

  /** Keys that it wants, as far as they are known. */
  get wantedKeys(): number {
    return this.#wanted.size;
  }

  /** @param messages events and commands in the payload itself */
  judge(head: BatchHead, isToAll: boolean, messages: number): Judged {
    const heard = isToAll ? this.#toAll : this.#toThis;
    const now = { number: head.number, messages: head.messagesBefore + messages };
    if (heard !== undefined && head.number <= heard.number) {
      return { isNew: false, isGap: false, lost: 0 };
    }
    if (isToAll) this.#toAll = now;
    else this.#toThis = now;
    // What is said to a node alone it has from the first on; what is said to all from when it came.
    const before = heard ?? (isToAll ? undefined : { number: 0, messages: 0 });
    if (before === undefined) return { isNew: true, isGap: false, lost: 0 };
    const isGap = head.number !== before.number + 1;
    return {
      isNew: true,
      isGap,
      lost: isGap ? Math.max(0, head.messagesBefore - before.messages) : 0,
    };
  }

  /** Whether it wants a key, or may. */
  wants(key: string): boolean {
    if (!this.isKnown || this.#hasher === undefined || this.#expected.has(key)) return true;
    this.#hasher.hashWide(key, this.#hash);
    return this.#wanted.has(this.#hash[0] as number, this.#hash[1] as number, ONLY_OWNER);
  }

  /** It is told to have sessions join a room: until it says so itself, it may want to hear it. */
  expect(key: string, nowMs: number): void {
    this.#expected.set(key, nowMs);
  }

  /** By now it has said so, or none of its sessions has joined. */
  forgetExpected(nowMs: number): void {
    for (const [key, sinceMs] of this.#expected) {
      if (nowMs - sinceMs > LIMITS.nodeInterestMs) this.#expected.delete(key);
    }
  }

  /** @param frame of `NodeFrame.interest` */
  change(frame: FrameReader): void {
    for (let left = frame.rest().byteLength / 9; left >= 1; left--) {
      const [low, high] = [frame.u32(), frame.u32()];
      if (frame.u8() === 1) this.#add(low, high);
      else if (this.#wanted.remove(low, high, ONLY_OWNER)) this.#mix(low, high);
    }
  }

  /** @param frame of `NodeFrame.interestAll` */
  takeAll(frame: FrameReader): void {
    const isFirst = frame.u8() === 1;
    const isLast = frame.u8() === 1;
    if (isFirst) {
      this.#wanted = new PairTable();
      this.#low = 0;
      this.#high = 0;
    }
    for (let left = frame.rest().byteLength / 8; left >= 1; left--) {
      this.#add(frame.u32(), frame.u32());
    }
    if (!isLast) return;
    this.askedAtMs = undefined;
    this.isKnown = this.#hasher !== undefined;
  }

  setSalt(first: number, second: number): void {
    this.#hasher ??= new KeyedHash(Uint32Array.of(first, second));
  }

  /** Whether what is known of its wants is what it says of them. */
  agrees({ count, low, high }: InterestSum): boolean {
    return count === this.#wanted.size && low === this.#low >>> 0 && high === this.#high >>> 0;
  }

  #add(low: number, high: number): void {
    if (this.#wanted.add(low, high, ONLY_OWNER)) this.#mix(low, high);
  }

  #mix(low: number, high: number): void {
    this.#low ^= low;
    this.#high ^= high;
  }
}
