/**
 * Listens for workers of other nodes: who has proven that it knows the secret becomes an edge as
 * any other.
 *
 * Those who have not are few: when one more comes, the one that has been there for longest goes. An
 * honest worker needs two round trips, so that strangers would have to come faster than that.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import {
  type FramedConnection,
  framedSocketHandler,
  type SocketHolder,
} from '../ipc/framed-connection.ts';
import { UnprovenEdge } from './unproven.ts';

export interface NodeListenerOptions {
  /** The address to listen on. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly secret: string;
  /** Of this worker. */
  readonly node: number;
  readonly worker: number;
  readonly refusals: Refusals;
  /** How long the proof may take; `clusterProofMs` unless given. */
  readonly proofMs?: number;
  /** Makes this end of the link of an edge. @param onClosed to be called when it has ended */
  accept(onClosed: (link: FramedConnection) => void): FramedConnection;
  /** An edge has proven itself. */
  onLink(link: FramedConnection): void;
}

export class NodeListener {
  readonly #options: NodeListenerOptions;
  readonly #server: Bun.TCPSocketListener<SocketHolder>;
  /** In the order in which they came. */
  readonly #strangers: Set<UnprovenEdge> = new Set();
  readonly #links: Set<FramedConnection> = new Set();

  /** @throws Error of the system when it cannot listen */
  constructor(options: NodeListenerOptions) {
    this.#options = options;
    this.#server = Bun.listen<SocketHolder>({
      hostname: options.host,
      port: options.port,
      // Another node of this host must not slip in beside it.
      exclusive: true,
      socket: {
        ...framedSocketHandler,
        open: (socket) => {
          const stranger = this.#greet(socket.remoteAddress);
          socket.data = stranger;
          stranger.open(socket);
        },
      },
    });
  }

  get port(): number {
    return this.#server.port;
  }

  /** Connections that have proven nothing yet. */
  get strangers(): number {
    return this.#strangers.size;
  }

  /** Links of other nodes. */
  get links(): number {
    return this.#links.size;
  }

  /** Stops listening, and ends all that came. */
  stop(): void {
    for (const link of this.#links) link.close();
    this.#server.stop(true);
  }

  #greet(address: string): UnprovenEdge {
    const { secret, node, worker, refusals, proofMs } = this.#options;
    const [oldest] = this.#strangers;
    if (oldest !== undefined && this.#strangers.size >= LIMITS.clusterStrangers) {
      this.#strangers.delete(oldest);
      refusals.count('clusterCrowded', address);
      oldest.fail('made place');
    }
    const stranger = new UnprovenEdge(
      {
        secret,
        ...(proofMs === undefined ? {} : { proofMs }),
        link: () => this.#options.accept((link) => this.#links.delete(link)),
        onProven: (link) => {
          this.#strangers.delete(stranger);
          this.#welcome(link, address);
        },
        onFailed: (what) => {
          // Who made place has been counted.
          if (!this.#strangers.delete(stranger)) return;
          refusals.count('clusterUnproven', `${address} ${what}`);
        },
      },
      { ownerNode: node, ownerWorker: worker },
    );
    this.#strangers.add(stranger);
    return stranger;
  }

  #welcome(link: FramedConnection, address: string): void {
    if (this.#links.size >= LIMITS.clusterLinks) {
      this.#options.refusals.count('clusterCrowded', address);
      link.cut(new Error('there are too many links of other nodes'));
      return;
    }
    this.#links.add(link);
    this.#options.onLink(link);
  }
}
