/**
 * Every bound of the server that is not a config key, with its unit and its reason.
 *
 * Relations between bounds are asserted by `assertLimits`, which each worker calls at start.
 */

import { MAX_SLOT, MAX_WORKER } from '../../protocol/session-id.ts';

export const LIMITS = {
  /** A session in more rooms than this is a design fault of the app; each costs about 40 bytes. */
  roomsPerSession: 256,
  /** Of room names, users and session ids: workers hold and compare them, and frames carry them. */
  keyLength: 256,
  /** Namespaces one client may join over one connection. */
  namespacesPerConnection: 16,
  /** Binary attachments of one packet; the published parser refuses more than 10 by default. */
  attachmentsPerPacket: 10,
  /** Nesting of event arguments: deeper values would exhaust the stack. */
  argumentDepth: 64,
  /** Packets in one polling request: a body of separators must not become a million packets. */
  packetsPerPayload: 1_000,
  /** Sessions that ended with words for who polls; each at most the session's own queue. */
  lastWordsPerWorker: 1_000,
  /** A client that polls asks at once: one that has not joined and does not ask is no client. */
  unpolledMs: 10_000,
  /** What a packet in a queue costs beside its bytes. */
  packetOverheadBytes: 64,
  /** Some 4 ms of work: after it heartbeats and packets get their turn. */
  deliveriesPerSlice: 500,
  /** Events on their way to rooms of one worker: who is sent to has a look at each. */
  heldEvents: 256,
  /** What those events, and the sets of who gets them, may hold. */
  heldEventBytes: 16_777_216,
  /** What one session costs in such a set. */
  chosenSessionBytes: 40,
  /** A ping takes along what is on its way when it is little: heartbeats must not fall behind. */
  eventsWithPing: 8,
  bytesWithPing: 65_536,
  /** Handlers of one session that run at the same time; more means that it floods the worker. */
  handlersPerSession: 1_000,
  /** Acks that clients owe to one worker at the same time. */
  pendingAcksPerWorker: 100_000,
  /** Files a worker keeps free of sessions: listeners, peers, the bus, the app's own. */
  openFilesReserve: 256,
  /** Heartbeat slots in one ping interval: the finer, the smoother the load. */
  heartbeatSlots: 50,
  /** The shortest heartbeat tick in milliseconds: timers are not finer under load. */
  heartbeatTickMinMs: 10,
  /** One frame between processes: a payload and its attachments with room for the header. */
  ipcFrameBytes: 67_108_864,
  /** What may wait on one connection between processes before more is refused. */
  ipcQueueBytes: 134_217_728,
  /** From here on the controller stops reading from workers that publish. */
  ipcHighWaterBytes: 16_777_216,
  /** After this long over the high-water mark one worker stops holding up the others. */
  ipcStallMs: 2_000,
  /** Requests passed to other workers that wait for an answer. */
  pendingForwards: 100_000,
  /** Requests over the bus (fetchSessions, emitWithAck, …) that wait for answers. */
  pendingBusRequests: 10_000,
  /** An answer to a bus request that has no timeout of its own. */
  busRequestMs: 5_000,
  /** What the bus waits longer than the workers asked, whose answers need their way. */
  busGraceMs: 500,
  /** Workers of one node: the worker's number is one byte of a session id. */
  workersPerNode: 256,
} as const;

/**
 * @param maxMessageBytes the most that a client may send or have waiting for it, by the config
 * @param capacity the most sessions of this worker
 * @throws Error when two bounds contradict each other
 */
export function assertLimits(maxMessageBytes: number, capacity: number): void {
  const relations: readonly (readonly [boolean, string])[] = [
    [LIMITS.ipcHighWaterBytes < LIMITS.ipcQueueBytes, 'ipcHighWaterBytes < ipcQueueBytes'],
    [LIMITS.eventsWithPing < LIMITS.heldEvents, 'eventsWithPing < heldEvents'],
    [LIMITS.ipcFrameBytes < LIMITS.ipcQueueBytes, 'ipcFrameBytes < ipcQueueBytes'],
    [maxMessageBytes * 2 <= LIMITS.ipcFrameBytes, 'maxMessageBytes × 2 ≤ ipcFrameBytes'],
    [LIMITS.attachmentsPerPacket < LIMITS.packetsPerPayload, 'attachments < packetsPerPayload'],
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
