/**
 * What a worker tells the controller about itself once a second, over the bus.
 *
 * Gauges are of the moment; counters only grow within one incarnation of a worker. The controller
 * turns them into `/load`, `/process` and `/metrics`; nothing else reads them.
 */

import type { TransportName } from '../../core/app/app.ts';
import type { Counters } from '../../core/limits/counters.ts';
import type { HookGauges } from '../../core/limits/hook-counters.ts';
import type { RefusalCounts } from '../../core/limits/refusals.ts';

export interface WorkerSample {
  readonly worker: number;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly gauges: WorkerGauges;
  readonly counters: WorkerCounters;
  /** What was refused, cut and dropped, by reason. */
  readonly refusals: RefusalCounts;
}

export interface WorkerGauges extends HookGauges {
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** The longest delay of a timer since the last sample. */
  readonly loopLagMaxMs: number;
  /** The longest collection that the worker asked for since the last sample, 0 without one. */
  readonly collectionPauseMaxMs: number;
  /** Sessions by the transport that carries them now. */
  readonly pollingSessions: number;
  readonly websocketSessions: number;
  readonly sseSessions: number;
  readonly streamSessions: number;
  readonly rooms: number;
  readonly users: number;
  /** Sockets held here for sessions of other workers. */
  readonly edgeSockets: number;
  /** The most sessions this worker takes, from its open-file limit. */
  readonly capacity: number;
  /** Handshakes that it would take now, if they came at once. */
  readonly freePlaces: number;
  /** Files that are open, of whatever kind. */
  readonly openFiles: number;
  /** Connections of clients that are no WebSocket: polls that wait, and strangers. */
  readonly strangers: number;
  /** Of the sessions, those of the address, and of the ten addresses, with most; from 0 to 1. */
  readonly topAddressShare: number;
  readonly topTenAddressesShare: number;
  /** Bytes waiting to leave for the controller. */
  readonly busQueueBytes: number;
  /** What waits for clients, and the most that it may be. */
  readonly heldBytes: number;
  readonly memoryBudgetBytes: number;
}

/** Sessions of a worker, by the transport that carries them. */
export function sessionsByTransport(
  gauges: WorkerGauges | undefined,
): Readonly<Record<TransportName, number>> {
  return {
    polling: gauges?.pollingSessions ?? 0,
    websocket: gauges?.websocketSessions ?? 0,
    sse: gauges?.sseSessions ?? 0,
    stream: gauges?.streamSessions ?? 0,
  };
}

/** All sessions of a worker. */
export function sessionCount(gauges: WorkerGauges | undefined): number {
  return Object.values(sessionsByTransport(gauges)).reduce((sum, count) => sum + count, 0);
}

export interface WorkerCounters extends Readonly<Counters> {
  /** CPU time of the process, user and system. */
  readonly cpuMicroseconds: number;
  /** Garbage collections that the worker asked for; those of the runtime cannot be seen. */
  readonly collections: number;
  /** How long these stopped the worker, in all. */
  readonly collectionMicroseconds: number;
}
