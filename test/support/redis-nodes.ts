/**
 * Nodes over a real Redis or Valkey, linked as their controllers do it. A test takes the place of
 * their hubs and of their workers: it says, and sees what would be given to sessions.
 */

import type { BrokerConfig } from '../../src/host/config/broker.ts';
import { loadConfig } from '../../src/host/config/load.ts';
import type { HistorySettings } from '../../src/host/config/rooms.ts';
import { joinBroker } from '../../src/server/controller/node-broker.ts';
import type { NodeRequest, SessionCommand } from '../../src/server/core/contracts/node-link.ts';
import { EncodedEvent } from '../../src/server/core/delivery/encoded-event.ts';
import { LIMITS } from '../../src/server/core/limits/limits.ts';
import type { Membership } from '../../src/server/links/broker/membership.ts';
import type { NodeRelay } from '../../src/server/links/broker/node-relay.ts';
import { RedisBroker } from '../../src/server/links/broker/redis-broker.ts';
import {
  BusFrame,
  eventBody,
  joinedRooms,
  type Route,
  RouteScope,
  readCommand,
  readEvent,
  readRoute,
  toData,
  writeRoute,
} from '../../src/server/links/bus/bus-frame.ts';
import { InterestTable } from '../../src/server/links/bus/interest-table.ts';
import type { NodeAnswerPiece } from '../../src/server/links/bus/other-nodes.ts';
import type { RedisLink } from '../../src/server/links/redis/redis-link.ts';
import { FRAME_HEADER_BYTES, FrameReader, FrameWriter } from '../../src/server/protocol/frame.ts';
import { EmbeddedHistory } from '../../src/server/state/history/embedded-history.ts';
import { StreamHistory } from '../../src/server/state/history/stream-history.ts';
import { type LogLines, logLines } from './log-lines.ts';
import { within } from './raw-deadline.ts';

const WAIT_MS = 20_000;
const POLL_MS = 2;
const WORKER = 0;
const ROOM_KEPT_MS = 60_000;

export const EVERYONE: Route = {
  scope: RouteScope.recipients,
  namespace: '/',
  rooms: [],
  users: [],
  except: [],
};

/** What sessions of a node would be given. */
export interface Taken {
  readonly route: Route;
  /** Of an event: its name and arguments. */
  readonly event?: readonly unknown[];
  readonly attachments?: readonly Uint8Array[];
  readonly command?: SessionCommand;
}

export interface NodeOptions {
  /** With `broker`, the URL. */
  readonly config: Partial<BrokerConfig>;
  /** Rooms of this node keep what this says; nothing without it. */
  readonly history?: {
    readonly budgetBytes: number;
    nowMs(): number;
    settingsOf(key: string): HistorySettings | undefined;
  };
}

export class NodeOverRedis implements AsyncDisposable {
  readonly broker: RedisBroker;
  readonly link: RedisLink;
  readonly membership: Membership;
  readonly interest: InterestTable = new InterestTable();
  readonly log: LogLines;
  readonly taken: Taken[] = [];
  /** Requests of other nodes, as they came. */
  readonly asked: Uint8Array[] = [];
  /** Offsets of what other nodes have kept, as this one was told. */
  readonly kept: number[] = [];
  readonly history: StreamHistory | undefined;
  readonly copy: EmbeddedHistory | undefined;
  /** Answers nothing. */
  isMute = false;
  /** Its workers cannot take more. */
  isHeld = false;

  private constructor(
    { config, history: keeping }: NodeOptions,
    joined: NonNullable<Awaited<ReturnType<typeof joinBroker>>>,
    log: LogLines,
  ) {
    const { link, membership } = joined;
    this.link = link;
    this.membership = membership;
    this.log = log;
    this.copy = keeping && new EmbeddedHistory(keeping);
    this.history =
      keeping &&
      new StreamHistory({
        epoch: membership.epoch,
        copy: this.copy as EmbeddedHistory,
        nowMs: () => keeping.nowMs(),
        settingsOf: (key) => keeping.settingsOf(key),
        say: (rooms, body) => this.broker.sayKept(rooms, body),
        onKept: (_, offset) => void this.kept.push(offset),
      });
    const { history } = this;
    this.broker = new RedisBroker({
      config: { ...loadConfig(), ...config },
      link,
      membership,
      kept: history && {
        take: (entry, offset, how) => history.take(entry, offset, how),
        missed: (upTo) => history.missed(upTo),
        reached: (offset) => history.reached(offset),
        roomsOf: () => [],
      },
      pastMs: ROOM_KEPT_MS,
      interest: this.interest,
      log,
      facts: () => ({ host: '127.0.0.1', publicPort: 8500, ports: [9], namespaces: ['/'] }),
    });
    joined.hand(this.broker);
  }

