/**
 * The link itself: each command to the node that has its slot, redirects followed, answers counted.
 * Connections are the business of `Upkeep`.
 */

import { type BrokerUrl } from '../../../host/config/broker-url.ts';
import type { Log } from '../../core/log/log.ts';
import { FaultBook } from './fault-book.ts';
import { CountedFigures, type RedisFigures } from './figures.ts';
import type { CommandOptions, RedisLink, RedisLinkEvents } from './link-contract.ts';
import type { Access, NodeConnection, RedisArg } from './node-connection.ts';
import { newLocator } from './placement.ts';
import { BlockingConnection, type RedisBlocking } from './redis-blocking.ts';
import { linkError, type RedisFault, RedisLinkError } from './redis-fault.ts';
import type { RedisNode } from './redis-node.ts';
import type { LuaScript } from './redis-script.ts';
import { Subscriptions } from './subscriptions.ts';
import { Upkeep } from './upkeep.ts';

const REDIRECTS_MAX = 5;
const SHARDED_MAJOR = 7;
const UNKNOWN = [0, 0, 0] as const;

export class RoutedLink implements RedisLink {
  readonly isCluster: boolean;
  readonly #access: Access;
  readonly #log: Log;
  readonly #figures: CountedFigures = new CountedFigures();
  readonly #book: FaultBook;
  readonly #upkeep: Upkeep;
  readonly #blocking: Set<BlockingConnection> = new Set();
  #version: readonly [number, number, number] = UNKNOWN;

