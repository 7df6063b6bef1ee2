/**
 * A CPU profile of a worker, as it travels from the worker over the bus and the admin API to the
 * command that asked for it. The controller passes it on unread.
 */

/** What DevTools open as `.cpuprofile`; times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly CpuProfileNode[];
  readonly startTime: number;
  readonly endTime: number;
  /** Ids of nodes: which function ran. */
  readonly samples: readonly number[];
  /** The time from each sample to the one before, and of the first to the start. */
  readonly timeDeltas: readonly number[];
}

/** A function in the place of the call tree where it was called. */
export interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly scriptId: string;
    /** Empty for what is native. */
    readonly url: string;
    /** From 0; -1 for what is native. */
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  readonly hitCount?: number;
  readonly children?: readonly number[];
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[];
}

export interface WorkerProfile {
  readonly worker: number;
  readonly pid: number;
  /** The folder of the worker's Holdfast, as a URL that ends in a slash. */
  readonly root: string;
  readonly profile: CpuProfile;
  readonly usage: ProfileUsage;
  /** Absent when they could not be counted, or the node is of a version that does not. */
  readonly survivors?: Survivors | undefined;
}

/** What the worker used while it was profiled, from the system's own counters. */
export interface ProfileUsage {
  readonly wallMs: number;
  /** CPU time of the thread that runs the event loop. */
  readonly mainThreadCpuMs: number;
  /** Of all others: compiler, collector, and the profiler itself. */
  readonly otherThreadsCpuMs: number;
  /** Garbage collections that the schedule `gc` began, and how long they took. */
  readonly collections: number;
  readonly collectionMs: number;
}

/** What is alive on the JavaScript heap after a full collection at the end of the profile. */
export interface Survivors {
  readonly objects: number;
  readonly bytes: number;
  /** How long that collection stopped the worker. */
  readonly collectionMs: number;
  /** The kinds of which there are most, by the names of the runtime. */
  readonly kinds: readonly { readonly name: string; readonly objects: number }[];
}

export const PROFILE_SECONDS_MAX = 120;

/** Longer answers are refused; 120 seconds of a busy worker are some 3 MB. */
export const PROFILE_BYTES_MAX: number = 32 << 20;

/** No profile came about; the message is one sentence that says why and what to do. */
export class ProfileError extends Error {
  override readonly name: string = 'ProfileError';
  readonly kind: 'busy' | 'failed';

  constructor(kind: ProfileError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}
