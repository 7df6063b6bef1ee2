/**
 * A dialect: how the servers of one kind of adapter name their channels, and what they write there.
 *
 * Two of them: `pubsub-dialect.ts` of the classic adapter, `cluster-dialect.ts` of the sharded
 * adapter and the streams adapter. Both are pure: what they are given they turn into values or
 * bytes, and refuse with a `ForeignFault`.
 */

import type { Heard } from './heard.ts';
import type { Outgoing, Reply, Saying } from './saying.ts';

/** What a channel is for. */
export type Purpose = 'said' | 'asked' | 'answers';

export interface Dialect {
  /** Where everything is said that is for no single room; channels of rooms begin with it. */
  base(namespace: string): string;
  /** The channels that this node hears in a namespace whatever rooms it has. */
  channels(namespace: string): readonly (readonly [channel: string, purpose: Purpose])[];
  /** The one that each server of the namespace is subscribed to once. */
  counted(namespace: string): string;
  /** Whether channels of rooms may be heard by a pattern. */
  readonly hasPatterns: boolean;
  /** Whether what is for one room may come on a channel of its own. */
  readonly hasRoomChannels: boolean;
  /**
   * @param room of the channel, where it is a room's
   * @throws ForeignFault for what it cannot read
   */
  read(namespace: string, purpose: Purpose, payload: Uint8Array, room: string | undefined): Heard;
  /** @throws ForeignFault for what cannot be encoded */
  say(namespace: string, saying: Saying): Outgoing;
  reply(namespace: string, reply: Reply): Outgoing;
}
