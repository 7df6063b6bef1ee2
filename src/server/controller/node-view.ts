/**
 * What the admin API asks of the node: how it stands, to pass a message on, to profile a worker.
 *
 * The node implements it (node.ts). All but `publish` and `profile` is a look at state that is
 * already in memory, so that a scrape costs the node next to nothing.
 */
import type { PresenceFigures } from '../core/contracts/presence.ts';

import type { ClusterFigures } from '../links/broker/cluster-figures.ts';
import type { StreamFigures } from '../links/broker/node-stream.ts';
import type { ForeignFigures } from '../links/broker/redis-broker.ts';
import type { WorkerSample } from '../links/bus/sample.ts';
import type { RedisFigures } from '../links/redis/figures.ts';
import type { HistoryView } from '../state/history/embedded-history.ts';
import type { SeatsView } from '../state/seats/redis-seats.ts';
import type { SnapshotsView } from '../state/snapshots/embedded-snapshots.ts';
import type { MirrorView } from '../state/snapshots/session-mirror.ts';
import type { SessionsView } from './sessions-view.ts';

export {
  type CpuProfile,
  type CpuProfileNode,
  PROFILE_SECONDS_MAX,
  type Survivors,
  type WorkerProfile,
} from '../links/bus/worker-profile.ts';

export interface NodeView {
  readonly nodeId: string;
  readonly startedAtMs: number;
  readonly publicPort: number;
  /** Under which other hosts reach it. */
  readonly host: string;
  /** True when some worker takes sessions and the node is not stopping. */
  isReady(): boolean;
  workers(): readonly WorkerView[];
  hub(): HubView;
  state(): StateView;
  log(): LogView;
  broker(): BrokerView;
  readonly sessions: SessionsView;
  /**
   * Queues a message for the sessions it names, on all workers that have such.
   * @throws BusFullError (bus/bus-full-error.ts) that names the workers without room for it; it is
   *   sent to nobody then
   */
  publish(message: SendRequest): Promise<SendReceipt>;
  /**
   * Profiles a worker for so many seconds.
   * @returns the JSON of a `WorkerProfile` (bus/worker-profile.ts)
   * @throws HttpError when there is no such worker
   * @throws ProfileError when no profile came about
   */
  profile(worker: number, seconds: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** `backing-off` waits before it is started again; `stalled` has not answered for long. */
export const WORKER_STATES = ['starting', 'running', 'stalled', 'stopping', 'backing-off'] as const;
export type WorkerState = (typeof WORKER_STATES)[number];

export interface WorkerView {
  readonly index: number;
  /** Undefined while no process runs. */
  readonly pid: number | undefined;
  readonly state: WorkerState;
  /** How often the worker was started again since the node started. */
  readonly restarts: number;
  /** How often it did not answer for long since the node started. */
  readonly stalls: number;
  /** The worker's own port, if workers have such. */
  readonly port: number | undefined;
  /** Undefined until the current process has sent one. */
  readonly sample: WorkerSample | undefined;
  readonly lastSampleAtMs: number | undefined;
}

/** The hub of the bus; counters grow from the start of the controller. */
/** What the controller keeps for its workers. */
export interface StateView {
  readonly history: HistoryView;
  readonly recovery: SnapshotsView;
  readonly presence: PresenceView;
  readonly shared: SharedView;
}

/** What of it goes to other nodes; absent where nothing of the kind does. */
export interface SharedView {
  readonly sessions?: MirrorView | undefined;
  readonly seats?: SeatsView | undefined;
}

export interface HubView {
  readonly framesRelayed: number;
  readonly bytesRelayed: number;
  /** Frames dropped because too many of their sender waited for a worker that took none. */
  readonly framesDropped: number;
  /** Bytes that wait to be read, by worker index. */
  readonly queueBytes: readonly number[];
  /** Pairs of a worker and a room or user it wants messages for. */
  readonly interestEntries: number;
}

/** `degraded` has sessions, and no word from other nodes or none to them. */
export const BROKER_STATES = ['embedded', 'connected', 'degraded'] as const;
export type BrokerState = (typeof BROKER_STATES)[number];

/** The way to other nodes; counters grow from the start of the controller. */
export interface BrokerView {
  readonly state: BrokerState;
  /** Why it is degraded; `undefined` when it is not. */
  readonly fault: string | undefined;
  /** Absent for a node by itself. */
  readonly cluster?: ClusterFigures;
  /** Absent where nothing goes through a stream. */
  readonly stream?: StreamFigures | undefined;
  /** Socket.IO servers and emitters; absent where the config says that there are none. */
  readonly foreign?: Readonly<ForeignFigures> | undefined;
  readonly redis?: RedisFigures;
}

/** What was not logged; all numbers grow from the start of the controller. */
export interface LogView {
  /** Lines that could not be written, as on a full disk. */
  readonly linesLost: number;
  /** Bytes that apps printed past their log, beyond what is logged, by worker. */
  readonly outputDropped: ReadonlyMap<number, number>;
}

/** Presence, over all rooms that have it; `frames` are gathered reports of workers. */
export interface PresenceView extends PresenceFigures {
  readonly frames: number;
}

/** A message from outside; without room and user it is for everyone in the namespace. */
export interface SendRequest {
  readonly event: string;
  readonly args: readonly unknown[];
  readonly room?: string | readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly except?: string | readonly string[] | undefined;
  readonly namespace?: string | undefined;
}

export interface SendReceipt {
  readonly accepted: true;
  readonly id: string;
}
