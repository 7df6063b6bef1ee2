/**
 * A worker's end: where other nodes are, as the controller says. A worker whose controller is gone
 * goes on with what it knew.
 */

import type { NodePlace } from '../../core/contracts/cluster.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import type { BusClient } from '../bus/bus-client.ts';
import { STATE_SERVICE } from '../bus/state-service.ts';
import { readPlaces } from './places-text.ts';

export class NodeDirectory {
  readonly #ownNode: number;
  readonly #onChange: () => void;
  readonly #first: PromiseWithResolvers<void> = Promise.withResolvers();
  #places: ReadonlyMap<number, NodePlace> = new Map();

  /**
   * @param ownNode is never another node
   * @param onChange is called when nodes or their places have changed
   */
  constructor(
    bus: Pick<BusClient, 'say' | 'onService'>,
    ownNode: number,
    onChange: () => void = () => {},
  ) {
    this.#ownNode = ownNode;
    this.#onChange = onChange;
    bus.onService(STATE_SERVICE.nodes, (frame) => this.#take(frame.text()));
    bus.say(STATE_SERVICE.nodes, () => {});
  }

  /** Settles when it has been told for the first time. */
  get told(): Promise<void> {
    return this.#first.promise;
  }

  /** Other nodes that are known. */
  get size(): number {
    return this.#places.size;
  }

  /** The place of a node, if it has such a worker. */
  find(node: number, worker: number): NodePlace | undefined {
    const place = this.#places.get(node);
    return place !== undefined && worker < place.ports.length ? place : undefined;
  }

  /** Whether a session of another node may have such an id. */
  isSessionId(name: string): boolean {
    const address = decodeSessionId(name);
    return address !== undefined && this.find(address.node, address.worker) !== undefined;
  }

  /** @throws Error when it cannot be read; what was known before holds then */
  #take(text: string): void {
    const others = readPlaces(text).filter(({ node }) => node !== this.#ownNode);
    this.#places = new Map(others.map((place) => [place.node, place]));
    this.#onChange();
    this.#first.resolve();
  }
}
