/**
 * What tests of the bridge to Socket.IO servers stand on, all in one process but Redis: official
 * servers with each official adapter and clients of theirs, a transport, and made-up sessions.
 */

import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createClient,
  type RedisClientType,
  type RedisFunctions,
  type RedisModules,
  type RedisScripts,
} from '@redis/client';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { Server } from 'socket.io';
import { type Socket as ClientSocket, io as connect } from 'socket.io-client';
import type {
  NodeRequest,
  SessionCommand,
  Target,
} from '../../src/server/core/contracts/node-link.ts';
import type {
  ForeignBridgeOptions,
  ForeignEvent,
  ForeignHome,
  ForeignMode,
  ForeignSaid,
  ForeignTransport,
  HomeAnswers,
} from '../../src/server/links/broker/foreign/contract.ts';
import { ForeignBridge } from '../../src/server/links/broker/foreign/foreign-bridge.ts';
import { restoreArguments } from '../../src/server/protocol/binary-payload.ts';
import type { RedisServer } from './redis-servers.ts';

/** As node-redis reads them. */
interface StreamEntry {
  readonly id: string;
  readonly message: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 10_000;
const STREAM = 'socket.io';

export type Redis = RedisClientType<RedisModules, RedisFunctions, RedisScripts, 2>;

/** A client of a server, for whoever asks to close. */
export async function clientOf({ port }: RedisServer): Promise<Redis> {
  const client: Redis = createClient({ socket: { host: '127.0.0.1', port }, RESP: 2 });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Waits for a condition. @throws when it does not come */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(5);
  }
}

/** An official server with an official adapter, and clients of it. */
export class OfficialServer {
  readonly io: Server;
  readonly #http: HttpServer;
  readonly #redis: readonly Redis[];
  readonly #clients: OfficialClient[] = [];

  private constructor(io: Server, http: HttpServer, redis: readonly Redis[]) {
    this.io = io;
    this.#http = http;
    this.#redis = redis;
  }

