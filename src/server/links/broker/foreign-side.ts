/**
 * Socket.IO servers and emitters on the same Redis, as the hub of this node has them: what bodies
 * of the bus say is said to them, and what they say is a body of the bus.
 */

import type { BrokerConfig } from '../../../host/config/broker.ts';
import { FOREIGN_SERVERS } from '../../core/app/answer-errors.ts';
import type { NodeRequest, Target } from '../../core/contracts/node-link.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import { FRAME_HEADER_BYTES, FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { readAudienceKey, roomKey } from '../../protocol/interest-key.ts';
import { SessionIdFactory } from '../../protocol/session-id.ts';
import {
  BusFrame,
  fromData,
  joinedRooms,
  type Route,
  readCommand,
  readEvent,
  readRequest,
  readRoute,
  routeTo,
  toData,
  writeEvent,
  writeRoute,
} from '../bus/bus-frame.ts';
import type { InterestTable } from '../bus/interest-table.ts';
import type { HearNodes } from '../bus/other-nodes.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import type {
  ForeignHome,
  ForeignSaid,
  ForeignTransport,
  HomeAnswers,
} from './foreign/contract.ts';
import { ForeignBridge } from './foreign/foreign-bridge.ts';
import { nodeId } from './node-facts.ts';
import type { NodeRelay } from './node-relay.ts';
import type { RawEntry } from './node-stream.ts';
import type { EntryFields } from './stream-writer.ts';

export interface ForeignSideOptions {
  readonly config: BrokerConfig;
  readonly node: number;
  readonly link: RedisLink;
  readonly interest: InterestTable;
  readonly log: Log;
  /** The hub, once it is linked. */
  relay(): NodeRelay | undefined;
  /** Other nodes that serve a namespace. */
  servers(namespace: string): number;
  /** Writes an entry that is for them alone. */
  addEntry(fields: EntryFields): void;
}

/** A message of theirs, as the bus has it. */
export interface ForeignBody {
  readonly type: number;
  readonly route: Route;
  readonly body: Uint8Array;
}

/** What all ids of sessions of a node begin with: its number. */
const ID_START_LENGTH = 4;
/** How much longer than its answers may take a request waits. */
const GRACE_MS = 500;

export class ForeignSide {
  readonly #options: ForeignSideOptions;
  readonly #bridge: ForeignBridge;
  /** Where what the bridge writes goes, while an entry of this node is made. */
  #captured: EntryFields | undefined;
  #isCapturing = false;

