/**
 * A worker's end of the history: what clients that come back have missed.
 *
 * While one answer is on its way, all others who ask wait for the next together, so that a storm of
 * clients asks little more often than one of them.
 */

import type { RoomPlace } from '../../core/contracts/history.ts';
import type { MissedAnswer, MissedMessage } from '../../core/contracts/history-link.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { FrameReader, type FrameWriter } from '../../protocol/frame.ts';
import { formatPosition } from '../../protocol/position.ts';
import { BusFrame, readEvent, readRoute } from './bus-frame.ts';

type Done = (answer: MissedAnswer | undefined) => void;

export interface HistoryClientOptions {
  readonly epoch: string;
  /** Begins a frame that asks; `undefined` when nobody is there to answer. */
  begin(): FrameWriter | undefined;
  send(): void;
  /** The answer holds all up to this position; those who asked are called next. */
  onLatest(position: string): void;
  /** They have been called. */
  onAnswered(keys: Iterable<string>): void;
}

interface Batch {
  /** By key, the earliest place that somebody stands at. */
  readonly places: Map<string, number>;
  readonly done: Done[];
}

export class HistoryClient {
  readonly epoch: string;
  readonly #options: HistoryClientOptions;
  #next: Batch | undefined;
  #asked: Batch | undefined;
  #request = 0;
  #timer: Timer | undefined;
  #pieces: MissedMessage[] = [];

  constructor(options: HistoryClientOptions) {
    this.epoch = options.epoch;
    this.#options = options;
  }

  since(places: readonly RoomPlace[], done: Done): void {
    this.#next ??= { places: new Map(), done: [] };
    const batch = this.#next;
    for (const { key, after } of places) {
      batch.places.set(key, Math.min(after, batch.places.get(key) ?? after));
    }
    batch.done.push(done);
    // Others may ask in this turn, too.
    if (this.#asked === undefined && batch.done.length === 1) setImmediate(this.#ask);
  }

  /** Takes one piece of an answer. */
  onMissed(frame: FrameReader): void {
    const isOurs = frame.u32() === this.#request;
    const batch = this.#asked;
    if (!isOurs || batch === undefined) return;
    const isLast = frame.u8() === 1;
    const latest = frame.u53();
    const from = Array.from({ length: frame.u32() }, () => frame.u53());
    for (let left = frame.u32(); left > 0; left--) {
      this.#pieces.push(this.#read(frame.u53(), new FrameReader(BusFrame.event, frame.bytes())));
    }
    if (!isLast) return;
    const keys = [...batch.places.keys()];
    const completeFrom = new Map(keys.map((key, at) => [key, from[at] ?? latest]));
    const messages = this.#pieces;
    this.#options.onLatest(this.#position(latest));
    this.#settle({
      messages,
      latest,
      completeFrom: (key) => completeFrom.get(key) ?? latest,
    });
  }

  /** The controller is gone: nobody answers any more. */
  lost(): void {
    this.#settle(undefined);
  }

  readonly #ask = (): void => {
    const batch = this.#next;
    if (batch === undefined || this.#asked !== undefined) return;
    this.#next = undefined;
    this.#asked = batch;
    const frame = this.#options.begin();
    if (frame === undefined) {
      this.#settle(undefined);
      return;
    }
    frame.u32(++this.#request).u32(batch.places.size);
    for (const [key, after] of batch.places) frame.text(key).u53(after);
    frame.finish();
    this.#options.send();
    this.#timer = setTimeout(() => this.#settle(undefined), LIMITS.busRequestMs);
  };

  #settle(answer: MissedAnswer | undefined): void {
    clearTimeout(this.#timer);
    const batch = this.#asked;
    const done = batch?.done ?? [];
    this.#asked = undefined;
    this.#pieces = [];
    this.#request++;
    for (const one of done) one(answer);
    this.#options.onAnswered(batch?.places.keys() ?? []);
    if (this.#next !== undefined) this.#ask();
  }

  #read(offset: number, frame: FrameReader): MissedMessage {
    const { namespace, ...target } = readRoute(frame);
    return { offset, target, event: readEvent(frame, namespace, this.#position(offset)) };
  }

  #position(offset: number): string {
    return formatPosition({ epoch: this.#options.epoch, offset });
  }
}
