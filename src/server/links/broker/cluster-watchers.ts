/** Those who are told of other nodes, one after the other. */

import type { ClusterEvents, NodePlace } from '../../core/contracts/cluster.ts';

export class ClusterWatchers implements Required<ClusterEvents> {
  readonly #all: ClusterEvents[] = [];

  /** It is told at once who is there. */
  add(events: ClusterEvents, peers: readonly number[], places: readonly NodePlace[]): void {
    this.#all.push(events);
    for (const node of peers) events.onPeer?.(node);
    events.onPlaces?.(places);
  }

  onPeer(node: number): void {
    for (const one of this.#all) one.onPeer?.(node);
  }

  onPeerGone(node: number): void {
    for (const one of this.#all) one.onPeerGone?.(node);
  }

  onResync(node: number): void {
    for (const one of this.#all) one.onResync?.(node);
  }

  onReconnected(): void {
    for (const one of this.#all) one.onReconnected?.();
  }

  onPlaces(places: readonly NodePlace[]): void {
    for (const one of this.#all) one.onPlaces?.(places);
  }
}