  constructor(options: ForeignSideOptions) {
    this.#options = options;
    const { config, node, interest, log } = options;
    this.#bridge = new ForeignBridge({
      mode: config.brokerMode,
      prefix: config.brokerPrefix,
      uid: `holdfast-${nodeId(node)}`,
      maxRoomChannels: LIMITS.foreignRoomChannels,
      sessionIdStart: new SessionIdFactory(node, 0).create(0).slice(0, ID_START_LENGTH),
      isRoomHeard: (namespace, room) => interest.has(roomKey(namespace, room)),
      peers: (namespace) => options.servers(namespace),
      transport: this.#transport(),
      home: this.#home(),
      log,
      maxPayloadBytes: LIMITS.ipcFrameBytes,
    });
  }

  get figures(): ForeignBridge['figures'] {
    return this.#bridge.figures;
  }

  setNamespaces(names: readonly string[]): void {
    this.#bridge.setNamespaces(names);
  }

  /** This node begins to want a key, or ceases to. */
  wants(key: string, isWanted: boolean): void {
    const [namespace, room] = readAudienceKey(key) ?? [];
    if (namespace === undefined || room === undefined || room === '') return;
    this.#bridge.setRoom(namespace, room, isWanted);
  }

  workerGone(): void {
    this.#bridge.look();
  }

  onMessage(channel: string, payload: Uint8Array, isByPattern: boolean): void {
    this.#bridge.onMessage(channel, payload, isByPattern);
  }

  /** Says an event or a command to them. @param body of its frame */
  publish(type: number, route: Route, body: Uint8Array): void {
    const frame = readerOf(type, body);
    readRoute(frame);
    const { namespace } = route;
    if (type === BusFrame.event) {
      this.#bridge.publish(namespace, route, readEvent(frame, namespace));
      return;
    }
    frame.texts();
    this.#bridge.command(namespace, route, readCommand(frame));
  }

  /** The fields by which an entry of this node says it to them as well, where it is for them. */
  fieldsFor(type: number, route: Route, body: Uint8Array): EntryFields {
    this.#isCapturing = true;
    this.#captured = undefined;
    try {
      this.publish(type, route, body);
      return this.#captured ?? [];
    } finally {
      this.#isCapturing = false;
    }
  }

  /**
   * @param isPast it was there before this node, which does not know its own namespaces yet
   * @returns what an entry of theirs is for the sessions of this node; nothing for most
   */
  readEntry({ id, fields }: RawEntry, isPast: boolean): ForeignBody | undefined {
    const texts: Record<string, string> = {};
    for (const [name, value] of fields) texts[name] = value.toString();
    const said = this.#bridge.onStreamEntry(id, texts, isPast);
    return said === undefined ? undefined : bodyOf(said);
  }

  /**
   * Asks them what workers of other nodes are asked.
   *
   * @param asked route and request, as the bus has them
   * @returns their number where there are some
   */
  ask(route: Route, asked: Uint8Array, hear: HearNodes): readonly number[] {
    const frame = readerOf(BusFrame.request, asked);
    readRoute(frame);
    const request = readRequest(frame);
    void this.#ask(route, request, hear);
    return [FOREIGN_SERVERS];
  }

  close(): void {
    this.#bridge.close();
  }

  async #ask(route: Route, request: NodeRequest, hear: HearNodes): Promise<void> {
    const timeoutMs = request.kind === 'emitWithAck' ? request.timeoutMs : LIMITS.busRequestMs;
    const { items, missing, silent } = await this.#bridge.request(
      route.namespace,
      route,
      request,
      Math.max(1, timeoutMs - GRACE_MS),
    );
    const isWhole = silent === 0;
    const answering = FOREIGN_SERVERS;
    hear({ answering, isLast: true, isWhole, missing, items: toData(items) });
  }

  #transport(): ForeignTransport {
    const { link } = this.#options;
    return {
      publish: (channel, payload, sharded) =>
        sharded ? link.publishSharded(channel, payload) : link.publish(channel, payload),
      subscribe: (channels, sharded) => link.subscribe(channels, sharded),
      unsubscribe: (channels, sharded) => link.unsubscribe(channels, sharded),
      subscribePattern: (pattern) => link.subscribePattern(pattern),
      unsubscribePattern: (pattern) => link.unsubscribePattern(pattern),
      subscribers: (channel, sharded) => link.subscribers(channel, sharded),
      addToStream: async (fields) => {
        const flat = Object.entries(fields).flat();
        if (this.#isCapturing) this.#captured = flat;
        else this.#options.addEntry(flat);
        return '';
      },
    };
  }

  #home(): ForeignHome {
    const take = (said: ForeignSaid): void => {
      const { type, body } = bodyOf(said);
      this.#options.relay()?.take(type, body);
    };
    return {
      event: (namespace, target, event) => take({ kind: 'event', namespace, target, event }),
      command: (namespace, target, command) => {
        take({ kind: 'command', namespace, target, command });
      },
      ask: (namespace, target, request) => this.#askHome(namespace, target, request),
    };
  }

  /** Answers come by themselves: workers have times of their own. */
  #askHome(namespace: string, target: Target, request: NodeRequest): Promise<HomeAnswers> {
    const { promise, resolve } = Promise.withResolvers<HomeAnswers>();
    const relay = this.#options.relay();
    const isForWorkers = request.kind === 'serverSideEmit';
    const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(BusFrame.request);
    writeRoute(writer, { ...routeTo(target, isForWorkers), namespace });
    writer.raw(toData(request)).finish();
    const items: unknown[] = [];
    let missing = 0;
    relay?.askWorkers(writer.take().subarray(FRAME_HEADER_BYTES), (piece) => {
      missing += piece.missing;
      items.push(...(fromData(piece.items) as unknown[]));
      if (piece.isLast) resolve({ items, missing, isWhole: piece.isWhole });
    });
    if (relay === undefined) resolve({ items, missing, isWhole: false });
    return promise;
  }
}

function readerOf(type: number, body: Uint8Array): FrameReader {
  return new FrameReader(type, Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}

/** @throws TypeError for names that no frame holds, RangeError for what is too large for one */
function bodyOf(said: ForeignSaid): ForeignBody {
  const { namespace, target } = said;
  const isForWorkers = said.kind === 'command' && said.command.kind === 'serverSideEmit';
  const route = { ...routeTo(target, isForWorkers), namespace };
  const type = said.kind === 'event' ? BusFrame.event : BusFrame.command;
  const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(type);
  writeRoute(writer, route);
  if (said.kind === 'event') writeEvent(writer, said.event);
  else writer.texts(joinedRooms(said.command)).raw(toData(said.command));
  writer.finish();
  return { type, route, body: writer.take().subarray(FRAME_HEADER_BYTES) };
}
