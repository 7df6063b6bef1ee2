/**
 * Whose a session is, by its id: of this worker, of another of this node, or of another node. And
 * the other way: where other workers reach the sessions of this one.
 */

import { rmSync } from 'node:fs';
import type { SessionOwner } from '../core/contracts/client-connection.ts';
import type { Log } from '../core/log/log.ts';
import type { BusClient } from '../links/bus/bus-client.ts';
import type { ClusterPlace, WorkerSettings } from '../links/bus/worker-settings.ts';
import { type PeerListener, servePeers } from '../links/peer/peer-server.ts';
import { Peers, peerSocketPath } from '../links/peer/peers.ts';
import type { EdgeLimits } from '../links/peer/remote-owner.ts';
import { isSessionIdOf, type SessionAddress } from '../protocol/session-id.ts';

export interface SessionOwnersOptions {
  readonly settings: WorkerSettings;
  /** The sessions of this worker. */
  readonly own: SessionOwner;
  readonly bus: BusClient;
  readonly edge: EdgeLimits;
  readonly log: Log;
}

export class SessionOwners {
  readonly own: SessionOwner;
  readonly #options: SessionOwnersOptions;
  readonly #peers: Peers;
  #listener: PeerListener | undefined;
  /** Of a single node there are none. */
  #nodes: Awaited<ReturnType<typeof openNodes>> | undefined;

  constructor(options: SessionOwnersOptions) {
    const { settings, own, log, edge } = options;
    this.own = own;
    this.#options = options;
    this.#peers = new Peers(settings.runDir, settings.workerCount, log, edge);
  }

  /**
   * From now on other workers reach the sessions of this one.
   *
   * @returns the port for other nodes, 0 when there are none
   * @throws Error when it cannot listen
   */
  async listen(): Promise<number> {
    const { settings, own, log } = this.#options;
    const path = peerSocketPath(settings.runDir, settings.worker);
    // A worker that was killed leaves its socket's name behind.
    rmSync(path, { force: true });
    this.#listener = servePeers(path, own, log);
    if (settings.cluster === undefined) return 0;
    this.#nodes = await openNodes(this.#options, settings.cluster);
    return this.#nodes.port;
  }

  /** Listens again where it no longer does. @throws Error when it cannot */
  look(): void {
    this.#listener?.look();
  }

  /** `undefined` when no such node or worker is known. */
  ownerOf({ node, worker }: SessionAddress): SessionOwner | undefined {
    const { settings } = this.#options;
    if (node !== settings.node) return this.#nodes?.peers.ownerOf(node, worker);
    return worker === settings.worker ? this.own : this.#peers.ownerOf(worker);
  }

  /** Whether a session of a node that is known may have such an id. */
  isSessionId(name: string): boolean {
    const { node, workerCount } = this.#options.settings;
    return (
      isSessionIdOf(name, node, workerCount) || this.#nodes?.directory.isSessionId(name) === true
    );
  }

  /** Sockets held here for sessions of other workers. */
  get socketCount(): number {
    return this.#peers.socketCount + (this.#nodes?.peers.socketCount ?? 0);
  }

  /** The keys of their connections. */
  *connections(): Generator<number> {
    yield* this.#peers.connections();
    if (this.#nodes !== undefined) yield* this.#nodes.peers.connections();
  }

  close(): void {
    this.#listener?.stop();
    this.#peers.close();
    this.#nodes?.close();
  }
}

/** @throws Error when it cannot listen */
async function openNodes(
  { settings, own, bus, edge, log }: SessionOwnersOptions,
  cluster: ClusterPlace,
) {
  const { Nodes } = await import('../links/nodes/nodes.ts');
  const { node, worker, config } = settings;
  const { requestTimeoutMs } = config;
  return await Nodes.open({ cluster, node, worker, requestTimeoutMs, bus, own, edge, log });
}
