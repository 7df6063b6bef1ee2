/** What a broker and shared state ask of a link to Redis or Valkey, and are told by it. */

import type { RedisFigures } from './figures.ts';
import type { RedisArg } from './node-connection.ts';
import type { RedisBlocking } from './redis-blocking.ts';
import type { RedisFault } from './redis-fault.ts';
import type { LuaScript } from './redis-script.ts';

/**
 * What a Redis or Valkey is asked for. Whatever rejects does so with `RedisLinkError`. Of answers,
 * maps come as flat arrays: name, value, name, value.
 */
export interface RedisLink {
  /** All connections are there, and all that is to be heard is subscribed. */
  readonly isConnected: boolean;
  /** Why it is not as it should be, the worst of it; `undefined` when it is. */
  readonly fault: RedisFault | undefined;
  /** Major, minor and patch, as the server says; the lowest of a Cluster. */
  readonly version: readonly [number, number, number];
  readonly isCluster: boolean;
  readonly figures: RedisFigures;
  /**
   * Resolves with how many heard it, in a Cluster on one of its nodes. Rejects at once when the
   * connection is not there: nothing waits in here. What one link says on one channel is heard in
   * the order in which it was said, as long as the connection lasts.
   */
  publish(channel: string, payload: Uint8Array): Promise<number>;
  /** The same by sharded pub/sub, which Redis has from 7.0 on: below, it rejects with `tooOld`. */
  publishSharded(channel: string, payload: Uint8Array): Promise<number>;
  /**
   * Channels to hear from now on, over reconnects. Many in one call are one command for each
   * thousand; sharded ones in a Cluster one for each slot. What the server refuses is a fault, and
   * asked for again every few seconds.
   */
  subscribe(channels: readonly string[], sharded?: boolean): void;
  unsubscribe(channels: readonly string[], sharded?: boolean): void;
  subscribePattern(pattern: string): void;
  unsubscribePattern(pattern: string): void;
  /**
   * Any command that does not wait at the server.
   *
   * @param key says the slot in a Cluster; `undefined` for any master
   */
  command(
    key: string | undefined,
    args: readonly RedisArg[],
    options?: CommandOptions,
  ): Promise<unknown>;
  /**
   * Several commands of one key's slot, sent at once in this order; resolves when all are answered,
   * rejects with the first that failed. Others may have been done all the same.
   */
  pipeline(
    key: string,
    commands: readonly (readonly RedisArg[])[],
    options?: CommandOptions,
  ): Promise<readonly unknown[]>;
  /** A script by its SHA, loaded when the server does not know it. Keys have one slot. */
  script(
    lua: LuaScript,
    keys: readonly string[],
    args: readonly RedisArg[],
    options?: CommandOptions,
  ): Promise<unknown>;
  /** Connections subscribed to a channel by its name, summed over the masters of a Cluster. */
  subscribers(channel: string, sharded: boolean): Promise<number>;
  /** A connection of its own for commands that wait at the server. */
  blocking(key: string): RedisBlocking;
  /** Resolves when all connections are closed. What waits rejects. */
  close(): Promise<void>;
}

export interface CommandOptions {
  /** Texts of the answer come as `Buffer`; as strings if not told. */
  readonly asBuffers?: boolean;
  /** Rejects with `slow` then; the server may do it all the same. At the latest after some 6 s. */
  readonly timeoutMs?: number;
}

export interface RedisLinkEvents {
  /**
   * Of a channel, a pattern or a shard. The bytes are the listener's to keep.
   *
   * @param isByPattern since a pattern fits its channel; the channel's own may come as well
   */
  onMessage(channel: string, payload: Uint8Array, isByPattern: boolean): void;
  /**
   * All connections are there (again), subscriptions are made again.
   *
   * @param afterMs how long it was away: messages of that time are lost; 0 the first time
   */
  onConnected(afterMs: number): void;
  onLost(): void;
}
