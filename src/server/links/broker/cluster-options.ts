/** What a node among others is given. */

import type { Log } from '../../core/log/log.ts';
import type { InterestTable } from '../bus/interest-table.ts';
import type { MessageRelay } from '../bus/message-relay.ts';
import type { FactsOfNode } from './node-facts.ts';

/** What it needs of the connections to Redis. */
export interface NodeChannels {
  publish(channel: string, payload: Uint8Array): Promise<unknown>;
  subscribe(channels: readonly string[]): void;
}

export interface NodeClusterOptions {
  readonly node: number;
  /** Begins the names of its channels, so that clusters can share a Redis. */
  readonly prefix: string;
  /** What may wait for others while Redis takes nothing; 0: nothing does. */
  readonly queueBytes: number;
  readonly channels: NodeChannels;
  readonly interest: InterestTable;
  readonly relay: Pick<MessageRelay, 'take' | 'askWorkers'>;
  readonly log: Log;
  /** What others are told of this node. */
  facts(): FactsOfNode;
}
