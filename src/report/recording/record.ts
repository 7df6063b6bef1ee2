/**
 * The records of a run, as they stand in its files: JSON lines, one sample a second.
 *
 *     DIR/server.jsonl   ServerHeader, then ServerSample …          written by `holdfast start`
 *     DIR/fleet.jsonl    FleetHeader, then FleetSample, FleetEvent …, last FleetVerdict
 *                                                                   written by `holdfast fleet run`
 *
 * Either may be compressed (`.jsonl.gz`), and the last line of either may be cut off, since it was
 * being written when the process ended. Times are in milliseconds since 1970 of the writer's clock,
 * sizes in bytes. Counters only grow; who reads them subtracts. The names of fields are a contract:
 * a change of meaning is a new `RECORD_VERSION`.
 */

export const RECORD_VERSION = 1;

export type RunRecord = ServerHeader | ServerSample | FleetRecord;
export type FleetRecord = FleetHeader | FleetSample | FleetEvent | FleetVerdict;

/** The machine that wrote a file. */
export interface MachineRecord {
  readonly hostname: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** `container`, `virtual machine` or `host`; as far as it can be told. */
  readonly kind: string;
  /** `Bun 1.4.5` */
  readonly runtime: string;
  readonly holdfast: string;
}

export interface ServerHeader {
  readonly record: 'server';
  readonly version: number;
  readonly atMs: number;
  readonly machine: MachineRecord;
  /** The configuration as loaded, without secrets. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly workers: number;
  /** Sessions that all workers together take. */
  readonly capacity: number;
}

/** Arrays have one entry a worker, by index; null where a worker has not reported. */
export interface ServerSample {
  readonly record: 'server-sample';
  readonly atMs: number;
  readonly sessions: readonly (number | null)[];
  readonly cpuMs: readonly (number | null)[];
  readonly rssBytes: readonly (number | null)[];
  readonly heapBytes: readonly (number | null)[];
  /**
   * The longest delay of the event loop in the last second, of the reports since the sample before;
   * null also where none has come since, which is no gap: the next sample has it.
   */
  readonly loopLagMs: readonly (number | null)[];
  /** The longest garbage collection in the same time, 0 when there was none; null likewise. */
  readonly collectionMs: readonly (number | null)[];
  /** Garbage collections since the worker started. */
  readonly collections: readonly (number | null)[];
  readonly restarts: number;
  readonly controller: { readonly cpuMs: number; readonly rssBytes: number };
  /** Of all workers since the start. */
  readonly counters: {
    readonly opened: number;
    readonly closed: number;
    readonly refused: number;
    readonly deliveries: number;
  };
  /** Absent where the system does not tell. */
  readonly kernel?: KernelMemory | undefined;
}

/** What the kernel of the host holds, for all processes on it. */
export interface KernelMemory {
  /** Slab: the kernel's objects, sockets and open files among them. */
  readonly slabBytes: number;
  /** Data in socket buffers (`mem` of /proc/net/sockstat). */
  readonly socketBufferBytes: number;
  /** TCP sockets in use and in TIME_WAIT. */
  readonly tcpSockets: number;
  readonly timeWaitSockets: number;
  readonly availableBytes: number;
  readonly totalBytes: number;
}

export interface FleetHeader {
  readonly record: 'fleet';
  readonly version: number;
  readonly atMs: number;
  readonly machine: MachineRecord;
  /** The options of the run, without secrets: target, connections, rate, scenario and so on. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly agents: readonly string[];
}

export interface FleetSample {
  readonly record: 'fleet-sample';
  readonly atMs: number;
  readonly phase: FleetPhase;
  /** Connections asked for in this second. */
  readonly wanted: number;
  readonly open: number;
  readonly connecting: number;
  readonly established: number;
  readonly left: number;
  /** Connections that never became a session and sessions lost, by name (agent/contract.ts). */
  readonly failures: Readonly<Record<string, number>>;
  readonly losses: Readonly<Record<string, number>>;
  readonly deliveries: number;
  readonly echoesSent: number;
  readonly echoesAnswered: number;
  /** Of what happened since the sample before, in microseconds; absent when nothing did. */
  readonly connectLatency?: Percentiles | undefined;
  readonly deliveryLatency?: Percentiles | undefined;
  readonly echoLatency?: Percentiles | undefined;
  /** One entry an agent, in the order of the header. */
  readonly agents: {
    readonly open: readonly number[];
    readonly cpuMs: readonly number[];
    readonly rssBytes: readonly number[];
    readonly loopLagMs: readonly number[];
  };
}

export type FleetPhase = 'climb' | 'hold' | 'leave' | 'done';

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Something that was done or noticed: a phase, a broadcast, a setting changed from outside. */
export interface FleetEvent {
  readonly record: 'fleet-event';
  readonly atMs: number;
  readonly what: 'phase' | 'broadcast' | 'set' | 'storm' | 'agent' | 'note';
  readonly text: string;
}

export interface FleetVerdict {
  readonly record: 'fleet-verdict';
  readonly atMs: number;
  /** `void`: the fleet itself was the limit, so the run says nothing about the server. */
  readonly verdict: 'passed' | 'failed' | 'void';
  /** One sentence each: what was held, what was lost, what stopped it, what to change. */
  readonly findings: readonly Finding[];
  readonly connectionsAsked: number;
  readonly connectionsHeldMax: number;
  readonly heldSeconds: number;
  readonly lost: number;
  readonly failed: number;
  readonly broadcasts: readonly BroadcastResult[];
  /** Of the whole run, in microseconds. */
  readonly connectLatency?: Percentiles | undefined;
  readonly deliveryLatency?: Percentiles | undefined;
  readonly echoLatency?: Percentiles | undefined;
}

export interface Finding {
  /** The name of an error or of a check: `EADDRNOTAVAIL`, `HTTP 503`, `agent CPU`. */
  readonly name: string;
  readonly text: string;
  /** What to change, as a sentence or a command; absent when nothing has to be. */
  readonly advice?: string | undefined;
}

export interface BroadcastResult {
  readonly sequence: number;
  readonly atMs: number;
  /** Sessions open when it was sent. */
  readonly sessions: number;
  readonly received: number;
  /** Until the last session had it. */
  readonly tookMs: number;
}
