/**
 * Messages of WebSockets of which only a part has come: they count for the memory budget.
 *
 * Bun keeps a part to itself until the message is whole, and tells nobody. But the kernel counts
 * what a connection brought, and each socket what its whole messages had; the difference is what is
 * half-sent:
 *
 *     memory has grown ─▶ all connections are looked at ─▶ much came that was in no message
 *        ─▶ asked for one ─▶ it comes: all before it was over, the rest counts
 *                         └▶ none in time: all counts for the budget
 *
 * The difference also holds what was no message: the first request and, behind a proxy, others
 * before it; what TLS and fragments add. Whoever is asked clears himself of that by any message,
 * for it cannot come in the middle of another one; pings and pongs can, so they prove nothing.
 * While memory does not grow none of this is done, and nothing of it loaded. It goes when an engine
 * of our own tells what it keeps.
 */

import type { SourceKeys } from '../../clients/source/source-keys.ts';
import type { Incoming, IncomingSource } from '../../core/contracts/incoming.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Holder, MemoryBudget } from '../../core/limits/memory-budget.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import { TcpConnections } from './tcp-connections.ts';

/** What the kernel counts of connections. */
export type ReceivedBytes = Pick<TcpConnections, 'visitReceivers' | 'visitOne' | 'readBytes'>;

export interface HalfSentOptions {
  readonly budget: MemoryBudget;
  readonly maxPayloadBytes: number;
  readonly keys: SourceKeys;
  readonly log: Log;
  /** All who have WebSockets in this process. */
  readonly sources: readonly IncomingSource[];
  /** Files that are open now; undefined where the system does not tell. */
  countFiles(): number | undefined;
  /** Memory of this process; undefined where it cannot be read now. */
  readonly memoryBytes?: () => number | undefined;
  readonly open?: () => Promise<ReceivedBytes | undefined>;
  readonly nowMs?: () => number;
}

/** A look waits twenty times as long as the last one took. */
const REST = 20;
/** Numbers of files may lie this much above the most that were counted at a time. */
const FILES_SLACK = 1_024;
const WRAP = 2 ** 32;

/** A connection over which much has come that was in no message so far. */
class Doubt implements Holder {
  readonly file: number;
  readonly incoming: Incoming;
  readonly sinceMs: number;
  /** It has said something whole, so the count is right from there on. */
  #hasAnswered = false;
  /** What is half-sent by the count, and what of it is in the budget. */
  bytes: number;
  countedBytes = 0;
  /** When it was asked: what had been read, and had been in messages. */
  #readBytes: number;
  #takenBytes: number;
  readonly #budget: MemoryBudget;