  static async start(
    redis: RedisServer,
    mode: ForeignMode,
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<OfficialServer> {
    const [pub, sub] = [await clientOf(redis), await clientOf(redis)];
    const adapter = {
      pubsub: () => createAdapter(pub, sub, options),
      sharded: () => createShardedAdapter(pub, sub, options),
      streams: () => createStreamsAdapter(pub, { blockTimeInMs: 50, ...options }),
    }[mode]();
    const http = createServer();
    const io = new Server(http, { adapter: adapter as never, transports: ['websocket'] });
    io.of('/chat');
    const { promise, resolve } = Promise.withResolvers<void>();
    http.listen(0, '127.0.0.1', resolve);
    await promise;
    return new OfficialServer(io, http, [pub, sub]);
  }

  /** A client that has joined rooms; the data of its socket is `{ name }`. */
  async client(
    name: string,
    rooms: readonly string[] = [],
    namespace = '/',
  ): Promise<OfficialClient> {
    const { port } = this.#http.address() as AddressInfo;
    const socket = connect(`http://127.0.0.1:${port}${namespace}`, {
      transports: ['websocket'],
      forceNew: true,
    });
    const client = new OfficialClient(socket);
    this.#clients.push(client);
    await until('a client is connected', () => socket.connected);
    const here = this.io.of(namespace).sockets;
    await until('its server has it', () => here.has(socket.id as string));
    const one = here.get(socket.id as string)!;
    one.data = { name };
    await one.join([...rooms]);
    return client;
  }

  async close(): Promise<void> {
    for (const { socket } of this.#clients) socket.disconnect();
    await this.io.close();
    await Promise.all(this.#redis.map((client) => client.close()));
  }
}

export class OfficialClient {
  readonly socket: ClientSocket;
  /** Each as the event and its arguments. */
  readonly got: unknown[][] = [];

  constructor(socket: ClientSocket) {
    this.socket = socket;
    socket.onAny((...args: unknown[]) => {
      const last = args.at(-1);
      if (typeof last === 'function') {
        args.pop();
        last(`${String(args[0])} by ${socket.id}`);
      }
      this.got.push(args);
    });
  }

  get id(): string {
    return this.socket.id as string;
  }

  has(event: string): boolean {
    return this.got.some(([name]) => name === event);
  }
}

/** Sessions as the home of a node has them. */
export interface MadeUpSession {
  readonly id: string;
  readonly rooms: Set<string>;
  readonly data: unknown;
  readonly got: unknown[][];
  isEnded: boolean;
  /** Answers no question. */
  isMute?: boolean;
}

export class MadeUpHome implements ForeignHome {
  readonly sessions: MadeUpSession[] = [];
  readonly serverEvents: unknown[][] = [];
  /** Namespace and volatility of each event, in the order of their coming. */
  readonly events: { readonly namespace: string; readonly isVolatile: boolean }[] = [];
  /** Answers to `serverSideEmit`; none where it is undefined. */
  answer: ((...args: unknown[]) => unknown) | undefined;
  isWhole = true;

  add(id: string, rooms: readonly string[], data: unknown = {}): MadeUpSession {
    const session = { id, rooms: new Set([id, ...rooms]), data, got: [], isEnded: false };
    this.sessions.push(session);
    return session;
  }

  event(namespace: string, target: Target, { json, attachments, volatile }: ForeignEvent): void {
    this.events.push({ namespace, isVolatile: volatile });
    const values = JSON.parse(json) as unknown[];
    const args = restoreArguments(values, attachments, 1_000);
    for (const { got } of this.chosen(target)) got.push(args as unknown[]);
  }

  command(_: string, target: Target, command: SessionCommand): void {
    if (command.kind === 'serverSideEmit') {
      this.serverEvents.push([command.event, ...command.args]);
      return;
    }
    for (const session of this.chosen(target)) {
      if (command.kind === 'disconnect') session.isEnded = true;
      else if (command.kind === 'join') for (const room of command.rooms) session.rooms.add(room);
      else for (const room of command.rooms) session.rooms.delete(room);
    }
  }

  async ask(_: string, target: Target, request: NodeRequest): Promise<HomeAnswers> {
    await Promise.resolve();
    const { isWhole } = this;
    const chosen = this.chosen(target);
    switch (request.kind) {
      case 'sessions': {
        const items = chosen.map(({ id, rooms, data }) => ({
          id,
          user: undefined,
          rooms: [...rooms],
          data,
        }));
        return { items, missing: 0, isWhole };
      }
      case 'count':
        return { items: [chosen.length], missing: 0, isWhole };
      case 'rooms': {
        const names = new Set(
          this.sessions.flatMap(({ id, rooms }) => [...rooms].filter((room) => room !== id)),
        );
        return { items: [...names].map((name) => [name, 1]), missing: 0, isWhole };
      }
      case 'serverSideEmit': {
        this.serverEvents.push([request.event, ...request.args]);
        const items = this.answer === undefined ? [] : [this.answer(...request.args)];
        return { items, missing: 0, isWhole: items.length > 0 };
      }
      case 'emitWithAck': {
        const answering = chosen.filter(({ isMute }) => isMute !== true);
        for (const { got } of chosen) got.push([request.event, ...request.args]);
        const items = answering.map(({ id }) => `${request.event} by ${id}`);
        return { items, missing: chosen.length - answering.length, isWhole };
      }
      default:
        return { items: [], missing: 0, isWhole };
    }
  }

  chosen({ rooms, except }: Target): MadeUpSession[] {
    return this.sessions.filter((session) => {
      if (session.isEnded || except.some((room) => session.rooms.has(room))) return false;
      return rooms.length === 0 || rooms.some((room) => session.rooms.has(room));
    });
  }
}

/** A transport of a few lines. */
export class PlainTransport implements ForeignTransport {
  readonly #pub: Redis;
  readonly #sub: Redis;
  readonly #pending: Set<Promise<unknown>> = new Set();
  onMessage: (channel: string, payload: Uint8Array, isByPattern: boolean) => void = () => {};

  constructor(pub: Redis, sub: Redis) {
    this.#pub = pub;
    this.#sub = sub;
  }

  publish(channel: string, payload: Uint8Array, sharded: boolean): Promise<number> {
    const bytes = payload as Buffer;
    return sharded ? this.#pub.sPublish(channel, bytes) : this.#pub.publish(channel, bytes);
  }

  subscribe(channels: readonly string[], sharded: boolean): void {
    if (sharded) this.#wait(this.#sub.sSubscribe([...channels], this.#hear, true));
    else this.#wait(this.#sub.subscribe([...channels], this.#hear, true));
  }

  unsubscribe(channels: readonly string[], sharded: boolean): void {
    if (sharded) this.#wait(this.#sub.sUnsubscribe([...channels]));
    else this.#wait(this.#sub.unsubscribe([...channels]));
  }

  subscribePattern(pattern: string): void {
    this.#wait(this.#sub.pSubscribe(pattern, this.#hearPattern, true));
  }

  unsubscribePattern(pattern: string): void {
    this.#wait(this.#sub.pUnsubscribe(pattern));
  }

  async subscribers(channel: string, sharded: boolean): Promise<number> {
    const counts = sharded
      ? await this.#pub.pubSubShardNumSub(channel)
      : await this.#pub.pubSubNumSub(channel);
    return Number(counts[channel]);
  }

  async addToStream(fields: Readonly<Record<string, string>>): Promise<string> {
    return await this.#pub.xAdd(STREAM, '*', fields);
  }

  /** All that was asked of Redis has been done. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  readonly #hear = (message: Buffer, channel: Buffer): void => {
    this.onMessage(channel.toString(), message, false);
  };

  readonly #hearPattern = (message: Buffer, channel: Buffer): void => {
    this.onMessage(channel.toString(), message, true);
  };

  #wait(promise: Promise<unknown>): void {
    this.#pending.add(promise);
    void promise.finally(() => this.#pending.delete(promise));
  }
}

/** A bridge at work with its home; `streams` are read until it is closed. */
export class BridgeAtWork {
  readonly bridge: ForeignBridge;
  readonly home: MadeUpHome;
  readonly transport: PlainTransport;
  readonly log: string[];
  readonly #clients: readonly Redis[];
  #isClosed = false;

  private constructor(
    options: Omit<ForeignBridgeOptions, 'log'>,
    transport: PlainTransport,
    clients: readonly Redis[],
  ) {
    this.#clients = clients;
    this.home = options.home as MadeUpHome;
    this.transport = transport;
    this.log = [];
    const say = (message: string): void => void this.log.push(message);
    const log = { debug: say, info: say, warn: say, error: say };
    this.bridge = new ForeignBridge({ ...options, log });
    transport.onMessage = (channel, payload, isByPattern) =>
      this.bridge.onMessage(channel, payload, isByPattern);
  }

  static async start(
    redis: RedisServer,
    mode: ForeignMode,
    more: Partial<ForeignBridgeOptions> = {},
  ): Promise<BridgeAtWork> {
    const [pub, sub, reader] = await Promise.all([1, 2, 3].map(() => clientOf(redis)));
    const transport = new PlainTransport(pub as Redis, sub as Redis);
    const home = new MadeUpHome();
    const all = {
      mode,
      prefix: 'socket.io',
      uid: `holdfast-${crypto.randomUUID()}`,
      maxRoomChannels: 100,
      isRoomHeard: (_: string, room: string) => home.sessions.some(({ rooms }) => rooms.has(room)),
      peers: () => 0,
      transport,
      home,
      maxPayloadBytes: 67_108_864,
      ...more,
    };
    const clients = [pub, sub, reader] as readonly Redis[];
    const at = new BridgeAtWork(all, transport, clients);
    if (mode === 'streams') await at.#read(reader as Redis);
    at.bridge.setNamespaces(['/', '/chat']);
    await transport.settled();
    return at;
  }

  /** A session, whose rooms the bridge hears. */
  async session(id: string, rooms: readonly string[], data?: unknown): Promise<MadeUpSession> {
    for (const room of [id, ...rooms]) this.bridge.setRoom('/', room, true);
    await this.transport.settled();
    return this.home.add(id, rooms, data);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.bridge.close();
    // What it said last still leaves; a server that is killed before would reset the connections.
    await Promise.all(this.#clients.map((client) => client.close().catch(() => {})));
  }

  async #read(reader: Redis): Promise<void> {
    const last = await reader.xRevRange(STREAM, '+', '-', { COUNT: 1 });
    void this.#readFrom(reader, last?.[0]?.id ?? '0-0').catch(() => {});
  }

  async #readFrom(reader: Redis, from: string): Promise<void> {
    let id = from;
    while (!this.#isClosed) {
      const found = await reader.xRead({ key: STREAM, id }, { BLOCK: 50, COUNT: 100 });
      const read = found as unknown as readonly { readonly messages: readonly StreamEntry[] }[];
      const [entries] = read ?? [];
      for (const entry of entries?.messages ?? []) {
        id = entry.id;
        this.#hand(this.bridge.onStreamEntry(id, entry.message));
      }
    }
  }

  #hand(said: ForeignSaid | undefined): void {
    if (said?.kind === 'event') this.home.event(said.namespace, said.target, said.event);
    if (said?.kind === 'command') this.home.command(said.namespace, said.target, said.command);
  }
}
