/**
 * A worker's end of the history: what clients that come back have missed.
 *
 * While one answer is on its way, all others who ask wait for the next together, so that a storm of
 * clients asks little more often than one of them. Where that is too much for one answer, those who
 * were not given all by it are asked for once more, by halves: what one may be told does not depend
 * on who comes back beside it.
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

interface Asker {
  readonly places: readonly RoomPlace[];
  readonly done: Done;
}

/** Those who are asked for together. */
interface Batch {
  readonly askers: readonly Asker[];
  /** By key, the earliest place that somebody stands at. */
  readonly places: ReadonlyMap<string, number>;
  /** How often it was halved. */
  readonly halvings: number;
}

export class HistoryClient {
  readonly epoch: string;
  readonly #options: HistoryClientOptions;
  #next: Asker[] = [];
  /** Halves, which come first. */
  readonly #halves: Batch[] = [];
  #asked: Batch | undefined;
  #request = 0;
  #timer: Timer | undefined;
  #pieces: MissedMessage[] = [];

  constructor(options: HistoryClientOptions) {
    this.epoch = options.epoch;
    this.#options = options;
  }

  since(places: readonly RoomPlace[], done: Done): void {
    this.#next.push({ places, done });
    // Others may ask in this turn, too.
    if (this.#asked === undefined && this.#next.length === 1) setImmediate(this.#ask);
  }

  /** Whether an answer that is on its way counts on this worker's hearing of a room. */
  isAsking(key: string): boolean {
    return this.#asked?.places.has(key) === true;
  }

  /** Takes one piece of an answer. */
  onMissed(frame: FrameReader): void {
    const isOurs = frame.u32() === this.#request;
    const batch = this.#asked;
    if (!isOurs || batch === undefined) return;
    const isLast = frame.u8() === 1;
    const latest = frame.u53();
    const cutAt = frame.u53();
    const from = Array.from({ length: frame.u32() }, () => frame.u53());
    for (let left = frame.u32(); left > 0; left--) {
      this.#pieces.push(this.#read(frame.u53(), new FrameReader(BusFrame.event, frame.bytes())));
    }
    if (!isLast) return;
    const keys = [...batch.places.keys()];
    const completeFrom = new Map(keys.map((key, at) => [key, from[at] ?? latest]));
    const messages = this.#pieces;
    this.#options.onLatest(this.#position(latest));
    const answer = {
      messages,
      latest,
      completeFrom: (key: string) => completeFrom.get(key) ?? latest,
    };
    this.#settle(answer, cutAt);
  }

  /** The controller is gone: nobody answers any more. */
  lost(): void {
    this.#settle(undefined);
  }

  readonly #ask = (): void => {
    if (this.#asked !== undefined) return;
    const batch = this.#halves.shift() ?? batchOf(this.#next.splice(0), 0);
    if (batch.askers.length === 0) return;
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

  /** @param cutAt up to here messages were left out that were too much */
  #settle(answer: MissedAnswer | undefined, cutAt: number = 0): void {
    clearTimeout(this.#timer);
    const batch = this.#asked;
    this.#asked = undefined;
    this.#pieces = [];
    this.#request++;
    const halves = batch === undefined ? [] : halvesOf(batch, cutAt);
    this.#halves.push(...halves);
    const waiting = new Set(halves.flatMap(({ askers }) => askers));
    for (const asker of batch?.askers ?? []) if (!waiting.has(asker)) asker.done(answer);
    this.#options.onAnswered(batch?.places.keys() ?? []);
    this.#ask();
  }

  #read(offset: number, frame: FrameReader): MissedMessage {
    const { namespace, ...target } = readRoute(frame);
    return { offset, target, event: readEvent(frame, namespace, this.#position(offset)) };
  }

  #position(offset: number): string {
    return formatPosition({ epoch: this.#options.epoch, offset });
  }
}

function batchOf(askers: readonly Asker[], halvings: number): Batch {
  const places = new Map<string, number>();
  for (const { key, after } of askers.flatMap((asker) => asker.places)) {
    places.set(key, Math.min(after, places.get(key) ?? after));
  }
  return { askers, places, halvings };
}

/**
 * Those of a batch for whom something was left out, by halves, neighbours in the same rooms.
 *
 * @returns nothing for those who are told so: they are alone, or all in the same rooms
 */
function halvesOf({ askers, halvings }: Batch, cutAt: number): readonly Batch[] {
  if (cutAt === 0 || halvings >= LIMITS.missedHalvings) return [];
  const lacking = askers
    .filter(({ places }) => places.some(({ after }) => after < cutAt))
    .map((asker) => ({ asker, rooms: asker.places.map(({ key }) => key).join('\n') }))
    .sort((a, b) => (a.rooms < b.rooms ? -1 : Number(a.rooms > b.rooms)));
  const isOfOneKind = lacking[0]?.rooms === lacking.at(-1)?.rooms;
  if (isOfOneKind && lacking.length === askers.length) return [];
  const middle = isOfOneKind ? lacking.length : Math.ceil(lacking.length / 2);
  return [lacking.slice(0, middle), lacking.slice(middle)]
    .filter((half) => half.length > 0)
    .map((half) =>
      batchOf(
        half.map(({ asker }) => asker),
        halvings + 1,
      ),
    );
}
