/**
 * One connection to one server: made once, and when it breaks it stays broken.
 *
 * The library does the protocol. Its own ways to reconnect, to hold commands back meanwhile, to
 * follow a Cluster and Sentinel are not used: they subscribe again by one command a channel (or by
 * one for all), say neither when that is done nor that something may have been missed, and
 * stop the clock of a command as soon as it is written. `upkeep.ts` does what is needed of that.
 *
 * Answers come in the order of commands, so no command needs a timer: one that stays without an
 * answer keeps the heartbeat behind it without one, and then the connection is cut.
 */

import type { RedisClientType } from '@redis/client';
import { type BrokerHost, shownHost } from '../../../host/config/broker-url.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { linkError, RedisLinkError } from './redis-fault.ts';

export type RedisArg = string | Uint8Array;

export interface Access {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: { readonly ca: string | undefined } | undefined;
  readonly timeoutMs: number;
}

export type ChannelKind = 'plain' | 'pattern' | 'sharded';

export interface ConnectionEvents {
  /** At most once, and not after `close`. */
  onLost(error: RedisLinkError): void;
  onMessage(channel: string, payload: Uint8Array, isByPattern: boolean): void;
  /** The server has ended a subscription by itself, since the slot has gone elsewhere. */
  onMoved(): void;
}

/** What the server says of itself. */
export interface ServerFacts {
  readonly version: readonly [number, number, number];
  readonly isReplica: boolean;
  readonly mode: string;
}

/** Numbers of types in the protocol: `$` and `%`. */
const TYPES = { BLOB_STRING: 36, MAP: 37 };
const TEXTS = { typeMapping: { [TYPES.MAP]: Array } };
const BUFFERS = { typeMapping: { [TYPES.MAP]: Array, [TYPES.BLOB_STRING]: Buffer } };

const LIBRARY_KINDS = { plain: 'CHANNELS', pattern: 'PATTERNS', sharded: 'SHARDED' } as const;

type Hear = (payload: Buffer, channel: Buffer) => void;

/** As the library has them for a name. */
interface Hearers {
  unsubscribing: boolean;
  readonly buffers: Set<Hear>;
  readonly strings: Set<never>;
}

export class NodeConnection {
  readonly address: BrokerHost;
  readonly where: string;
  readonly #client: RedisClientType<{}, {}, {}, 3>;
  readonly #events: ConnectionEvents;
  readonly #hearers: Hearers;
  readonly #patternHearers: Hearers;
  #waiting = 0;
  #waitingBytes = 0;
  #isReady = false;
  #isClosed = false;

