/** The other workers of this node, as owners of sessions; links are made when first needed. */

import { join } from 'node:path';
import type { Log } from '../../core/log/log.ts';
import { connectFramed } from '../ipc/framed-connection.ts';
import { type EdgeLimits, RemoteOwner, type WayToWorker } from './remote-owner.ts';

/** Where a worker listens for the others. */
export function peerSocketPath(runDir: string, worker: number): string {
  return join(runDir, `worker-${worker}.sock`);
}

/** The way to a worker that listens on a Unix socket. */
export function unixWay(path: string): WayToWorker {
  return { name: path, connect: (link) => connectFramed(path, link) };
}

export class Peers {
  readonly #log: Log;
  readonly #runDir: string;
  readonly #workerCount: number;
  readonly #edge: EdgeLimits;
  readonly #owners: Map<number, RemoteOwner> = new Map();

  constructor(runDir: string, workerCount: number, log: Log, edge: EdgeLimits) {
    this.#edge = edge;
    this.#log = log;
    this.#runDir = runDir;
    this.#workerCount = workerCount;
  }

  /** The way to a worker's sessions; `undefined` when the node has no such worker. */
  ownerOf(worker: number): RemoteOwner | undefined {
    if (worker >= this.#workerCount) return undefined;
    let owner = this.#owners.get(worker);
    if (owner === undefined) {
      owner = new RemoteOwner(unixWay(peerSocketPath(this.#runDir, worker)), this.#log, this.#edge);
      this.#owners.set(worker, owner);
    }
    return owner;
  }

  /** Sockets held here for sessions of other workers. */
  get socketCount(): number {
    let count = 0;
    for (const owner of this.#owners.values()) count += owner.socketCount;
    return count;
  }

  /** The keys of their connections. */
  *connections(): Generator<number> {
    for (const owner of this.#owners.values()) yield* owner.connections();
  }

  close(): void {
    for (const owner of this.#owners.values()) owner.close();
  }
}
