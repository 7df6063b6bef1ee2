/**
 * The controller's end: tells workers where other nodes are, each when it asks, and all when that
 * changes.
 */

import type { Cluster, NodePlace } from '../../core/contracts/cluster.ts';
import type { Hub } from '../bus/hub.ts';
import { STATE_SERVICE, type StateService } from '../bus/state-service.ts';
import { writePlaces } from './places-text.ts';

/** The latest of them. */
const GONE_MAX = 256;

export class NodesService implements StateService {
  readonly number: number = STATE_SERVICE.nodes;
  readonly #hub: Pick<Hub, 'say'>;
  readonly #workerCount: number;
  readonly #rememberMs: number;
  /** Nodes that are gone, and until when sessions of theirs may live on elsewhere. */
  readonly #gone: Map<number, { readonly place: NodePlace; readonly untilMs: number }> = new Map();
  #there: readonly NodePlace[] = [];
  #text: string;

  constructor(
    cluster: Pick<Cluster, 'places' | 'watch'>,
    hub: Pick<Hub, 'say'>,
    workerCount: number,
    rememberMs: number,
  ) {
    this.#hub = hub;
    this.#workerCount = workerCount;
    this.#rememberMs = rememberMs;
    this.#text = writePlaces(cluster.places);
    cluster.watch({ onPlaces: (places) => this.#changed(places) });
  }

  /** A worker has nothing to say but that it wants to know. */
  onSaid(worker: number): void {
    this.#tell(worker);
  }

  workerGone(): void {}

  #changed(places: readonly NodePlace[]): void {
    const text = writePlaces([...places, ...this.#remember(places)]);
    if (text === this.#text) return;
    this.#text = text;
    for (let worker = 0; worker < this.#workerCount; worker++) this.#tell(worker);
  }

  /**
   * Sessions of a node that is gone may have been taken up by others, with the ids that they had:
   * such a name stays theirs. Their old place has no ports.
   */
  #remember(places: readonly NodePlace[]): readonly NodePlace[] {
    const nowMs = performance.now();
    const numbers = new Set(places.map(({ node }) => node));
    for (const place of this.#there) {
      const ports = place.ports.map(() => 0);
      const untilMs = nowMs + this.#rememberMs;
      const kept = { place: { ...place, ports }, untilMs };
      if (!numbers.has(place.node)) this.#gone.set(place.node, kept);
    }
    this.#there = places;
    for (const [node, { untilMs }] of this.#gone) {
      const isOver = untilMs <= nowMs || numbers.has(node) || this.#gone.size > GONE_MAX;
      if (isOver) this.#gone.delete(node);
    }
    return [...this.#gone.values()].map(({ place }) => place);
  }

  #tell(worker: number): void {
    this.#hub.say(worker, this.number, (frame) => frame.text(this.#text));
  }
}