  static async open(options: NodeOptions): Promise<NodeOverRedis> {
    const log = logLines();
    const joined = await joinBroker({ ...loadConfig(), ...options.config }, log);
    if (joined === undefined) throw new Error('the config of a node names no broker');
    const node = new NodeOverRedis(options, joined, log);
    await node.broker.load();
    node.broker.setNamespaces(['/']);
    node.broker.start(node.#relay());
    return node;
  }

  get number(): number {
    return this.membership.node;
  }

  /** First arguments of the events that came, in their order. */
  get heard(): readonly unknown[] {
    return this.taken.flatMap(({ event }) => (event === undefined ? [] : [event[1]]));
  }

  wants(key: string): void {
    this.interest.add(key, WORKER);
  }

  wantsNoMore(key: string): void {
    this.interest.remove(key, WORKER);
  }

  /** Says an event to other nodes. @returns whether there was room for it */
  say(route: Partial<Route>, ...args: readonly unknown[]): boolean {
    const whole = { ...EVERYONE, ...route };
    return this.broker.publish(BusFrame.event, whole, bodyOf(whole, args), false);
  }

  command(route: Partial<Route>, command: SessionCommand): boolean {
    const whole = { ...EVERYONE, ...route };
    const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(BusFrame.command);
    writeRoute(writer, whole);
    writer.texts(joinedRooms(command)).raw(toData(command)).finish();
    const body = writer.take().subarray(FRAME_HEADER_BYTES);
    return this.broker.publish(BusFrame.command, whole, body, false);
  }

  /** @returns the numbers of those that are asked, and what comes from them, in its order */
  ask(route: Partial<Route>, request: NodeRequest): [readonly number[], NodeAnswerPiece[]] {
    const whole = { ...EVERYONE, ...route };
    const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(BusFrame.request);
    writeRoute(writer, whole);
    writer.raw(toData(request)).finish();
    const pieces: NodeAnswerPiece[] = [];
    const body = writer.take().subarray(FRAME_HEADER_BYTES);
    return [this.broker.ask(whole, body, (piece) => void pieces.push(piece)), pieces];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
    await this.link.close();
  }

  #relay(): NodeRelay {
    return {
      take: (type, body) => void this.taken.push(takenOf(type, body)),
      askWorkers: (asked, hear) => {
        this.asked.push(asked);
        if (this.isMute) return;
        hear({ isLast: false, isWhole: true, missing: 2, items: toData(['first']) });
        hear({ isLast: true, isWhole: true, missing: 0, items: toData(['last']) });
      },
      kept: { isHolding: this.isHeld } as NodeRelay['kept'],
    };
  }
}

/** An event's body, as the bus has it. */
export function bodyOf(route: Route, args: readonly unknown[]): Uint8Array {
  return eventBody(route, EncodedEvent.create('/', 'x', args), LIMITS.ipcFrameBytes);
}

function takenOf(type: number, body: Uint8Array): Taken {
  const frame = new FrameReader(type, Buffer.from(body));
  const route = readRoute(frame);
  if (type === BusFrame.event) {
    const { json, attachments } = readEvent(frame, route.namespace);
    return { route, event: JSON.parse(json) as unknown[], attachments };
  }
  frame.texts();
  return { route, command: readCommand(frame) };
}

/** A node each of these options, which know each other and what each of them wants to hear. */
export async function openNodes(all: readonly NodeOptions[]): Promise<readonly NodeOverRedis[]> {
  const nodes = await Promise.all(all.map((options) => NodeOverRedis.open(options)));
  await until('all nodes know each other', () =>
    nodes.every((node) => knows(node, all.length - 1)),
  );
  return nodes;
}

/** Of one that is not known it may be that it wants anything. */
function knows({ broker: { cluster } }: NodeOverRedis, others: number): boolean {
  return cluster.peers.length === others && cluster.nodesWith('nobody has it').length === 0;
}

/** Waits for a condition. @throws with what it waited for when it does not come about */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const look = async (): Promise<void> => {
    while (!(await isSo())) await Bun.sleep(POLL_MS);
  };
  await within(what, look(), WAIT_MS);
}
