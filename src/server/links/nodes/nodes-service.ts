/**
 * The controller's end: tells workers where other nodes are, each when it asks, and all when that
 * changes.
 */

import type { Cluster, NodePlace } from '../../core/contracts/cluster.ts';
import type { Hub } from '../bus/hub.ts';
import { STATE_SERVICE, type StateService } from '../bus/state-service.ts';
import { writePlaces } from './places-text.ts';

export class NodesService implements StateService {
  readonly number: number = STATE_SERVICE.nodes;
  readonly #hub: Pick<Hub, 'say'>;
  readonly #workerCount: number;
  #text: string;

  constructor(
    cluster: Pick<Cluster, 'places' | 'watch'>,
    hub: Pick<Hub, 'say'>,
    workerCount: number,
  ) {
    this.#hub = hub;
    this.#workerCount = workerCount;
    this.#text = writePlaces(cluster.places);
    cluster.watch({ onPlaces: (places) => this.#changed(places) });
  }

  /** A worker has nothing to say but that it wants to know. */
  onSaid(worker: number): void {
    this.#tell(worker);
  }

  workerGone(): void {}

  #changed(places: readonly NodePlace[]): void {
    const text = writePlaces(places);
    if (text === this.#text) return;
    this.#text = text;
    for (let worker = 0; worker < this.#workerCount; worker++) this.#tell(worker);
  }

  #tell(worker: number): void {
    this.#hub.say(worker, this.number, (frame) => frame.text(this.#text));
  }
}
