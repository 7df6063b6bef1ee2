/**
 * What the controller tells a worker when it starts it: one JSON text in the environment.
 *
 * The controller has validated the configuration, so that workers need no schema library.
 */

import { join } from 'node:path';
import type { Config } from '../../../host/config/schema.ts';

export const WORKER_VARIABLE = 'HOLDFAST_WORKER';

/** How much one worker takes; `connections` is what counts for most nodes. */
export interface WorkerPlaces {
  /** The most files that it may have open. */
  readonly openFiles: number;
  /** Those of them that connections of clients may hold. */
  readonly connections: number;
  /** The most sessions, whatever they hold: those that poll hold no file in between. */
  readonly sessions: number;
}

/** How a worker is reached by those of other nodes, and reaches them. */
export interface ClusterPlace {
  /** What all nodes know, and nobody else. */
  readonly secret: string;
  /** The address to listen on. */
  readonly host: string;
  /** The port of worker 0, worker n has this plus n; 0 for any that is free. */
  readonly port: number;
}

export interface WorkerSettings {
  readonly worker: number;
  readonly workerCount: number;
  /** Number of the node, part of every session id. */
  readonly node: number;
  /** Directory of the Unix sockets. */
  readonly runDir: string;
  /** The public port, never 0. */
  readonly publicPort: number;
  /** The worker's own port, 0 for none. */
  readonly ownPort: number;
  /** Absolute path of the app file; empty for an app of nothing. */
  readonly app: string;
  /** How much it takes. */
  readonly places: WorkerPlaces;
  /** What may wait for clients of this worker together. */
  readonly memoryBudgetBytes: number;
  /** Names the history of the node's rooms. */
  readonly historyEpoch: string;
  /** What proves that a client was given a session (`protocol/recovery-token.ts`). */
  readonly recoveryKey: string;
  /** Where there are other nodes. */
  readonly cluster?: ClusterPlace | undefined;
  readonly config: Config;
}

/** @throws Error when the process was not started by a controller */
export function readWorkerSettings(environment: NodeJS.ProcessEnv): WorkerSettings {
  const text = environment[WORKER_VARIABLE];
  if (text === undefined) throw new Error('a worker is started by `holdfast start`, not by hand');
  return JSON.parse(text) as WorkerSettings;
}

/** Where the hub of a node listens. */
export function busSocketPath(runDir: string): string {
  return join(runDir, 'bus.sock');
}
