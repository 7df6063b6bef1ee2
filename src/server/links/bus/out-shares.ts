/**
 * Whose messages wait in a worker to leave for the controller: each session that has the app say
 * something has a share, and what the app says by itself has one that no session can take.
 *
 *     little waits ─▶ nobody is asked
 *     much waits ─▶ the bytes of each speaker are known until the system has taken them
 *
 * All leave in the order in which they were said; a share bounds how much of it may be one
 * speaker's. What was said in earlier turns counts: a handler may say much at once.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { FramedConnection } from '../ipc/framed-connection.ts';

/** What of a speaker has not left yet. */
interface Waiting {
  bytes: number;
  /** Up to where the connection had been flushed when this speaker said something last. */
  turn: number;
  /** What of it waited when that turn began. */
  before: number;
}

/** Bytes said in a row by one speaker, by the count of all bytes since the start. */
interface Span {
  readonly of: Waiting;
  from: number;
  to: number;
}

/** Spans that have left are taken out when there are so many. */
const PAST_SPANS_MAX = 1_024;

export type OutConnection = Pick<FramedConnection, 'queuedBytes' | 'sentBytes' | 'flushedBytes'>;

export class OutShares {
  readonly #connection: OutConnection;
  readonly #bySpeaker: Map<string, Waiting> = new Map();
  readonly #ofApp: Waiting = { bytes: 0, turn: 0, before: 0 };
  readonly #spans: Span[] = [];
  #past = 0;
  #speakersBytes = 0;

  constructor(connection: OutConnection) {
    this.#connection = connection;
  }

  /** So little waits that it does not matter whose it is. */
  get isLittle(): boolean {
    return this.#connection.queuedBytes <= LIMITS.busFreeBytes;
  }

  /** Whether something of a speaker may be sent; undefined for the app itself. */
  admits(speaker: string | undefined): boolean {
    const { queuedBytes } = this.#connection;
    if (queuedBytes <= LIMITS.busFreeBytes) return true;
    if (queuedBytes > LIMITS.ipcQueueBytes) return false;
    if (speaker === undefined) return true;
    this.#settle();
    if (this.#speakersBytes > LIMITS.busSpeakersBytes) return false;
    const waiting = this.#bySpeaker.get(speaker);
    if (waiting === undefined) return true;
    const before = this.#beforeTurn(waiting);
    const share = (LIMITS.busSharedBytes - this.#speakersBytes + waiting.bytes - before) / 2;
    if (before > Math.max(share, LIMITS.busShareMinBytes)) return false;
    return waiting.bytes - before <= LIMITS.busTurnBytes;
  }

  /** A frame is to leave, and something may wait: whose it is. Call it when the frame is there. */
  note(speaker: string | undefined, bytes: number): void {
    this.#settle();
    const { queuedBytes, sentBytes } = this.#connection;
    const waiting = this.#waitingOf(speaker);
    this.#beforeTurn(waiting);
    waiting.bytes += bytes;
    if (speaker !== undefined) this.#speakersBytes += bytes;
    const to = sentBytes + queuedBytes;
    const last = this.#spans.at(-1);
    if (last?.of === waiting && last.to === to - bytes) last.to = to;
    else this.#spans.push({ of: waiting, from: to - bytes, to });
  }

  /** Whether a speaker says more than leaves, or the app does with whoever speaks. */
  isFlooding(speaker: string): boolean {
    if (this.isLittle) return false;
    this.#settle();
    const bytes = this.#bySpeaker.get(speaker)?.bytes ?? 0;
    return bytes > LIMITS.busFreeBytes || this.#ofApp.bytes > LIMITS.busSharedBytes;
  }

  #waitingOf(speaker: string | undefined): Waiting {
    if (speaker === undefined) return this.#ofApp;
    let waiting = this.#bySpeaker.get(speaker);
    if (waiting === undefined) {
      waiting = { bytes: 0, turn: -1, before: 0 };
      this.#bySpeaker.set(speaker, waiting);
    }
    return waiting;
  }

  /** What waited of a speaker when its turn began. */
  #beforeTurn(waiting: Waiting): number {
    const { flushedBytes } = this.#connection;
    if (waiting.turn !== flushedBytes) {
      waiting.turn = flushedBytes;
      waiting.before = waiting.bytes;
    }
    return Math.min(waiting.before, waiting.bytes);
  }

  /** Takes off what has left. */
  #settle(): void {
    const { sentBytes, queuedBytes } = this.#connection;
    while (this.#past < this.#spans.length) {
      const span = this.#spans[this.#past] as Span;
      const left = Math.min(span.to, sentBytes) - span.from;
      if (left <= 0) break;
      span.of.bytes -= left;
      if (span.of !== this.#ofApp) this.#speakersBytes -= left;
      span.from += left;
      if (span.from < span.to) break;
      this.#past++;
    }
    if (this.#past === this.#spans.length || queuedBytes === 0) this.#clear();
    else if (this.#past >= PAST_SPANS_MAX) {
      this.#spans.splice(0, this.#past);
      this.#past = 0;
      for (const [speaker, { bytes }] of this.#bySpeaker) {
        if (bytes === 0) this.#bySpeaker.delete(speaker);
      }
    }
  }

  /** Nothing waits any more that is somebody's. */
  #clear(): void {
    this.#spans.length = 0;
    this.#past = 0;
    this.#bySpeaker.clear();
    this.#speakersBytes = 0;
    this.#ofApp.bytes = 0;
  }
}
