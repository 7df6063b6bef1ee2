/**
 * What one node needs for a number of sessions: workers, memory, CPU, files and ports. Pure, and
 * linear in the figures of `session-cost.ts`: nothing here is measured on the host that asks.
 */

import type { SessionCost } from './session-cost.ts';

/** What the plan reckons with beside the cost of a session, from the same run. */
export interface PlanBasis {
  /** Sessions of that run, all in one worker: from here on figures are drawn out. */
  readonly measuredSessions: number;
  /** Resident memory of a controller without sessions. */
  readonly controllerBytes: number;
  /** What the controller's table of users and rooms takes for one more session. */
  readonly controllerBytesPerSession: number;
}

export const PLAN_BASIS: PlanBasis = {
  measuredSessions: 19_000,
  // `otherRssBytes` of that run: 61.6 MB empty, 78.8 MB with 19,000 users after a churn of all.
  controllerBytes: 62_000_000,
  controllerBytesPerSession: 900,
};

/** Files that a worker keeps free of sessions, as `LIMITS.openFilesReserve` says. */
export const WORKER_FILES_RESERVE = 256;

/**
 * The kernel gives connections to workers by a hash, so a worker may come this many times the
 * square root of its room over the mean; `workers: auto` leaves the same.
 */
const SCATTER = 4;
/** In small workers that much would leave no room at all. */
const FILLED_MIN = 1 / 2;

/** Workers that a node can have, as `LIMITS.workersPerNode` says. */
export const WORKERS_MAX = 256;

/** Local ports for one pair of addresses and one port there: Linux's default, 32768 to 60999. */
export const PORTS_PER_TARGET: number = 60_999 - 32_768 + 1;

/** What clients do, for each session the same. */
export interface Load {
  /** Messages in one second that go to everybody. */
  readonly broadcastsPerSecond: number;
  /** Percent of the sessions that leave and come back in one minute. */
  readonly churnPercentPerMinute: number;
}

/** A host that is to run one node. */
export interface Host {
  readonly cores: number;
  readonly memoryBytes: number;
  /** The open-file limit of a worker; undefined when it can be set to what is needed. */
  readonly openFiles?: number | undefined;
}

export interface NodeNeeds {
  readonly sessions: number;
  readonly workers: number;
  readonly sessionsPerWorker: number;
  readonly memory: MemoryNeeds;
  readonly cpu: CpuNeeds;
  /** From sending one broadcast until the last session has it, while workers do nothing else. */
  readonly broadcastSeconds: number;
  /** Until all sessions are back when all come at once, while workers do nothing else. */
  readonly stormSeconds: number;
  readonly files: FileNeeds;
  readonly proxy: ProxyNeeds;
}

/** Bytes. */
export interface MemoryNeeds {
  readonly emptyWorkers: number;
  readonly sessions: number;
  readonly controller: number;
  readonly kernelSockets: number;
  readonly total: number;
}

/** Cores that are busy all the time. */
export interface CpuNeeds {
  readonly heartbeats: number;
  readonly deliveries: number;
  readonly handshakes: number;
  readonly total: number;
}

export interface FileNeeds {
  /** The open-file limit of each worker: soft limit, and fs.nr_open. */
  readonly perWorker: number;
  /** Of the whole host: fs.file-max. */
  readonly perHost: number;
}

/** A proxy in front that opens one connection to this node for each client. */
export interface ProxyNeeds {
  /** Addresses that the proxy connects from when all workers share one public port. */
  readonly sourceAddresses: number;
  /** The same when each worker has a port of its own (`workerPorts`). */
  readonly sourceAddressesWithWorkerPorts: number;
  /** Files of the proxy: two for each connection. */
  readonly files: number;
  /** What the kernel holds beside when it runs on the node's host: both ends over loopback. */
  readonly kernelBytesOnSameHost: number;
}

export function nodeNeeds(
  sessions: number,
  host: Host,
  load: Load,
  cost: SessionCost,
  basis: PlanBasis,
): NodeNeeds {
  const workers = workersFor(sessions, host);
  const sessionsPerWorker = Math.ceil(sessions / workers);
  const cpu = cpuNeeds(sessions, load, cost);
  // A worker is one thread, so more workers than cores share them, and fewer leave some idle.
  const busyCores = Math.min(host.cores, workers);
  return {
    sessions,
    workers,
    sessionsPerWorker,
    memory: memoryNeeds(sessions, workers, cost, basis),
    cpu,
    broadcastSeconds: (sessions * cost.cpuMicrosPerDelivery) / 1e6 / busyCores,
    stormSeconds: sessions / (cost.handshakesPerCoreSecond * busyCores),
    files: {
      perWorker: roomFor(sessionsPerWorker) + WORKER_FILES_RESERVE,
      perHost: sessions + (workers + 1) * WORKER_FILES_RESERVE,
    },
    proxy: {
      sourceAddresses: Math.ceil(sessions / PORTS_PER_TARGET),
      sourceAddressesWithWorkerPorts: Math.ceil(sessionsPerWorker / PORTS_PER_TARGET),
      files: 2 * sessions,
      kernelBytesOnSameHost: 2 * sessions * cost.kernelBytesPerLoopbackSocket,
    },
  };
}

/** One for each core, or as many as the open-file limit asks for; may be over `WORKERS_MAX`. */
export function workersFor(sessions: number, { cores, openFiles }: Host): number {
  if (openFiles === undefined) return Math.min(WORKERS_MAX, cores);
  return Math.max(Math.min(WORKERS_MAX, cores), Math.ceil(sessions / meanUnder(openFiles)));
}

/** Sessions on average that a worker can be planned for under an open-file limit; not whole. */
export function meanUnder(openFiles: number): number {
  const room = openFiles - WORKER_FILES_RESERVE;
  return Math.max(1, room * FILLED_MIN, room - SCATTER * Math.sqrt(room));
}

/** The least room whose mean is this: the root of room - SCATTER × √room = mean. */
function roomFor(mean: number): number {
  const root = (SCATTER + Math.sqrt(SCATTER ** 2 + 4 * mean)) / 2;
  return Math.ceil(Math.min(root ** 2, mean / FILLED_MIN));
}

function memoryNeeds(
  sessions: number,
  workers: number,
  cost: SessionCost,
  basis: PlanBasis,
): MemoryNeeds {
  const emptyWorkers = cost.sharedWorkerBytes + workers * cost.emptyWorkerBytes;
  const ofSessions = sessions * cost.workerBytesPerSession;
  const controller = basis.controllerBytes + sessions * basis.controllerBytesPerSession;
  const kernelSockets = sessions * cost.kernelBytesPerSocket;
  const total = emptyWorkers + ofSessions + controller + kernelSockets;
  return { emptyWorkers, sessions: ofSessions, controller, kernelSockets, total };
}

function cpuNeeds(sessions: number, load: Load, cost: SessionCost): CpuNeeds {
  const heartbeats = (sessions * cost.idleCpuMicrosPerSecond) / 1e6;
  const deliveries = (sessions * load.broadcastsPerSecond * cost.cpuMicrosPerDelivery) / 1e6;
  const comingPerSecond = (sessions * load.churnPercentPerMinute) / 100 / 60;
  const handshakes = comingPerSecond / cost.handshakesPerCoreSecond;
  return { heartbeats, deliveries, handshakes, total: heartbeats + deliveries + handshakes };
}
