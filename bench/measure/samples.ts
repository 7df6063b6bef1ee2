/**
 * The shape of what is measured: one bout is one contestant in one round, from an empty worker to
 * its end. These types are the raw results file; nothing here computes.
 */

/** What one process used between two moments, and what the machine around it did. */
export interface Usage {
  readonly wallSeconds: number;
  readonly serverCpuSeconds: number;
  readonly clientCpuSeconds: number;
  /** CPU of the contestant's processes that hold no connections, e.g. a controller. */
  readonly otherCpuSeconds: number;
  /** CPU that everything else on the machine used: noise, when it is not near zero. */
  readonly foreignCpuSeconds: number;
  /** Longest time that the load client's event loop was late. */
  readonly clientLagMs: number;
}

/** Who was busy for the whole of a phase and so set its wall-clock rate. */
export type LimitedBy = 'server' | 'generator' | 'both' | 'neither';

export interface MemoryReading {
  readonly rssBytes: number;
  /** The part that is heap and stacks, without pages of the executable. */
  readonly anonymousBytes: number;
  /** Resident memory of the contestant's other processes. */
  readonly otherRssBytes: number;
}

export interface HandshakeSample {
  readonly phase: 'fill' | 'churn';
  readonly sessions: number;
  readonly failures: number;
  readonly usage: Usage;
  readonly limitedBy: LimitedBy;
}

export interface DeliverySample {
  readonly kind: 'warm-up' | 'single' | 'burst';
  readonly broadcasts: number;
  readonly deliveries: number;
  readonly usage: Usage;
}

export interface IdleSample {
  readonly sessions: number;
  readonly usage: Usage;
}

export interface Bout {
  readonly round: number;
  readonly contestant: string;
  readonly sessions: number;
  readonly memory: {
    readonly empty: MemoryReading;
    readonly idle: MemoryReading;
    readonly afterBroadcasts: MemoryReading;
    readonly afterChurn: MemoryReading;
  };
  readonly handshakes: readonly HandshakeSample[];
  readonly deliveries: readonly DeliverySample[];
  readonly idle: IdleSample | undefined;
  /** Bytes on the wire of one delivered frame, as the client received it. */
  readonly frameBytes: number;
  /** Sessions that ended although nobody asked them to. */
  readonly lost: number;
  /** Connections that were not closed when they left in the churn, and were cut off. */
  readonly cut: number;
  readonly seconds: number;
}
