/**
 * How many workers a node starts and how many sessions each takes, from what the host allows.
 *
 * Each session holds an open file, so the open-file limit of a process is the hard bound; past it
 * the kernel would refuse connections that the worker has already invited.
 */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Config } from '../config/schema.ts';
import { LIMITS } from '../core/limits.ts';

/** Where the system does not tell, the limit that is common on systems without `/proc`. */
const OPEN_FILES_FALLBACK = 10_240;

/** The soft open-file limit of this process, which the workers inherit. */
export function openFileLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
    if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER;
    return Number(soft ?? OPEN_FILES_FALLBACK);
  } catch {
    return OPEN_FILES_FALLBACK;
  }
}

/** Sessions that one worker takes. */
export function workerCapacity(config: Config, openFiles: number): number {
  const most = Math.max(1, openFiles - LIMITS.openFilesReserve);
  const { maxSessionsPerWorker } = config;
  return maxSessionsPerWorker === 'auto' ? most : Math.min(most, maxSessionsPerWorker);
}

/**
 * How far over the mean a worker may come: the kernel gives each connection to a worker by a hash,
 * so their numbers scatter by the square root of the mean. Four times that is passed once in
 * 30,000.
 */
const SCATTER = 4;

/** Workers that the node starts. */
export function workerCount(
  config: Config,
  capacity: number,
  cores: number = availableParallelism(),
): number {
  if (config.workers !== 'auto') return config.workers;
  const mean = Math.max(1, capacity - SCATTER * Math.sqrt(capacity));
  const wanted = Math.ceil((config.connections ?? 0) / mean);
  return Math.min(LIMITS.workersPerNode, Math.max(cores, wanted));
}
