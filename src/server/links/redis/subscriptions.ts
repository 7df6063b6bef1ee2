/**
 * What is to be heard, whatever becomes of connections: channels, patterns, channels of shards.
 *
 * A connection that is made anew gets all of them in batches, each of which is answered before the
 * next goes out, so that a server is not held up by one command with a hundred thousand names.
 */

import { hashSlot } from './hash-slot.ts';
import type { ChannelKind, NodeConnection } from './node-connection.ts';
import { linkError, type RedisLinkError } from './redis-fault.ts';

/** Names of one command, and commands of one batch where each needs its own. */
export const BATCH = 1_000;

export class Subscriptions {
  readonly #wanted: Readonly<Record<ChannelKind, Set<string>>> = {
    plain: new Set(),
    pattern: new Set(),
    sharded: new Set(),
  };

  size(kind: ChannelKind): number {
    return this.#wanted[kind].size;
  }

  /** @returns those that were not wanted before */
  add(kind: ChannelKind, channels: readonly string[]): readonly string[] {
    const wanted = this.#wanted[kind];
    const added: string[] = [];
    for (const channel of channels) {
      if (wanted.has(channel)) continue;
      wanted.add(channel);
      added.push(channel);
    }
    return added;
  }

  /** @returns those that were wanted before */
  remove(kind: ChannelKind, channels: readonly string[]): readonly string[] {
    const wanted = this.#wanted[kind];
    return channels.filter((channel) => wanted.delete(channel));
  }

  /**
   * Makes on a connection all of a kind that belong there and that it has not.
   *
   * @returns what the server refused, the first of it; rejects when the connection breaks
   */
  async make(
    kind: ChannelKind,
    connection: NodeConnection,
    belongs: ((slot: number) => boolean) | undefined,
  ): Promise<RedisLinkError | undefined> {
    let refusal: RedisLinkError | undefined;
    let batch: string[] = [];
    const flush = async (): Promise<void> => {
      const channels = batch;
      batch = [];
      const error = await subscribeOn(connection, kind, channels, belongs !== undefined);
      if (error !== undefined && !connection.isReady) throw error;
      refusal ??= error;
    };
    // Those that are added meanwhile are seen here too, those that are removed are not.
    for (const channel of this.#wanted[kind]) {
      if (belongs !== undefined && !belongs(hashSlot(channel))) continue;
      batch.push(channel);
      if (batch.length === BATCH) await flush();
    }
    if (batch.length > 0) await flush();
    return refusal;
  }
}

/**
 * In as few commands as may be: in a Cluster the channels of one command have one slot.
 *
 * @returns the first refusal
 */
export async function subscribeOn(
  connection: NodeConnection,
  kind: ChannelKind,
  channels: readonly string[],
  isBySlot: boolean,
): Promise<RedisLinkError | undefined> {
  return await each(connection, channels, isBySlot, (some) => connection.subscribe(kind, some));
}

export async function unsubscribeOn(
  connection: NodeConnection,
  kind: ChannelKind,
  channels: readonly string[],
  isBySlot: boolean,
): Promise<RedisLinkError | undefined> {
  return await each(connection, channels, isBySlot, (some) => connection.unsubscribe(kind, some));
}

async function each(
  connection: NodeConnection,
  channels: readonly string[],
  isBySlot: boolean,
  act: (channels: readonly string[]) => Promise<void>,
): Promise<RedisLinkError | undefined> {
  const groups = isBySlot ? Map.groupBy(channels, hashSlot).values() : [channels];
  const commands: Promise<void>[] = [];
  for (const group of groups) {
    for (let at = 0; at < group.length; at += BATCH) {
      commands.push(act(group.slice(at, at + BATCH)));
    }
  }
  const results = await Promise.allSettled(commands);
  const failed = results.find((result) => result.status === 'rejected');
  return failed === undefined ? undefined : linkError(failed.reason, connection.where);
}
