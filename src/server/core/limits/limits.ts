/**
 * Every bound of the server that is not a config key, as plain numbers for the code that keeps it.
 *
 * The entries with unit, reason and what who reaches them sees are in the files beside; the page
 * docs/LIMITS.md is written from them. Relations between bounds are asserted by `assertLimits`,
 * which each worker calls at start.
 */

import { MAX_SLOT, MAX_WORKER } from '../../protocol/session-id.ts';
import type { Bound } from './bound.ts';
import { CLIENT_BOUNDS } from './client-bounds.ts';
import { CLUSTER_BOUNDS } from './cluster-bounds.ts';
import { CONNECTION_BOUNDS } from './connection-bounds.ts';
import { HOOK_BOUNDS } from './hook-bounds.ts';
import { LOG_BOUNDS } from './log-bounds.ts';
import { NODE_BOUNDS } from './node-bounds.ts';
import { PRESENCE_BOUNDS } from './presence-bounds.ts';
import { WORKER_BOUNDS } from './worker-bounds.ts';

export type BoundName =
  | keyof typeof CLIENT_BOUNDS
  | keyof typeof CONNECTION_BOUNDS
  | keyof typeof WORKER_BOUNDS
  | keyof typeof NODE_BOUNDS
  | keyof typeof CLUSTER_BOUNDS
  | keyof typeof HOOK_BOUNDS
  | keyof typeof PRESENCE_BOUNDS
  | keyof typeof LOG_BOUNDS;

export const BOUNDS: Readonly<Record<BoundName, Bound>> = {
  ...CLIENT_BOUNDS,
  ...CONNECTION_BOUNDS,
  ...WORKER_BOUNDS,
  ...NODE_BOUNDS,
  ...CLUSTER_BOUNDS,
  ...HOOK_BOUNDS,
  ...PRESENCE_BOUNDS,
  ...LOG_BOUNDS,
};

export const LIMITS: Readonly<Record<BoundName, number>> = Object.fromEntries(
  Object.entries(BOUNDS).map(([name, { value }]) => [name, value]),
) as Record<BoundName, number>;

/**
 * @param maxMessageBytes the most that a client may send or have waiting for it, by the config
 * @param capacity the most sessions of this worker
 * @throws Error when two bounds contradict each other
 */
export function assertLimits(maxMessageBytes: number, capacity: number): void {
  const relations: readonly (readonly [boolean, string])[] = [
    [LIMITS.ipcHighWaterBytes < LIMITS.ipcQueueBytes, 'ipcHighWaterBytes < ipcQueueBytes'],
    [LIMITS.busSharedBytes < LIMITS.busSpeakersBytes, 'busSharedBytes < busSpeakersBytes'],
    [LIMITS.busSpeakersBytes < LIMITS.ipcQueueBytes, 'busSpeakersBytes < ipcQueueBytes'],
    [LIMITS.hubLaneHoldBytes < LIMITS.hubLaneBytes, 'hubLaneHoldBytes < hubLaneBytes'],
    [LIMITS.ipcQueueBytes < LIMITS.peerQueueBytes, 'ipcQueueBytes < peerQueueBytes'],
    [LIMITS.eventsWithPing < LIMITS.heldEvents, 'eventsWithPing < heldEvents'],
    [LIMITS.ipcFrameBytes < LIMITS.ipcQueueBytes, 'ipcFrameBytes < ipcQueueBytes'],
    [maxMessageBytes * 2 <= LIMITS.ipcFrameBytes, 'maxMessageBytes × 2 ≤ ipcFrameBytes'],
    [
      LIMITS.workersPerNode <= MAX_WORKER + 1,
      'workersPerNode ≤ workers that a session id can name',
    ],
    [capacity <= MAX_SLOT + 1, 'capacity ≤ slots that a session id can name'],
  ];
  for (const [holds, relation] of relations) {
    if (!holds) throw new Error(`limits contradict each other: ${relation} does not hold`);
  }
}
