/** Tells the doctor how a node of this configuration spreads its sessions over workers. */

import type { Config } from '../host/config/schema.ts';
import { least, type NodeRules } from '../host/doctor/outlook.ts';
import { workerCapacity, workerCount } from '../server/controller/capacity.ts';

export function nodeRules(config: Config): NodeRules {
  const capacityOf = (openFiles: number): number => workerCapacity(config, openFiles);
  const workersFor = (connections: number, openFiles: number, cores: number): number =>
    workerCount({ ...config, connections }, capacityOf(openFiles), cores);
  const { maxSessionsPerWorker } = config;
  return {
    capacityOf,
    meanOf: (openFiles) => meanUnder(config, capacityOf(openFiles)),
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