  constructor(file: number, incoming: Incoming, read: number, nowMs: number, budget: MemoryBudget) {
    this.file = file;
    this.incoming = incoming;
    this.sinceMs = nowMs;
    this.#readBytes = read;
    this.#takenBytes = incoming.takenBytes;
    this.bytes = past(read, this.#takenBytes);
    this.#budget = budget;
  }

  /** @param read what has been read by now */
  refresh(read: number): void {
    const { incoming } = this;
    if (incoming.takenBytes !== this.#takenBytes) {
      // A message has ended since, and all that had been read before was over with it.
      if (past(this.#readBytes, incoming.takenBytes) > 0) incoming.takenBytes = this.#readBytes;
      this.#hasAnswered = true;
      this.#readBytes = read;
      this.#takenBytes = incoming.takenBytes;
    }
    this.bytes = past(read, incoming.takenBytes);
  }

  /** What was counted is half-sent: it has answered, or did not in time. */
  isSure(nowMs: number): boolean {
    return this.#hasAnswered || nowMs - this.sinceMs >= LIMITS.halfSentAnswerMs;
  }

  heldBytes(): number {
    return this.countedBytes;
  }

  letGo(): void {
    this.forget();
    this.incoming.letGo();
  }

  forget(): void {
    this.#budget.give(this.countedBytes);
    this.countedBytes = 0;
    this.bytes = 0;
  }
}

export class HalfSent {
  readonly #options: HalfSentOptions;
  readonly #nowMs: () => number;
  readonly #memoryBytes: () => number | undefined;
  readonly #growthBytes: number;
  /** By connection. */
  readonly #doubts: Map<number, Doubt> = new Map();
  #tcp: ReceivedBytes | undefined;
  #isOpening = false;
  #filesMost = 0;
  /** What memory is without what is half-sent. */
  #restBytes = Number.POSITIVE_INFINITY;
  /** Beyond this, all connections are looked at. */
  #lookBeyondBytes = Number.POSITIVE_INFINITY;
  #lookAgainAtMs = 0;

  constructor(options: HalfSentOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#memoryBytes = options.memoryBytes ?? residentBytes;
    this.#growthBytes = options.budget.limitBytes * LIMITS.halfSentGrowthShare;
    options.budget.watch(() => [...this.#doubts.values()]);
  }

  /** Connections in doubt. */
  get doubts(): number {
    return this.#doubts.size;
  }

  /** Called some eight times a second; takes 12 µs while memory does not grow. */
  look(): void {
    const ownBytes = this.#ownBytes();
    if (ownBytes === undefined) return;
    this.#restBytes = Math.min(this.#restBytes, ownBytes);
    this.#lookBeyondBytes = Math.min(this.#lookBeyondBytes, ownBytes + this.#growthBytes);
    const isGrown = ownBytes > this.#lookBeyondBytes;
    if (!isGrown && this.#doubts.size === 0) return;
    const tcp = this.#tcp;
    const nowMs = this.#nowMs();
    if (tcp === undefined) void this.#open();
    else if (nowMs >= this.#lookAgainAtMs) {
      this.#refresh(tcp);
      if (isGrown) this.#lookAtAll(tcp, nowMs, ownBytes);
      this.#count(nowMs, ownBytes);
      this.#lookAgainAtMs = this.#nowMs() + (this.#nowMs() - nowMs) * REST;
    }
  }

  /** Memory but for what so many connections take anyway. */
  #ownBytes(): number | undefined {
    const memoryBytes = this.#memoryBytes();
    if (memoryBytes === undefined) return undefined;
    this.#filesMost = Math.max(this.#filesMost, this.#options.countFiles() ?? 0);
    return memoryBytes - this.#filesMost * LIMITS.connectionBytes;
  }

  async #open(): Promise<void> {
    if (this.#isOpening) return;
    this.#isOpening = true;
    const { log, open = () => TcpConnections.open() } = this.#options;
    try {
      this.#tcp = await open();
      if (this.#tcp === undefined) log.warn('half-sent messages count for no budget here');
    } catch (error) {
      log.warn('half-sent messages count for no budget here', { error: describeError(error) });
    }
  }

  #refresh(tcp: ReceivedBytes): void {
    const leastBytes = this.#leastBytes();
    for (const [connection, doubt] of this.#doubts) {
      if (this.#isThere(tcp, connection, doubt)) doubt.refresh(tcp.readBytes(doubt.file));
      else doubt.forget();
      if (doubt.bytes >= leastBytes) continue;
      doubt.forget();
      this.#doubts.delete(connection);
    }
  }

  /** A file may be another connection by now. */
  #isThere(tcp: ReceivedBytes, connection: number, { file, incoming }: Doubt): boolean {
    let isThere = false;
    tcp.visitOne(file, (_file, ip, port) => {
      isThere = this.#options.keys.connection(ip, port) === connection;
    });
    return isThere && !incoming.isClosed;
  }

  #lookAtAll(tcp: ReceivedBytes, nowMs: number, ownBytes: number): void {
    const { keys, budget, sources } = this.#options;
    const leastBytes = this.#leastBytes();
    const files = new Map<number, number>();
    tcp.visitReceivers(this.#filesMost + FILES_SLACK, leastBytes, (file, ip, port) => {
      files.set(keys.connection(ip, port), file);
    });
    const isNew = (connection: number): boolean =>
      files.has(connection) && !this.#doubts.has(connection);
    for (const incoming of sources.flatMap((source) => [...source.incoming(isNew)])) {
      const file = files.get(incoming.connection) as number;
      const doubt = new Doubt(file, incoming, tcp.readBytes(file), nowMs, budget);
      if (doubt.bytes < leastBytes) continue;
      this.#doubts.set(incoming.connection, doubt);
      incoming.ask();
    }
    this.#lookBeyondBytes = ownBytes + this.#growthBytes;
  }

  /** All connections with less than this take no more than half the budget. */
  #leastBytes(): number {
    const shareBytes = this.#options.budget.limitBytes / 2 / (this.#filesMost + 1);
    return Math.max(LIMITS.connectionBytes, Math.min(LIMITS.halfSentFromBytes, shareBytes));
  }

  /** Puts what is half-sent into the budget, which may have some let go at once. */
  #count(nowMs: number, ownBytes: number): void {
    const { budget, maxPayloadBytes } = this.#options;
    let growthBytes = ownBytes - this.#restBytes;
    const patienceMs = this.#patienceMs(growthBytes);
    const doubts = [...this.#doubts.values()].sort((a, b) => b.bytes - a.bytes);
    const sure = doubts.filter((doubt) => doubt.isSure(nowMs));
    let moreBytes = 0;
    const count = (doubt: Doubt, mostBytes: number): void => {
      const bytes = Math.min(doubt.bytes, mostBytes);
      growthBytes -= bytes;
      moreBytes += bytes - doubt.countedBytes;
      doubt.countedBytes = bytes;
    };
    for (const doubt of sure) count(doubt, maxPayloadBytes);
    if (sure.length === doubts.length) this.#restBytes += Math.max(0, growthBytes);
    for (const doubt of doubts) {
      if (doubt.isSure(nowMs)) continue;
      // Whoever had no time to answer counts only for what memory has grown by.
      const isTimeUp = nowMs - doubt.sinceMs >= patienceMs;
      count(doubt, isTimeUp ? Math.min(maxPayloadBytes, Math.max(0, growthBytes)) : 0);
    }
    if (moreBytes > 0) budget.take(moreBytes);
    else budget.give(-moreBytes);
  }

  /** How long those who are asked have: the less, the more memory has grown. */
  #patienceMs(growthBytes: number): number {
    const { limitBytes } = this.#options.budget;
    if (growthBytes > 2 * limitBytes) return 0;
    return growthBytes > limitBytes ? LIMITS.halfSentHastyMs : LIMITS.halfSentAnswerMs;
  }
}

/** Reading takes an open file; without one left, the next look may have it. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}

/** How far one count of bytes is past another one, modulo 2³²; 0 when it is behind. */
function past(bytes: number, otherBytes: number): number {
  const distance = (bytes - otherBytes) >>> 0;
  return distance < WRAP / 2 ? distance : 0;
}
