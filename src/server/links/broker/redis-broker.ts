/**
 * The way to other nodes over Redis or Valkey, put together.
 *
 *     what workers say ─▶ mode pubsub, sharded: to the nodes that want it (cluster.ts)
 *                     └─▶ mode streams: into the stream that all read (node-stream.ts)
 *     what rooms keep ─▶ a stream, whatever the mode, so that all nodes have one history
 *     Socket.IO servers and emitters ◀─▶ foreign-side.ts, in the words of their adapters
 */

import type { BrokerConfig } from '../../../host/config/broker.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import { FrameReader } from '../../protocol/frame.ts';
import { BusFrame, type Route, readRoute } from '../bus/bus-frame.ts';
import type { InterestTable } from '../bus/interest-table.ts';
import type { HearNodes, OtherNodes } from '../bus/other-nodes.ts';
import type { RedisLink, RedisLinkEvents } from '../redis/redis-link.ts';
import { NodeCluster } from './cluster.ts';
import type { ForeignFigures } from './foreign/contract.ts';
import { type ForeignBody, ForeignSide } from './foreign-side.ts';
import type { Membership } from './membership.ts';
import type { FactsOfNode } from './node-facts.ts';
import type { NodeRelay } from './node-relay.ts';
import { type EntryPlace, NodeStream, type RawEntry, type StreamFigures } from './node-stream.ts';
import { RedisStream } from './stream-access.ts';
import {
  type EntryRoom,
  encodeEntry,
  STREAM_FIELD,
  STREAM_TYPE,
  type StreamSaid,
} from './stream-entry.ts';
import type { EntryFields } from './stream-writer.ts';

export type { ForeignFigures } from './foreign/contract.ts';

/** What the history of a node takes from the stream. */
export interface KeptSink {
  /** @param ownNumber of an entry that this node has written, as `sayKept` gave it */
  take(
    entry: Pick<StreamSaid, 'rooms' | 'body'>,
    offset: number,
    how: Pick<EntryPlace, 'ageMs' | 'isPast'> & { readonly ownNumber: number | undefined },
  ): void;
  /** Rooms that keep an event. @param body of its frame */
  roomsOf(route: Route, body: Uint8Array): readonly EntryRoom[];
  /** All up to an offset was read. */
  reached(offset: number): void;
  /** Entries up to an offset may be missing. */
  missed(upTo: number): void;
}

export interface RedisBrokerOptions {
  readonly config: BrokerConfig;
  readonly link: RedisLink;
  readonly membership: Membership;
  /** Takes what rooms keep, in the order of all nodes; `undefined` where none keeps anything. */
  readonly kept: KeptSink | undefined;
  /** How long a room keeps anything at the most. */
  readonly pastMs: number;
  readonly interest: InterestTable;
  readonly log: Log;
  facts(): FactsOfNode;
}

/** The type of an entry by which an official adapter says an event. */
const FOREIGN_BROADCAST = '3';
/** How often what this node has in Redis is refreshed. */
const REFRESH_MS = LIMITS.nodeKeyMs / 3;
/** What a stream of history outlives the longest history by. */
const STREAM_GRACE_MS = 60_000;

export class RedisBroker implements OtherNodes, RedisLinkEvents {
  readonly cluster: NodeCluster;
  /** Servers of other make; `undefined` where the config says that there are none. */
  readonly #foreign: ForeignSide | undefined;
  readonly #options: RedisBrokerOptions;
  readonly #stream: NodeStream | undefined;
  readonly #access: RedisStream | undefined;
  readonly #isOfStreams: boolean;
  readonly #timer: Timer;
  #relay: NodeRelay | undefined;

