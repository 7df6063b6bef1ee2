/**
 * The channels that this node hears: of its namespaces, of its rooms, of its sessions.
 *
 * A room has a channel of its own. Up to a bound each is subscribed to by name, so that Redis sends
 * what is for rooms of this node only. Beyond it a namespace is heard whole by one pattern, where
 * there are patterns, and what is for other rooms is told by the channel's name before anything is
 * decoded; sharded channels have none, so rooms beyond the bound wait for a place, which is said.
 * Ids of sessions are rooms too: a pattern hears those of this node, since they begin alike.
 */

import { NameMap } from '../../../../host/runtime/name-map.ts';
import type { Log } from '../../../core/log/log.ts';
import type { ForeignTransport } from './contract.ts';
import type { Dialect, Purpose } from './dialect.ts';

/** Characters of a session's id behind its start. */
export const SESSION_ID_REST = 20;
/** Rooms that wait for a place; more are forgotten. */
const WAITING_MAX = 100_000;
/** So long after a pattern took the place of many channels, messages may still come by both. */
const DOUBLES_MS = 10_000;

export interface ChannelOptions {
  readonly dialect: Dialect;
  readonly transport: ForeignTransport;
  readonly isSharded: boolean;
  readonly maxRoomChannels: number;
  readonly sessionIdStart: string | undefined;
  isRoomHeard(namespace: string, room: string): boolean;
  readonly log: Log;
}

/** What came on a channel is for. */
export interface Heading {
  readonly namespace: string;
  readonly purpose: Purpose;
  /** Of a room's own channel. */
  readonly room: string | undefined;
}

interface Heard {
  readonly namespace: string;
  readonly base: string;
  readonly rooms: NameMap<true>;
  readonly waiting: NameMap<true>;
  isServed: boolean;
  /** One pattern hears all rooms. */
  isWhole: boolean;
}

export class Channels {
  readonly #options: ChannelOptions;
  readonly #namespaces: NameMap<Heard> = new NameMap();
  readonly #fixed: NameMap<Heading> = new NameMap();
  #roomChannels = 0;
  #hasSaidFull = false;
  #doublesUntilMs = 0;
  /** The last message by a channel's name, while there may be doubles. */
  #lastByName: { readonly channel: string; readonly payload: Uint8Array } | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  /** Rooms that are subscribed to by name. */
  get roomChannels(): number {
    return this.#roomChannels;
  }

  /** Rooms whose channels are not heard for want of a place. */
  get unheard(): number {
    return [...this.#namespaces.values()].reduce((sum, { waiting }) => sum + waiting.size, 0);
  }

  serves(namespace: string): boolean {
    return this.#namespaces.get(namespace)?.isServed === true;
  }

  /** Hears these namespaces and no others. */
  setNamespaces(names: readonly string[]): void {
    const wanted = new NameMap<true>();
    for (const name of names) wanted.set(name, true);
    for (const heard of this.#namespaces.values()) {
      if (heard.isServed && !wanted.has(heard.namespace)) this.#leave(heard);
    }
    for (const name of wanted.keys()) {
      const heard = this.#of(name);
      if (!heard.isServed) this.#enter(heard);
    }
  }

  setRoom(namespace: string, room: string, isHeard: boolean): void {
    const { hasRoomChannels } = this.#options.dialect;
    if (!hasRoomChannels || room === '' || this.#isSessionId(room)) return;
    const heard = this.#of(namespace);
    if (heard.isWhole) return;
    if (!isHeard) this.#drop(heard, room);
    else if (!heard.rooms.has(room)) this.#take(heard, room);
  }

  /** Gives up the channels of rooms that are not heard any more, as when a worker is gone. */
  look(): void {
    for (const heard of this.#namespaces.values()) {
      for (const room of [...heard.rooms.keys(), ...heard.waiting.keys()]) {
        if (!this.#options.isRoomHeard(heard.namespace, room)) this.#drop(heard, room);
      }
    }
  }

  /** @returns undefined for a channel that is none of this node's, or of a room it has not */
  find(channel: string): Heading | undefined {
    const fixed = this.#fixed.get(channel);
    if (fixed !== undefined) return fixed;
    for (const heard of this.#namespaces.values()) {
      if (!heard.isServed || !channel.startsWith(heard.base) || !channel.endsWith('#')) continue;
      const room = channel.slice(heard.base.length, -1);
      if (this.#isRoomOf(heard, room)) {
        return { namespace: heard.namespace, purpose: 'said', room };
      }
    }
    return undefined;
  }

  /**
   * Whether a message came by a channel's name already: Redis says it by name first, then by the
   * pattern, with nothing in between.
   */
  isDouble(channel: string, payload: Uint8Array, isByPattern: boolean): boolean {
    if (this.#doublesUntilMs === 0) return false;
    const last = this.#lastByName;
    this.#lastByName = isByPattern ? undefined : { channel, payload };
    if (performance.now() > this.#doublesUntilMs) {
      this.#doublesUntilMs = 0;
      this.#lastByName = undefined;
    }
    if (!isByPattern || last?.channel !== channel) return false;
    return Buffer.compare(last.payload, payload) === 0;
  }

  close(): void {
    this.setNamespaces([]);
  }

  #isRoomOf(heard: Heard, room: string): boolean {
    if (heard.rooms.has(room) || this.#isSessionId(room)) return true;
    return heard.isWhole && this.#options.isRoomHeard(heard.namespace, room);
  }

  #isSessionId(room: string): boolean {
    const { dialect, sessionIdStart } = this.#options;
    if (sessionIdStart === undefined || !dialect.hasPatterns) return false;
    return (
      room.length === sessionIdStart.length + SESSION_ID_REST && room.startsWith(sessionIdStart)
    );
  }

  #of(namespace: string): Heard {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const base = this.#options.dialect.base(namespace);
    const maps = { rooms: new NameMap<true>(), waiting: new NameMap<true>() };
    const heard = { namespace, base, ...maps, isServed: false, isWhole: false };
    this.#namespaces.set(namespace, heard);
    return heard;
  }

  #enter(heard: Heard): void {
    const { namespace, rooms } = heard;
    const { dialect, transport, isSharded } = this.#options;
    heard.isServed = true;
    const channels = dialect.channels(namespace);
    for (const [channel, purpose] of channels) {
      this.#fixed.set(channel, { namespace, purpose, room: undefined });
    }
    const names = [...rooms.keys()].map((room) => channelOf(heard, room));
    transport.subscribe([...channels.map(([channel]) => channel), ...names], isSharded);
    const pattern = this.#patternOf(heard);
    if (pattern !== undefined) transport.subscribePattern(pattern);
  }

  #leave(heard: Heard): void {
    const { namespace, rooms } = heard;
    const { dialect, transport, isSharded } = this.#options;
    const channels = dialect.channels(namespace).map(([channel]) => channel);
    for (const channel of channels) this.#fixed.delete(channel);
    const names = [...rooms.keys()].map((room) => channelOf(heard, room));
    transport.unsubscribe([...channels, ...names], isSharded);
    const pattern = this.#patternOf(heard);
    if (pattern !== undefined) transport.unsubscribePattern(pattern);
    heard.isServed = false;
  }