  private constructor(
    address: BrokerHost,
    client: RedisClientType<{}, {}, {}, 3>,
    events: ConnectionEvents,
  ) {
    this.address = address;
    this.where = shownHost(address);
    this.#client = client;
    this.#events = events;
    this.#hearers = hearers((payload, channel) => {
      events.onMessage(channel.toString(), payload, false);
    });
    this.#patternHearers = hearers((payload, channel) => {
      events.onMessage(channel.toString(), payload, true);
    });
    // Without a listener an error would end the process.
    client.on('error', (error: unknown) => this.#lost(error));
    client.on('end', () => this.#lost(new Error('closed')));
    // A socket that is being opened cannot be ended before it is open.
    client.on('connect', () => {
      if (this.#isClosed) client.destroy();
    });
    client.on('sharded-channel-moved', () => events.onMoved());
  }

  /** Rejects with `RedisLinkError`. */
  static async open(
    address: BrokerHost,
    access: Access,
    events: ConnectionEvents,
  ): Promise<NodeConnection> {
    const { createClient } = await import('@redis/client');
    const { user, password, database, tls, timeoutMs } = access;
    const client = createClient({
      RESP: 3,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      ...(database === 0 ? {} : { database }),
      socket: {
        host: address.host,
        port: address.port,
        connectTimeout: timeoutMs,
        reconnectStrategy: false,
        ...(tls === undefined ? {} : { tls: true, ...tlsOptions(address.host, tls.ca) }),
      },
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      commandsQueueMaxLength: LIMITS.redisCommands,
      // A signal with a timer of its own for each command, which its writing would stop.
      commandOptions: { timeout: 0 },
    }) as RedisClientType<{}, {}, {}, 3>;
    const connection = new NodeConnection(address, client, events);
    await connection.#connect(timeoutMs);
    return connection;
  }

  get isReady(): boolean {
    return this.#isReady && !this.#isClosed;
  }

  /** Rejects with `RedisLinkError`; at once when the connection is gone or too much waits on it. */
  send(args: readonly RedisArg[], asBuffers = false, bytes = 0): Promise<unknown> {
    if (!this.isReady) return Promise.reject(this.#error(new Error('not connected')));
    const isTooMuch = this.#waitingBytes + bytes > LIMITS.redisCommandBytes;
    if (this.#waiting >= LIMITS.redisCommands || isTooMuch) {
      const how = `Redis at ${this.where} is behind: too much waits for it`;
      return Promise.reject(new RedisLinkError('slow', how));
    }
    this.#waiting++;
    this.#waitingBytes += bytes;
    return this.#client.sendCommand(args.map(argument), asBuffers ? BUFFERS : TEXTS).then(
      (answer) => {
        this.#waiting--;
        this.#waitingBytes -= bytes;
        return answer;
      },
      (error: unknown) => {
        this.#waiting--;
        this.#waitingBytes -= bytes;
        throw this.#error(error);
      },
    );
  }

  /** HELLO is allowed to every user, and is answered while data is being loaded. */
  async facts(): Promise<ServerFacts> {
    const answer = await this.send(['HELLO']);
    const list = Array.isArray(answer) ? answer.map(String) : [];
    const value = (name: string): string => list[list.indexOf(name) + 1] ?? '';
    const [, major, minor, patch] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(value('version')) ?? [];
    return {
      version: [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)],
      isReplica: value('role') === 'replica',
      mode: value('mode'),
    };
  }

  /** Resolves when the server has made them. Rejects with `RedisLinkError`. */
  async subscribe(kind: ChannelKind, channels: readonly string[]): Promise<void> {
    const names = [...channels];
    const all = kind === 'pattern' ? this.#patternHearers : this.#hearers;
    const [hear] = all.buffers as unknown as [Hear];
    try {
      if (kind === 'plain') await this.#client.subscribe(names, hear, true);
      else if (kind === 'pattern') await this.#client.pSubscribe(names, hear, true);
      else await this.#client.sSubscribe(names, hear, true);
    } catch (error) {
      throw this.#error(error);
    }
    // The library has made two sets for each name, of 300 bytes together; one pair does for all.
    const listeners = this.#listeners(kind);
    for (const name of names) if (listeners.has(name)) listeners.set(name, all);
  }

  async unsubscribe(kind: ChannelKind, channels: readonly string[]): Promise<void> {
    const names = [...channels];
    // Gone before the server knows: one that is wanted again by then is asked for again.
    const listeners = this.#listeners(kind);
    for (const name of names) listeners.delete(name);
    try {
      if (kind === 'plain') await this.#client.unsubscribe(names);
      else if (kind === 'pattern') await this.#client.pUnsubscribe(names);
      else await this.#client.sUnsubscribe(names);
    } catch (error) {
      throw this.#error(error);
    }
  }

  /** Breaks it for a reason, as if the other side had. */
  cut(error: RedisLinkError): void {
    this.#lost(error);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#client.destroy();
  }

  async #connect(timeoutMs: number): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`for ${timeoutMs} ms`)), timeoutMs);
    try {
      await Promise.race([this.#client.connect(), late]);
      this.#isReady = true;
    } catch (error) {
      this.close();
      throw this.#error(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The library's own table of who hears a name. */
  #listeners(kind: ChannelKind): Map<string, Hearers> {
    return this.#client.getPubSubListeners(LIBRARY_KINDS[kind]) as Map<string, Hearers>;
  }

  #lost(error: unknown): void {
    if (this.#isClosed || !this.#isReady) return;
    this.close();
    this.#events.onLost(this.#error(error));
  }

  #error(error: unknown): RedisLinkError {
    return linkError(error, this.where);
  }
}

function hearers(hear: Hear): Hearers {
  return { unsubscribing: false, buffers: new Set([hear]), strings: new Set() };
}

function argument(value: RedisArg): string | Buffer {
  if (typeof value === 'string' || value instanceof Buffer) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** A name is also told to the server, an address is not. Source: RFC 6066, section 3. */
function tlsOptions(host: string, ca: string | undefined): { servername?: string; ca?: string } {
  const isAddress = /^[\d.]+$/.test(host) || host.includes(':');
  return { ...(isAddress ? {} : { servername: host }), ...(ca === undefined ? {} : { ca }) };
}
