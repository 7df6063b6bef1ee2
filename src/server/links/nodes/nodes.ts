/**
 * All that a worker has to do with other nodes: where they are, links to their workers, and links
 * that come from those. A worker of a single node loads nothing of it.
 */

import type { SessionOwner } from '../../core/contracts/client-connection.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import type { BusClient } from '../bus/bus-client.ts';
import type { ClusterPlace } from '../bus/worker-settings.ts';
import { edgeLink } from '../peer/peer-server.ts';
import type { EdgeLimits } from '../peer/remote-owner.ts';
import { LinkWatch } from './link-watch.ts';
import { NodeDirectory } from './node-directory.ts';
import { NodeListener } from './node-listener.ts';
import { NodePeers } from './node-peers.ts';

export interface NodesOptions {
  readonly cluster: ClusterPlace;
  /** Of this worker. */
  readonly node: number;
  readonly worker: number;
  /** How long a request may take to come whole. */
  readonly requestTimeoutMs: number;
  readonly bus: Pick<BusClient, 'say' | 'onService'>;
  /** The sessions of this worker. */
  readonly own: SessionOwner;
  readonly edge: EdgeLimits;
  readonly log: Log;
}

export class Nodes {
  readonly #options: NodesOptions;
  readonly #directory: NodeDirectory;
  readonly #watch: LinkWatch;
  readonly #listener: NodeListener;
  readonly #peers: NodePeers;
  readonly #timer: Timer;

  /**
   * Listens, and waits until it is told where other nodes are: for a worker that takes connections
   * before, their sessions were unknown.
   *
   * @throws Error that says what to do when it cannot listen
   */
  static async open(options: NodesOptions): Promise<Nodes> {
    const nodes = new Nodes(options);
    await Promise.race([nodes.directory.told, Bun.sleep(LIMITS.clusterToldMs)]);
    return nodes;
  }

  private constructor(options: NodesOptions) {
    const { cluster, node, worker, requestTimeoutMs, bus, edge, log } = options;
    this.#options = options;
    this.#watch = new LinkWatch(edge.refusals);
    this.#listener = this.#listen();
    this.#directory = new NodeDirectory(bus, node, () => this.#peers.placesChanged());
    // A post may have begun in the beat before the first that counts.
    const idleMs = Math.max(LIMITS.clusterIdleMs, requestTimeoutMs) + LIMITS.clusterAliveMs;
    this.#peers = new NodePeers({
      node,
      worker,
      secret: cluster.secret,
      directory: this.#directory,
      watch: this.#watch,
      idleBeats: Math.ceil(idleMs / LIMITS.clusterAliveMs),
      log,
      edge,
    });
    this.#timer = setInterval(() => {
      this.#watch.beat();
      this.#peers.beat();
    }, LIMITS.clusterAliveMs);
  }

  /** Where this worker listens for other nodes. */
  get port(): number {
    return this.#listener.port;
  }

  get directory(): NodeDirectory {
    return this.#directory;
  }

  get peers(): NodePeers {
    return this.#peers;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listener.stop();
    this.#peers.close();
  }

  #listen(): NodeListener {
    const { cluster, node, worker, own, edge, log } = this.#options;
    const port = cluster.port === 0 ? 0 : cluster.port + worker;
    try {
      return new NodeListener({
        host: cluster.host,
        port,
        secret: cluster.secret,
        node,
        worker,
        refusals: edge.refusals,
        accept: (onClosed) => edgeLink(own, log, onClosed),
        onLink: (link) => this.#watch.add(link),
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const where = `${cluster.host} port ${port === 0 ? '0 (any)' : port}`;
      throw new Error(
        `cannot listen for other nodes at ${where} (${reason}): set clusterHost to an address of ` +
          'this host, and clusterPort to ports that are free, or to 0',
        { cause: error },
      );
    }
  }
}
