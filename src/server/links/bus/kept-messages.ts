/**
 * The hub's way of messages for rooms that keep them: each gets its offset here, so that all
 * workers, the sender's too, see one order.
 *
 * Messages and answers about missed ones wait in one lane to each worker: what an answer does not
 * hold comes behind it, and nothing twice. Where that lane is long all workers are held, since what
 * one of them says next might be for it. A worker that loses a message all the same is of no more
 * use: it is let go, and its clients get what they missed from the history.
 */

import { foreignJson } from '../../../host/foreign/parsed.ts';
import type { History, KeepingRoom, RoomPlace } from '../../core/contracts/history.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { RoomSettingsTable } from '../../core/rooms/room-settings.ts';
import { FRAME_HEADER_BYTES, FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { audienceKey } from '../../protocol/interest-key.ts';
import { BusFrame, isVolatileEvent, type Route, readJson, readRoute } from './bus-frame.ts';
import type { InterestTable } from './interest-table.ts';
import type { Sender } from './outlet.ts';
import type { WorkerLink } from './worker-link.ts';

export interface KeptMessagesOptions {
  readonly history: History;
  readonly settings: RoomSettingsTable;
  readonly interest: InterestTable;
  /** All workers that a route leads to. */
  destinations(route: Route): readonly WorkerLink[];
  /** Queues a frame. @returns false when there was no room for it */
  put(link: WorkerLink, sender: Sender, type: number, body: Uint8Array): boolean;
  /** All workers are to be read no more, or again. */
  holdAll(isHeld: boolean): void;
  /** A worker has lost a message that it was to get. */
  lose(link: WorkerLink): void;
}

export class KeptMessages implements Sender {
  readonly #options: KeptMessagesOptions;
  readonly #json = foreignJson();
  #holders = 0;

  constructor(options: KeptMessagesOptions) {
    this.#options = options;
  }

  /** The rooms of an event's frame that keep it, if any. @param frame read up to its route */
  roomsFor(route: Route, frame: FrameReader): readonly KeepingRoom[] {
    const { settings } = this.#options;
    if (!settings.keepsHistory || isVolatileEvent(frame)) return [];
    const { namespace, rooms, users } = route;
    const names = rooms.length === 0 && users.length === 0 ? [''] : rooms;
    let latestOf: ((member: string) => string | undefined) | undefined;
    return names.flatMap((name): KeepingRoom[] => {
      const { history } = settings.of(name);
      if (history === undefined) return [];
      const key = audienceKey(namespace, name);
      if (history.latestBy === undefined) return [{ key, settings: history, latestKey: undefined }];
      latestOf ??= this.#readLatest(frame);
      return [{ key, settings: history, latestKey: latestOf(history.latestBy) }];
    });
  }

  /**
   * @param body of the event's frame; it is kept as it is
   * @returns false when there is no room for it: nobody gets it
   */
  send(route: Route, rooms: readonly KeepingRoom[], body: Uint8Array): boolean {
    return this.#options.history.append(rooms, body, (offset) =>
      this.#deliver(route, body, offset),
    );
  }

  /** One that was kept already, since another node has said it. */
  deliver(body: Uint8Array, offset: number): void {
    const frame = new FrameReader(
      BusFrame.event,
      Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    );
    this.#deliver(readRoute(frame), body, offset);
  }

  /** The same for the body of a frame. */
  roomsOf(route: Route, body: Uint8Array): readonly KeepingRoom[] {
    if (!this.#options.settings.keepsHistory) return [];
    const frame = new FrameReader(BusFrame.event, Buffer.from(body));
    readRoute(frame);
    return this.roomsFor(route, frame);
  }

  /** Answers a worker that asks what clients have missed; from now on it hears those rooms. */
  answer(link: WorkerLink, frame: FrameReader): void {
    const id = frame.u32();
    const count = frame.u32();
    const places: RoomPlace[] = [];
    for (let i = 0; i < count; i++) places.push({ key: frame.text(), after: frame.u53() });
    for (const { key } of places) this.#options.interest.add(key, link.worker);
    const bounds = { messages: LIMITS.missedMessages, bytes: LIMITS.missedBytes };
    this.#options.history.since(places, bounds, ({ messages, completeFrom, latest, cutAt }) => {
      let at = 0;
      do {
        const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(BusFrame.missed).u32(id);
        const end = pieceEnd(messages, at);
        writer
          .u8(end === messages.length ? 1 : 0)
          .u53(latest)
          .u53(cutAt);
        writer.u32(completeFrom.length);
        for (const from of completeFrom) writer.u53(from);
        writer.u32(end - at);
        for (; at < end; at++) {
          const { offset, body } = messages[at] as (typeof messages)[number];
          writer.u53(offset).bytes(body);
        }
        writer.finish();
        this.#put(link, BusFrame.missed, writer.take().subarray(FRAME_HEADER_BYTES));
      } while (at < messages.length);
    });
  }

  /** All workers wait for one that takes its messages slowly. */
  get isHolding(): boolean {
    return this.#holders > 0;
  }

  hold(isHeld: boolean): void {
    this.#holders += isHeld ? 1 : -1;
    if (isHeld ? this.#holders === 1 : this.#holders === 0) this.#options.holdAll(isHeld);
  }

  #deliver(route: Route, body: Uint8Array, offset: number): void {
    const numbered = withOffset(offset, body);
    for (const link of this.#options.destinations(route)) {
      this.#put(link, BusFrame.kept, numbered);
    }
  }

  #put(link: WorkerLink, type: number, body: Uint8Array): void {
    if (!this.#options.put(link, this, type, body)) this.#options.lose(link);
  }

  /** By what an event is the latest of its kind: its name, and a member of its first value. */
  #readLatest(frame: FrameReader): (member: string) => string | undefined {
    let values: unknown;
    try {
      values = this.#json.parse(readJson(frame));
    } catch {
      // It is kept like any other: what cannot be told apart takes nothing's place.
      return () => undefined;
    }
    if (!Array.isArray(values)) return () => undefined;
    const [event, first] = values as unknown[];
    return (member) => {
      if (member === '') return JSON.stringify([event]);
      const isObject = typeof first === 'object' && first !== null;
      const value = isObject ? (first as Record<string, unknown>)[member] : undefined;
      const isKey = typeof value === 'string' || typeof value === 'number';
      return isKey ? JSON.stringify([event, value]) : undefined;
    };
  }
}

function withOffset(offset: number, body: Uint8Array): Uint8Array {
  const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(BusFrame.kept);
  writer.u53(offset).raw(body).finish();
  return writer.take().subarray(FRAME_HEADER_BYTES);
}

/** How far the messages go that one frame holds, at least one of them. */
function pieceEnd(messages: readonly { readonly body: Uint8Array }[], from: number): number {
  let bytes = 0;
  let at = from;
  while (at < messages.length && (at === from || bytes < LIMITS.missedPieceBytes)) {
    bytes += (messages[at] as { body: Uint8Array }).body.byteLength;
    at++;
  }
  return at;
}