  constructor(url: BrokerUrl, access: Access, events: RedisLinkEvents, log: Log) {
    this.isCluster = url.topology === 'cluster';
    this.#access = access;
    this.#log = log;
    this.#book = new FaultBook(log, this.#figures);
    const parts = {
      topology: url.topology,
      locator: newLocator(url, access),
      access,
      wanted: new Subscriptions(),
      book: this.#book,
      figures: this.#figures,
      log,
    };
    this.#upkeep = new Upkeep(parts, {
      onMessage: (...said) => this.#heard(events, said),
      onConnected: (afterMs) => {
        this.#version = lowest([...this.#upkeep.nodes.values()]);
        for (const blocking of this.#blocking) blocking.check();
        this.#guarded(() => events.onConnected(afterMs));
      },
      onLost: () => this.#guarded(() => events.onLost()),
    });
  }

  get isConnected(): boolean {
    return this.#upkeep.isConnected;
  }

  get fault(): RedisFault | undefined {
    return this.#book.fault;
  }

  get figures(): RedisFigures {
    return this.#figures;
  }

  get version(): readonly [number, number, number] {
    return this.#version;
  }

  /** One try; rejects with `RedisLinkError`. */
  async connect(): Promise<void> {
    await this.#upkeep.connect();
  }

  publish(channel: string, payload: Uint8Array): Promise<number> {
    // By the slot, though any node would do: of one channel the order is kept.
    return this.#toKey(channel, ['PUBLISH', channel, payload]) as Promise<number>;
  }

  publishSharded(channel: string, payload: Uint8Array): Promise<number> {
    const tooOld = this.#withoutShards();
    if (tooOld !== undefined) return Promise.reject(tooOld);
    return this.#toKey(channel, ['SPUBLISH', channel, payload]) as Promise<number>;
  }

  subscribe(channels: readonly string[], sharded = false): void {
    const tooOld = sharded ? this.#withoutShards() : undefined;
    if (tooOld !== undefined) throw tooOld;
    this.#upkeep.subscribe(sharded ? 'sharded' : 'plain', channels);
  }

  unsubscribe(channels: readonly string[], sharded = false): void {
    this.#upkeep.unsubscribe(sharded ? 'sharded' : 'plain', channels);
  }

  subscribePattern(pattern: string): void {
    this.#upkeep.subscribe('pattern', [pattern]);
  }

  unsubscribePattern(pattern: string): void {
    this.#upkeep.unsubscribe('pattern', [pattern]);
  }

  async command(
    key: string | undefined,
    args: readonly RedisArg[],
    options: CommandOptions = {},
  ): Promise<unknown> {
    return await this.#within(options, this.#toKey(key, args, options.asBuffers));
  }

  async pipeline(
    key: string,
    commands: readonly (readonly RedisArg[])[],
    options: CommandOptions = {},
  ): Promise<readonly unknown[]> {
    const answers = commands.map((args) => this.#toKey(key, args, options.asBuffers));
    return await this.#within(options, Promise.all(answers));
  }

  async script(
    lua: LuaScript,
    keys: readonly string[],
    args: readonly RedisArg[],
    options: CommandOptions = {},
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    const known = this.#toKey(keys[0], ['EVALSHA', lua.sha, ...rest], options.asBuffers);
    const answer = known.catch(async (error: unknown) => {
      if (!linkError(error, '').message.includes('NOSCRIPT')) throw error;
      return await this.#toKey(keys[0], ['EVAL', lua.text, ...rest], options.asBuffers);
    });
    return await this.#within(options, answer);
  }

  async subscribers(channel: string, sharded: boolean): Promise<number> {
    const tooOld = sharded ? this.#withoutShards() : undefined;
    if (tooOld !== undefined) throw tooOld;
    if (!this.isConnected) throw notConnected();
    const args = ['PUBSUB', sharded ? 'SHARDNUMSUB' : 'NUMSUB', channel];
    const nodes = [...this.#upkeep.nodes.values()];
    const answers = nodes.map((node) => this.#send(node.commands, args, false, 0));
    let sum = 0;
    for (const answer of await Promise.all(answers)) sum += Number((answer as unknown[])[1]);
    return sum;
  }

  blocking(key: string): RedisBlocking {
    const locate = () => this.#upkeep.nodeOf(key)?.commands.address;
    const forget = (blocking: BlockingConnection) => void this.#blocking.delete(blocking);
    const blocking = new BlockingConnection(this.#access, locate, forget);
    this.#blocking.add(blocking);
    return blocking;
  }

  close(): Promise<void> {
    for (const blocking of [...this.#blocking]) blocking.close();
    this.#upkeep.close();
    return Promise.resolve();
  }

  #toKey(key: string | undefined, args: readonly RedisArg[], asBuffers = false): Promise<unknown> {
    const node = this.#upkeep.nodeOf(key);
    if (node === undefined) return Promise.reject(notConnected());
    return this.#send(node.commands, args, asBuffers, this.isCluster ? REDIRECTS_MAX : 0);
  }

  async #send(
    connection: NodeConnection,
    args: readonly RedisArg[],
    asBuffers: boolean,
    redirects: number,
  ): Promise<unknown> {
    const name = args[0] as string;
    let bytes = 0;
    for (const arg of args) bytes += arg.length;
    this.#figures.commands++;
    this.#figures.bytesSent += bytes;
    try {
      const answer = await connection.send(args, asBuffers, bytes);
      this.#book.commandSucceeded(name);
      return answer;
    } catch (error) {
      const failure = linkError(error, connection.where);
      if (failure.redirect !== undefined && redirects > 0) {
        return await this.#follow(failure, connection, args, asBuffers, redirects - 1);
      }
      this.#book.commandFailed(name, failure);
      throw failure;
    }
  }

  /** A slot has moved, or moves: the map is looked at again, and the command goes there now. */
  async #follow(
    failure: RedisLinkError,
    from: NodeConnection,
    args: readonly RedisArg[],
    asBuffers: boolean,
    redirects: number,
  ): Promise<unknown> {
    const { kind, host, port } = failure.redirect as NonNullable<RedisLinkError['redirect']>;
    this.#upkeep.refresh();
    const target = this.#upkeep.nodeAt({ host: host === '' ? from.address.host : host, port });
    if (target === undefined) {
      throw new RedisLinkError('failingOver', 'the slot has moved, to a node not yet connected');
    }
    if (kind === 'MOVED') return await this.#send(target.commands, args, asBuffers, redirects);
    const [, answer] = await Promise.all([
      this.#send(target.commands, ['ASKING'], false, 0),
      this.#send(target.commands, args, asBuffers, redirects),
    ]);
    return answer;
  }

  async #within<T>({ timeoutMs }: CommandOptions, answer: Promise<T>): Promise<T> {
    if (timeoutMs === undefined) return await answer;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const how = `Redis has not answered within ${timeoutMs} ms`;
    const timer = setTimeout(() => reject(new RedisLinkError('slow', how)), timeoutMs);
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #heard(events: RedisLinkEvents, said: Parameters<RedisLinkEvents['onMessage']>): void {
    this.#figures.messagesHeard++;
    this.#guarded(() => events.onMessage(...said));
  }

  /** What a listener throws must not break the reading of what comes behind. */
  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error('a listener of the link to Redis failed', { error });
    }
  }

  #withoutShards(): RedisLinkError | undefined {
    const version = this.#version;
    const [major, minor, patch] = version;
    if (version === UNKNOWN || major >= SHARDED_MAJOR) return undefined;
    const how = `sharded pub/sub needs Redis ${SHARDED_MAJOR}, this is ${major}.${minor}.${patch}`;
    return new RedisLinkError('tooOld', how);
  }
}

function notConnected(): RedisLinkError {
  return new RedisLinkError('unreachable', 'Redis is not connected');
}

function lowest(nodes: readonly RedisNode[]): readonly [number, number, number] {
  const inOrder = nodes
    .map(({ facts }) => facts.version)
    .sort((a, b) => {
      return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
    });
  return inOrder[0] ?? UNKNOWN;
}
