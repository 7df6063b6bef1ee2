/**
 * The other nodes that are there: come with their first word, gone when they say so or are silent.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { BatchHead } from './node-frame.ts';
import { Peer } from './peer.ts';

export interface PeersEvents {
  onPeer(peer: Peer): void;
  onPeerGone(peer: Peer): void;
}

/** So many of those that are gone are remembered, so that what they missed can be told. */
const GONE_MAX = 256;

export class Peers {
  readonly #events: PeersEvents;
  readonly #there: Map<number, Peer> = new Map();
  readonly #gone: Map<number, Peer> = new Map();
  /** Those that went without a word: they may be cut off, and come back. */
  readonly #silent: Map<number, Peer> = new Map();

  constructor(events: PeersEvents) {
    this.#events = events;
  }

  get size(): number {
    return this.#there.size;
  }

  get all(): Iterable<Peer> {
    return this.#there.values();
  }

  /** Numbers of those that may come back, and will have missed what is said meanwhile. */
  get silent(): Iterable<number> {
    return this.#silent.keys();
  }

  get(node: number): Peer | undefined {
    return this.#there.get(node);
  }

  /**
   * The node that says something: perhaps for the first time, or after it began anew.
   *
   * @returns nothing for one that has said that it stops: what it still answers is for nobody
   */
  heard({ node, boot }: BatchHead, nowMs: number): Peer | undefined {
    const known = this.#there.get(node);
    if (known?.boot === boot) {
      known.heardAtMs = nowMs;
      return known;
    }
    if (known !== undefined) this.leave(known);
    const before = this.#gone.get(node);
    if (before?.boot === boot && before.hasSaidBye) return undefined;
    this.#gone.delete(node);
    this.#silent.delete(node);
    const peer = before?.boot === boot ? before : new Peer(node, boot, nowMs);
    peer.heardAtMs = nowMs;
    peer.isKnown = false;
    peer.askedAtMs = undefined;
    this.#there.set(node, peer);
    this.#events.onPeer(peer);
    return peer;
  }

  leave(peer: Peer): void {
    if (this.#there.get(peer.node) !== peer) return;
    this.#there.delete(peer.node);
    this.#gone.set(peer.node, peer);
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > GONE_MAX && oldest !== undefined) this.#gone.delete(oldest);
    this.#events.onPeerGone(peer);
  }

  /** Nobody is heard for now: what they come to want meanwhile is not known. */
  lost(): void {
    for (const peer of this.#there.values()) peer.isKnown = false;
  }

  /** Has those leave that were long not heard of; what others want is not known after a while. */
  judge(nowMs: number): void {
    for (const peer of [...this.#there.values()]) {
      if (nowMs - peer.heardAtMs > LIMITS.nodeInterestMs) peer.isKnown = false;
      if (nowMs - peer.heardAtMs <= LIMITS.nodeGoneMs) continue;
      this.leave(peer);
      if (this.#silent.size < GONE_MAX) this.#silent.set(peer.node, peer);
    }
    for (const { node, heardAtMs } of this.#silent.values()) {
      if (nowMs - heardAtMs > LIMITS.nodeSilentMs) this.#silent.delete(node);
    }
  }
}
