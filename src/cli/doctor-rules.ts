/** Tells the doctor how a node of this configuration spreads its sessions over workers. */

import type { Config } from '../config/schema.ts';
import { workerCapacity, workerCount } from '../controller/capacity.ts';
import type { NodeRules } from '../doctor/outlook.ts';

export function nodeRules(config: Config): NodeRules {
  const capacityOf = (openFiles: number): number => workerCapacity(config, openFiles);
  const workersFor = (connections: number, openFiles: number, cores: number): number =>
    workerCount({ ...config, connections }, capacityOf(openFiles), cores);
  return {
    capacityOf,
    workersFor,
    workersMost: workersFor(Number.MAX_SAFE_INTEGER, 0, 1),
    pingIntervalMs: config.pingIntervalMs,
    publicPort: config.port,
    adminPort: config.adminPort,
    workerPortBase: config.workerPorts ? config.workerPortBase : undefined,
  };
}