  constructor(options: RedisBrokerOptions) {
    this.#options = options;
    const { config, link, membership, log } = options;
    this.#isOfStreams = config.brokerMode === 'streams';
    const isSharded = config.brokerMode === 'sharded';
    this.cluster = new NodeCluster({
      node: membership.node,
      prefix: ownPrefix(config),
      queueBytes: config.brokerQueueBytes,
      channels: {
        publish: (channel, payload) =>
          isSharded ? link.publishSharded(channel, payload) : link.publish(channel, payload),
        subscribe: (channels) => link.subscribe(channels, isSharded),
      },
      interest: options.interest,
      relay: {
        take: (type, body) => this.#relay?.take(type, body),
        askWorkers: (asked, hear) => this.#relay?.askWorkers(asked, hear),
      },
      log,
      facts: () => options.facts(),
    });
    if (this.#isOfStreams || options.kept !== undefined) {
      const key = this.#isOfStreams ? config.brokerStream : `${ownPrefix(config)}:history`;
      this.#access = new RedisStream({ link, key, length: config.brokerStreamLength });
      this.#stream = this.#openStream(this.#access);
    }
    this.#foreign = config.brokerSocketIo ? this.#openForeign() : undefined;
    this.#watchInterest();
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS);
  }

  get foreignFigures(): Readonly<ForeignFigures> | undefined {
    return this.#foreign?.figures;
  }

  /** Namespaces that the app of this node has. */
  setNamespaces(names: readonly string[]): void {
    this.#foreign?.setNamespaces(names);
  }

  get streamFigures(): StreamFigures | undefined {
    return this.#stream?.figures;
  }

  /**
   * Writes what rooms keep.
   *
   * @returns the number of the entry; nothing when there is no room for it
   */
  sayKept(rooms: readonly EntryRoom[], body: Uint8Array): number | undefined {
    const also = this.#sayForeign(BusFrame.event, routeOf(body), body);
    return this.#stream?.say(STREAM_TYPE.kept, rooms, body, also);
  }

  /** Reads what rooms keep already. To be awaited before workers start. */
  async load(): Promise<void> {
    const { link, membership } = this.#options;
    // In a Cluster each server has a clock of its own: that of the stream counts.
    const time = await link.command(this.#access?.key, ['TIME']);
    const [seconds, microseconds] = (time as readonly string[]).map(Number) as [number, number];
    const nowMs = seconds * 1_000 + Math.floor(microseconds / 1_000);
    const isThere = (await this.#access?.isCut()) !== undefined;
    await this.#stream?.load(nowMs, membership.isFirst);
    if (!isThere) await this.#begin();
  }

  /** From now on what others say reaches the workers of this node. */
  start(relay: NodeRelay): void {
    this.#relay = relay;
    this.#stream?.start();
  }

  // RedisLinkEvents.

  onMessage(channel: string, payload: Uint8Array, isByPattern: boolean): void {
    if (this.cluster.onMessage(channel, payload)) return;
    this.#foreign?.onMessage(channel, payload, isByPattern);
  }

  onConnected(afterMs: number): void {
    if (afterMs > 0) void this.#refresh();
    this.cluster.onConnected();
    void this.#stream?.connected();
  }

  onLost(): void {
    this.cluster.onLost();
    this.#stream?.lost();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#foreign?.close();
    this.#stream?.close();
    this.#access?.close();
    await this.cluster.close();
    if (this.#options.link.isConnected) await this.#options.membership.leave();
  }

  // OtherNodes.

  publish(type: number, route: Route, body: Uint8Array, isKept: boolean): boolean {
    if (isKept) return true;
    const also = this.#sayForeign(type, route, body);
    if (this.#stream === undefined || !this.#isOfStreams) {
      return this.cluster.publish(type, route, body);
    }
    const streamType = type === BusFrame.event ? STREAM_TYPE.event : STREAM_TYPE.command;
    return this.#stream.say(streamType, [], body, also) !== undefined;
  }

  ask(route: Route, body: Uint8Array, hear: HearNodes): readonly number[] {
    const nodes = this.cluster.ask(route, body, hear);
    return this.#foreign === undefined
      ? nodes
      : [...nodes, ...this.#foreign.ask(route, body, hear)];
  }

  workerGone(): void {
    this.#foreign?.workerGone();
  }

  #openStream(access: RedisStream): NodeStream {
    const { config, membership, pastMs, log } = this.#options;
    return new NodeStream({
      node: membership.node,
      boot: Date.now(),
      access,
      queueBytes: config.brokerQueueBytes,
      readCount: config.brokerStreamReads,
      pastMs,
      isHeld: () => this.#relay?.kept.isHolding === true,
      log,
      events: {
        onSaid: (said, place) => this.#said(said, place),
        onForeign: (entry, place) => this.#takeForeign(entry, place),
        onRepeated: (offset) => this.#options.kept?.reached(offset),
        onMissed: (upTo, lost) => {
          this.#options.kept?.missed(upTo);
          if (lost > 0) log.warn('entries of the stream were missed', { lost });
        },
      },
    });
  }

  async #begin(): Promise<void> {
    const { node } = this.#options.membership;
    const [rooms, body] = [[], new Uint8Array()];
    const said = { node, boot: 0, number: 0, type: STREAM_TYPE.begin, rooms, body };
    await this.#access?.write([[STREAM_FIELD, encodeEntry(said, LIMITS.ipcFrameBytes)]]);
  }

  #said({ body, number, type, rooms }: StreamSaid, place: EntryPlace): void {
    const { offset, isOwn, isPast, ageMs } = place;
    if (type === STREAM_TYPE.kept) {
      const ownNumber = isOwn ? number : undefined;
      this.#options.kept?.take({ rooms, body }, offset, { ownNumber, ageMs, isPast });
    } else if (type !== STREAM_TYPE.begin && !isOwn && !isPast) {
      this.#relay?.take(type === STREAM_TYPE.event ? BusFrame.event : BusFrame.command, body);
    }
  }

  #openForeign(): ForeignSide {
    const { config, link, membership, interest, log } = this.#options;
    return new ForeignSide({
      config,
      node: membership.node,
      link,
      interest,
      log,
      relay: () => this.#relay,
      servers: (namespace) => this.cluster.servers(namespace),
      addEntry: (fields) => this.#stream?.add(fields),
    });
  }

  /** The nodes are told by hashes, servers of other make by names. */
  #watchInterest(): void {
    const { interest } = this.#options;
    const foreign = this.#foreign;
    const own = interest.watcher;
    if (foreign === undefined || own === undefined) return;
    interest.watcher = {
      begins: (low, high, key) => {
        own.begins(low, high, key);
        foreign.wants(key, true);
      },
      ceases: (low, high, key) => {
        own.ceases(low, high, key);
        if (key !== undefined) foreign.wants(key, false);
      },
    };
  }

  /** @returns what an entry of the stream has to have for servers of other make */
  #sayForeign(type: number, route: Route, body: Uint8Array): EntryFields {
    if (this.#foreign === undefined) return [];
    if (this.#isOfStreams) return this.#foreign.fieldsFor(type, route, body);
    this.#foreign.publish(type, route, body);
    return [];
  }

  #takeForeign(entry: RawEntry, { offset, isPast, ageMs }: EntryPlace): void {
    // Of what was said before this node, rooms keep events; the rest is over.
    if (isPast && entry.fields.get('type')?.toString() !== FOREIGN_BROADCAST) return;
    const said = this.#foreign?.readEntry(entry, isPast);
    if (said === undefined) return;
    const rooms = this.#keeping(said);
    if (rooms.length > 0) {
      const how = { ownNumber: undefined, ageMs, isPast };
      this.#options.kept?.take({ rooms, body: said.body }, offset, how);
    } else if (!isPast) this.#relay?.take(said.type, said.body);
  }

  #keeping({ type, route, body }: ForeignBody): readonly EntryRoom[] {
    if (type !== BusFrame.event || this.#options.kept === undefined) return [];
    return this.#options.kept.roomsOf(route, body);
  }

  async #refresh(): Promise<void> {
    const { link, membership, log, pastMs } = this.#options;
    if (!link.isConnected) return;
    try {
      await membership.refresh();
      const key = this.#access?.key;
      if (key === undefined || this.#isOfStreams) return;
      await link.command(key, ['PEXPIRE', key, String(pastMs + STREAM_GRACE_MS)]);
    } catch (error) {
      log.warn('what this node has in Redis was not refreshed', { error: describeError(error) });
    }
  }
}

function routeOf(body: Uint8Array): Route {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return readRoute(new FrameReader(BusFrame.event, bytes));
}

/** Begins the names of what only nodes of Holdfast read. */
export function ownPrefix({ brokerPrefix }: Pick<BrokerConfig, 'brokerPrefix'>): string {
  return `${brokerPrefix}:holdfast`;
}
