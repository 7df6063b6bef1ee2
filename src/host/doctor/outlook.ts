/**
 * What all checks of one diagnosis share: the host, what it is to hold, and what follows from both
 * for the number of workers and the needs of each.
 */

import { SESSION_COST } from '../figures/session-cost.ts';
import { cgroupCores } from '../machine/cgroup.ts';
import type { HostFiles } from '../machine/host-files.ts';
import { openFileLimits, processStatus, type ResourceLimit } from '../machine/process-limits.ts';
import { workerPids } from '../machine/worker-processes.ts';

/** What the host is to hold. */
export interface Goal {
  readonly connections: number;
  /** The fleet runs on this host too: both ends of each connection are here. */
  readonly withFleet: boolean;
  readonly node: NodeRules;
}

/** How a node of this configuration spreads its sessions; the controller knows the rules. */
export interface NodeRules {
  /** The most sessions of one worker with so many open files. */
  readonly capacityOf: (openFiles: number) => number;
  /** Sessions to reckon with for each of the workers, as connections scatter over them. */
  readonly meanOf: (openFiles: number) => number;
  /** Workers that a node starts for so many connections. */
  readonly workersFor: (connections: number, openFiles: number, cores: number) => number;
  /** The most workers that a node of this configuration has. */
  readonly workersMost: number;
  /** As configured; undefined when open files alone bound a worker. */
  readonly maxSessionsPerWorker?: number | undefined;
  readonly pingIntervalMs: number;
  readonly publicPort: number;
  readonly adminPort: number;
  /** The port of worker 0 when workers have ports of their own. */
  readonly workerPortBase?: number | undefined;
}

export interface Outlook {
  readonly host: HostFiles;
  readonly goal: Goal;
  /** Cores' worth of CPU time that this process may use. */
  readonly cores: number;
  /** The limits of this process, which a node started in the same place has too. */
  readonly openFiles: ResourceLimit | undefined;
  /** Open files at which no more workers are needed than a node starts anyway. */
  readonly openFilesNeeded: number;
  /** Workers that a node for this goal starts with the limits as they are. */
  readonly workers: number;
  /** How many without a limit on open files. */
  readonly workersLeast: number;
  /** Sockets on this host for each session: 1, or 2 when the fleet is here. */
  readonly socketsPerSession: number;
  /** Kernel memory on this host for each session. */
  readonly kernelBytesPerSession: number;
  /** Memory of processes on this host for each session, without the workers' own. */
  readonly userBytesPerSession: number;
  /** Workers of Holdfast that run on this host now, of any node. */
  readonly workerPids: readonly number[];
}

/** What to assume where a process cannot be asked: the limit of systems without /proc. */
const OPEN_FILES_FALLBACK = 10_240;
/** More than any goal needs. */
const OPEN_FILES_SOUGHT = 2 ** 31;

/** @param scan also looks for workers that run; this reads the command line of every process */
export function outlookOf(host: HostFiles, goal: Goal, scan = true): Outlook {
  const { node, connections, withFleet } = goal;
  const openFiles = openFileLimits(host, 'self');
  const cores = Math.min(processStatus(host, 'self')?.cores || 1, cgroupCores(host, 'self') ?? 1e9);
  const wholeCores = Math.max(1, Math.floor(cores));
  const soft = openFiles?.soft ?? OPEN_FILES_FALLBACK;
  const workersLeast = node.workersFor(connections, Number.MAX_SAFE_INTEGER, wholeCores);
  const meanMost = node.meanOf(Number.MAX_SAFE_INTEGER);
  return {
    host,
    goal,
    cores,
    openFiles,
    openFilesNeeded: least(
      (files) =>
        node.workersFor(connections, files, wholeCores) <= workersLeast &&
        node.meanOf(files) >= Math.min(connections / workersLeast, meanMost),
      OPEN_FILES_SOUGHT,
    ),
    workers: node.workersFor(connections, soft, wholeCores),
    workersLeast,
    socketsPerSession: withFleet ? 2 : 1,
    kernelBytesPerSession: withFleet
      ? 2 * SESSION_COST.kernelBytesPerLoopbackSocket
      : SESSION_COST.kernelBytesPerSocket,
    userBytesPerSession:
      SESSION_COST.workerBytesPerSession + (withFleet ? SESSION_COST.agentBytesPerConnection : 0),
    workerPids: scan ? workerPids(host) : [],
  };
}

/**
 * The smallest number that is enough; greater ones always are.
 * @param most is enough, or the answer when nothing is
 */
export function least(isEnough: (value: number) => boolean, most: number): number {
  let [tooFew, enough] = [0, most];
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (isEnough(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}
