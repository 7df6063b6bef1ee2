/** Tells the doctor how a node of this configuration spreads its sessions over workers. */

import type { Config } from '../host/config/schema.ts';
import { least, type NodeRules } from '../host/doctor/outlook.ts';
import { capacityOf, workerCount, workerPlaces } from '../server/controller/capacity.ts';

export function nodeRules(config: Config): NodeRules {
  const capacity = (openFiles: number): number => capacityOf(workerPlaces(config, openFiles));
  const workersFor = (connections: number, openFiles: number, cores: number): number =>
    workerCount({ ...config, connections }, capacity(openFiles), cores);
  const { maxSessionsPerWorker } = config;
  return {
    capacityOf: capacity,
    meanOf: (openFiles) => meanUnder(config, capacity(openFiles)),
    workersFor,
    workersMost: workersFor(Number.MAX_SAFE_INTEGER, 0, 1),
    maxSessionsPerWorker: maxSessionsPerWorker === 'auto' ? undefined : maxSessionsPerWorker,
    pingIntervalMs: config.pingIntervalMs,
    publicPort: config.port,
    adminPort: config.adminPort,
    workerPortBase: config.workerPorts ? config.workerPortBase : undefined,
  };
}

/** The most connections for which the controller, left to itself, takes one worker. */
function meanUnder(config: Config, capacity: number): number {
  // The only worker of a node gets all connections.
  if (config.workers === 1) return capacity;
  const isTooMany = (connections: number): boolean =>
    workerCount({ ...config, workers: 'auto', connections }, capacity, 1) > 1;
  return least(isTooMany, capacity + 1) - 1;
}
