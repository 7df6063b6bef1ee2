/**
 * Workers of other nodes, as owners of sessions. Links are made when first needed, closed when
 * nobody has needed them for a while, and made anew after a break.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import type { FramedConnection } from '../ipc/framed-connection.ts';
import { type EdgeLimits, RemoteOwner } from '../peer/remote-owner.ts';
import type { LinkWatch } from './link-watch.ts';
import { connectProven, type WorkerPlace } from './node-connect.ts';
import type { NodeDirectory } from './node-directory.ts';

export interface NodePeersOptions {
  /** Of this worker. */
  readonly node: number;
  readonly worker: number;
  readonly secret: string;
  readonly directory: Pick<NodeDirectory, 'find'>;
  readonly watch: LinkWatch;
  /** How long a link may be idle, in beats of `clusterAliveMs`. */
  readonly idleBeats: number;
  readonly log: Log;
  readonly edge: EdgeLimits;
}

/** A worker of another node. */
interface Far {
  readonly node: number;
  readonly worker: number;
  readonly owner: RemoteOwner;
  /** Where its link leads, once there has been one. */
  place: WorkerPlace | undefined;
  /** What was asked of it before, to see whether anything has been since. */
  lastNumber: number;
  idleBeats: number;
}

export class NodePeers {
  readonly #options: NodePeersOptions;
  readonly #far: Map<number, Far> = new Map();

  constructor(options: NodePeersOptions) {
    this.#options = options;
  }

  /** The way to a worker's sessions; `undefined` when no such node or worker is known. */
  ownerOf(node: number, worker: number): RemoteOwner | undefined {
    if (this.#options.directory.find(node, worker) === undefined) return undefined;
    const key = node * LIMITS.workersPerNode + worker;
    let far = this.#far.get(key);
    if (far === undefined) this.#far.set(key, (far = this.#newFar(node, worker)));
    return far.owner;
  }

  /** Sockets held here for sessions of other nodes. */
  get socketCount(): number {
    let count = 0;
    for (const { owner } of this.#far.values()) count += owner.socketCount;
    return count;
  }

  /** The keys of their connections. */
  *connections(): Generator<number> {
    for (const { owner } of this.#far.values()) yield* owner.connections();
  }

  /** Nodes or their places have changed: a worker that took the place of another has a new port. */
  placesChanged(): void {
    for (const far of this.#far.values()) {
      const place = this.#placeOf(far);
      const before = far.place;
      if (place === undefined || before === undefined || place.port === 0) continue;
      if (place.host === before.host && place.port === before.port) continue;
      far.owner.link?.cut(new Error('the worker has another place now'));
    }
  }

  /** Call it each `clusterAliveMs`. */
  beat(): void {
    for (const [key, far] of this.#far) {
      const { owner } = far;
      const isIdle = !owner.isInUse && owner.lastNumber === far.lastNumber;
      far.lastNumber = owner.lastNumber;
      far.idleBeats = isIdle ? far.idleBeats + 1 : 0;
      if (far.idleBeats < this.#options.idleBeats) continue;
      owner.release();
      this.#far.delete(key);
    }
  }

  close(): void {
    for (const { owner } of this.#far.values()) owner.close();
  }

  #newFar(node: number, worker: number): Far {
    const name = `worker ${worker} of node ${node.toString(16).padStart(6, '0')}`;
    const { log, edge } = this.#options;
    const way = { name, connect: (link: FramedConnection) => this.#connect(far, link) };
    const owner = new RemoteOwner(way, log, edge);
    const far: Far = { node, worker, owner, place: undefined, lastNumber: 0, idleBeats: 0 };
    return far;
  }

  async #connect(far: Far, link: FramedConnection): Promise<void> {
    const { secret, watch, edge, node, worker } = this.#options;
    const to = this.#placeOf(far);
    if (to === undefined || to.port === 0) throw new Error('it is not known where it is');
    far.place = to;
    const ends = {
      edgeNode: node,
      edgeWorker: worker,
      ownerNode: far.node,
      ownerWorker: far.worker,
    };
    await connectProven(link, { to, ends, secret, refusals: edge.refusals });
    watch.add(link);
  }

  #placeOf({ node, worker }: Far): WorkerPlace | undefined {
    const place = this.#options.directory.find(node, worker);
    return place && { host: place.host, port: place.ports[worker] ?? 0 };
  }
}