  #take(heard: Heard, room: string): void {
    const { dialect, transport, isSharded, maxRoomChannels } = this.#options;
    if (this.#roomChannels >= maxRoomChannels) {
      if (dialect.hasPatterns) this.#hearWhole(heard);
      else this.#wait(heard, room);
      return;
    }
    heard.rooms.set(room, true);
    this.#roomChannels++;
    if (heard.isServed) transport.subscribe([channelOf(heard, room)], isSharded);
  }

  #drop(heard: Heard, room: string): void {
    const { transport, isSharded } = this.#options;
    heard.waiting.delete(room);
    if (!heard.rooms.delete(room)) return;
    this.#roomChannels--;
    if (heard.isServed) transport.unsubscribe([channelOf(heard, room)], isSharded);
    for (const other of this.#namespaces.values()) {
      const [next] = other.waiting.keys();
      if (next === undefined) continue;
      other.waiting.delete(next);
      this.#take(other, next);
      return;
    }
  }

  #hearWhole(heard: Heard): void {
    const { transport, isSharded } = this.#options;
    const narrow = this.#patternOf(heard);
    const names = [...heard.rooms.keys()].map((room) => channelOf(heard, room));
    heard.isWhole = true;
    heard.rooms.clear();
    this.#roomChannels -= names.length;
    if (!heard.isServed) return;
    // First the pattern, so that nothing is lost in between; what comes twice is told apart.
    this.#doublesUntilMs = performance.now() + DOUBLES_MS;
    transport.subscribePattern(this.#patternOf(heard) as string);
    if (narrow !== undefined) transport.unsubscribePattern(narrow);
    if (names.length > 0) transport.unsubscribe(names, isSharded);
  }

  #wait(heard: Heard, room: string): void {
    if (heard.waiting.size < WAITING_MAX) heard.waiting.set(room, true);
    if (this.#hasSaidFull) return;
    this.#hasSaidFull = true;
    const { maxRoomChannels, log } = this.#options;
    log.warn(
      `more than ${maxRoomChannels} rooms have sessions here: what Socket.IO servers in dynamic ` +
        'subscription mode say to one of the others is not heard; use their static mode',
    );
  }

  /** The pattern that a namespace is heard by, beside channels by name. */
  #patternOf(heard: Heard): string | undefined {
    const { dialect, sessionIdStart } = this.#options;
    if (!dialect.hasPatterns) return undefined;
    if (heard.isWhole) return `${escaped(heard.base)}?*`;
    if (sessionIdStart === undefined) return undefined;
    return `${escaped(heard.base + sessionIdStart)}${'?'.repeat(SESSION_ID_REST)}#`;
  }
}

function channelOf(heard: Heard, room: string): string {
  return `${heard.base}${room}#`;
}

/** A text as a pattern that fits nothing else. */
function escaped(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, String.raw`\$&`);
}
