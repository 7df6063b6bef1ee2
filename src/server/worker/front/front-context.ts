/**
 * What the connections of a worker share, so that each of them has none of it.
 */

import type { Exchange } from '../../core/contracts/exchange.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Holder, MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { FrameRules } from '../../protocol/websocket/frame-sink.ts';
import { type MessageDeflate, messageDeflate } from '../../protocol/websocket/message-deflate.ts';
import { BinaryFrames } from './binary-frames.ts';
import { ConnectionNumbers } from './connection-numbers.ts';
import { type ReadSocket, SocketSink } from './socket-sink.ts';

/** A connection that left something to do, for others to have their turn. */
export interface Postponed {
  goOn(): void;
  terminate(): void;
}

export interface FrontOptions {
  readonly maxPayloadBytes: number;
  /** Messages are compressed for clients that offer it. */
  readonly isCompressing: boolean;
  readonly budget: MemoryBudget;
  readonly refusals: Refusals;
  /** Answers a request, or holds it. MUST NOT throw. */
  readonly handle: (exchange: Exchange) => void;
  /** Open files are getting short: no connection is kept longer than it must be. */
  readonly isShort: () => boolean;
  /** Hears what a handler threw; its connection ends. */
  readonly onFault: (fault: unknown) => void;
}

const SECOND_MS = 1_000;
/** Beyond it messages have memory of their own, and cost more than that. */
const SCRATCH_BYTES = 65_536;

export class FrontContext {
  readonly binaryFrames: BinaryFrames = new BinaryFrames();
  readonly numbers: ConnectionNumbers = new ConnectionNumbers();
  readonly frameRules: FrameRules;
  /** For sockets that agreed on compression. */
  readonly inflatingRules: FrameRules;
  /** For clients that offer compression; `undefined` where none gets it. */
  readonly deflate: MessageDeflate | undefined;
  readonly refusals: Refusals;
  readonly handle: (exchange: Exchange) => void;
  readonly isShort: () => boolean;
  readonly #onFault: (fault: unknown) => void;
  /** WebSockets that are open. */
  sockets = 0;
  /** Pings that are not answered, since more waits for their clients: the latest of each. */
  readonly unanswered: Map<object, Buffer> = new Map();
  /** Where what is sent once and at once is written, so that it needs no memory of its own. */
  readonly scratch: Buffer = Buffer.allocUnsafe(SCRATCH_BYTES);
  /** The connection for which bytes are gathered in the scratch now, and how many they are. */
  corked: object | undefined;
  corkedBytes = 0;
  readonly #budget: MemoryBudget;
  readonly #sink: SocketSink;
  /** What is held for connections, by connection: what has come in part, or is not read yet. */
  readonly #held: Map<Holder, number> = new Map();
  #postponed: Postponed[] = [];
  #date = '';
  #dateUntilMs = 0;

  constructor(options: FrontOptions) {
    const { maxPayloadBytes, isCompressing, budget, refusals, handle, isShort, onFault } = options;
    this.frameRules = { maxPayloadBytes, maxEmptyFragments: LIMITS.emptyFragmentsPerMessage };
    this.deflate = isCompressing
      ? messageDeflate(process.getBuiltinModule('node:zlib'))
      : undefined;
    this.inflatingRules =
      this.deflate === undefined
        ? this.frameRules
        : { ...this.frameRules, inflate: this.deflate.inflate };
    this.refusals = refusals;
    this.handle = handle;
    this.isShort = isShort;
    this.#onFault = onFault;
    this.#budget = budget;
    this.#sink = new SocketSink(refusals);
    budget.watch(() => [...this.#held.keys()]);
  }

  /** The time as HTTP writes it, to the second. */
  get date(): string {
    const nowMs = Date.now();
    if (nowMs >= this.#dateUntilMs) {
      this.#date = new Date(nowMs).toUTCString();
      this.#dateUntilMs = nowMs - (nowMs % SECOND_MS) + SECOND_MS;
    }
    return this.#date;
  }

  /** Takes what is read of a socket now; whoever got it ends it. */
  sinkFor(socket: ReadSocket): SocketSink {
    // A handler may have another socket read before it returns.
    const sink = this.#sink.isFree ? this.#sink : new SocketSink(this.refusals);
    sink.begin(socket);
    return sink;
  }

  /** Says how much is held for a connection, so that it counts against the memory budget. */
  hold(holder: Holder, bytes: number): void {
    const before = this.#held.get(holder) ?? 0;
    if (bytes === before) return;
    if (bytes === 0) this.#held.delete(holder);
    else this.#held.set(holder, bytes);
    if (bytes > before) this.#budget.take(bytes - before);
    else this.#budget.give(before - bytes);
  }

  /** Has a connection go on once others had their turn. */
  later(connection: Postponed): void {
    if (this.#postponed.length === 0) setImmediate(this.#goOn);
    this.#postponed.push(connection);
  }

  readonly #goOn = (): void => {
    const all = this.#postponed;
    this.#postponed = [];
    for (const connection of all) this.run(connection, () => connection.goOn());
  };

  /** Does something for a connection outside of what Bun calls, where a fault would stay unseen. */
  run(connection: Pick<Postponed, 'terminate'>, act: () => void): void {
    try {
      act();
    } catch (fault) {
      this.#onFault(fault);
      connection.terminate();
    }
  }
}
