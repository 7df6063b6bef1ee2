/**
 * How many workers a node starts, how many sessions each takes and how much may wait for them, from
 * what the host allows.
 *
 * Each connection holds an open file, so the open-file limit of a process is the hard bound; past
 * it the kernel would refuse connections that the worker has already invited.
 */

import { availableParallelism } from 'node:os';
import type { Config } from '../../host/config/schema.ts';
import { LIMITS } from '../core/limits/limits.ts';
import type { WorkerPlaces } from '../links/bus/worker-settings.ts';
import { MAX_SLOT } from '../protocol/session-id.ts';

/**
 * Sessions for each file: those that poll and are between two polls hold none, and where much is
 * said to them, most are. What they hold is memory, which has a budget of its own.
 */
const SESSIONS_PER_FILE = 4;
/** With few files, the reserve leaves at least this part to clients. */
const CLIENTS_SHARE_MIN = 1 / 2;

/**
 * What one worker takes: of sessions as many as a session id can number, at the most.
 * @param openFiles its soft open-file limit
 */
export function workerPlaces(config: Config, openFiles: number): WorkerPlaces {
  const most = MAX_SLOT + 1;
  const forClients = Math.max(
    1,
    openFiles - LIMITS.openFilesReserve,
    Math.floor(openFiles * CLIENTS_SHARE_MIN),
  );
  const { maxSessionsPerWorker } = config;
  const sessions =
    maxSessionsPerWorker === 'auto' ? forClients * SESSIONS_PER_FILE : maxSessionsPerWorker;
  return { openFiles, connections: forClients, sessions: Math.min(most, sessions) };
}

/** Sessions that a worker is said to take: each has a connection, as a rule. */
export function capacityOf({ connections, sessions }: WorkerPlaces): number {
  return Math.min(connections, sessions);
}

/** Of the memory there is: sessions themselves, the app and the kernel's buffers need the rest. */
const MEMORY_SHARE = 1 / 4;
/** More than this waiting in one worker is no burst any more. */
const MEMORY_BUDGET_MAX = 268_435_456;
/** Messages of the largest size that fit at the least. */
const MESSAGES_MIN = 16;

/**
 * What may wait for the clients of one worker.
 * @param memoryBytes what the node may use at the most
 */
export function memoryBudget(config: Config, workers: number, memoryBytes: number): number {
  if (config.memoryBudgetBytes !== 'auto') return config.memoryBudgetBytes;
  const share = Math.floor((memoryBytes * MEMORY_SHARE) / workers);
  const least = config.maxBackpressureBytes * MESSAGES_MIN;
  return Math.max(least, Math.min(MEMORY_BUDGET_MAX, share));
}

/**
 * How far over the mean a worker may come: the kernel gives each connection to a worker by a hash,
 * so their numbers scatter by the square root of the mean. A worker passes four times that once in
 * 30,000, so one of 53 workers does once in 600.
 */
const SCATTER = 4;
/** In small workers that much scatter would leave no room at all. */
const FILLED_MIN = 1 / 2;

/** Workers that the node starts. */
export function workerCount(
  config: Config,
  capacity: number,
  cores: number = availableParallelism(),
): number {
  if (config.workers !== 'auto') return config.workers;
  const filled = Math.max(capacity * FILLED_MIN, capacity - SCATTER * Math.sqrt(capacity));
  const mean = Math.max(1, filled);
  const wanted = Math.ceil((config.connections ?? 0) / mean);
  return Math.min(LIMITS.workersPerNode, Math.max(cores, wanted));
}
