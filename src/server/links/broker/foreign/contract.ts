/**
 * What the bridge to Socket.IO servers and emitters is given, and what it gives back.
 *
 * It talks to Redis through a `ForeignTransport` only, and to the sessions of this node through a
 * `ForeignHome`; both are a few functions, so that a test or another client can stand in for them.
 */

import type { NodeRequest, SessionCommand, Target } from '../../../core/contracts/node-link.ts';
import type { Log } from '../../../core/log/log.ts';

/**
 * What the Socket.IO servers beside this node use: `createAdapter` of `@socket.io/redis-adapter`,
 * its `createShardedAdapter`, or `@socket.io/redis-streams-adapter`.
 */
export type ForeignMode = 'pubsub' | 'sharded' | 'streams';

/** The way to Redis. It subscribes anew by itself when the connection was lost. */
export interface ForeignTransport {
  /** @returns how many heard it; rejects when it could not be said */
  publish(channel: string, payload: Uint8Array, sharded: boolean): Promise<number>;
  subscribe(channels: readonly string[], sharded: boolean): void;
  unsubscribe(channels: readonly string[], sharded: boolean): void;
  subscribePattern(pattern: string): void;
  unsubscribePattern(pattern: string): void;
  /** How many connections are subscribed to a channel by its name. */
  subscribers(channel: string, sharded: boolean): Promise<number>;
  /** @returns the entry's id */
  addToStream(fields: Readonly<Record<string, string>>): Promise<string>;
}

/** An event as it goes between nodes and workers. */
export interface ForeignEvent {
  /** The JSON array of event name and arguments, placeholders in place of binary values. */
  readonly json: string;
  readonly attachments: readonly Uint8Array[];
  readonly volatile: boolean;
}

/** What the workers of this node answered, all together. */
export interface HomeAnswers {
  readonly items: readonly unknown[];
  /** Sessions that did not answer, of `emitWithAck`. */
  readonly missing: number;
  /** False where a worker gave no answer, or not all of it. */
  readonly isWhole: boolean;
}

/** The sessions of this node. */
export interface ForeignHome {
  event(namespace: string, target: Target, event: ForeignEvent): void;
  command(namespace: string, target: Target, command: SessionCommand): void;
  /** Asks the workers of this node, and nobody else. */
  ask(
    namespace: string,
    target: Target,
    request: NodeRequest,
    timeoutMs: number,
  ): Promise<HomeAnswers>;
}

export interface ForeignBridgeOptions {
  readonly mode: ForeignMode;
  /** What channels begin with: `key` or `channelPrefix` of the adapters; theirs is `socket.io`. */
  readonly prefix: string;
  /** How this node names itself: MUST begin with `HOLDFAST_UID`, and be no other node's name. */
  readonly uid: string;
  /** Of `streams`: whether what is not kept goes by sharded channels (`useShardedPubSub`). */
  readonly usesShardedChannels?: boolean;
  /** Channels of single rooms that are subscribed to by name, in all namespaces together. */
  readonly maxRoomChannels: number;
  /** What the ids of this node's sessions begin with; the rest is `SESSION_ID_REST` long. */
  readonly sessionIdStart?: string;
  /** Whether this node has sessions in a room. A session's id is a room of its own. */
  isRoomHeard(namespace: string, room: string): boolean;
  /** Other Holdfast nodes that serve a namespace now, and are subscribed as this one is. */
  peers(namespace: string): number;
  readonly transport: ForeignTransport;
  readonly home: ForeignHome;
  readonly log: Log;
  /** Of one message, heard or said. */
  readonly maxPayloadBytes: number;
}

/** What Socket.IO servers answered. */
export interface ForeignAnswers {
  readonly items: readonly unknown[];
  /** Sessions of theirs that did not answer, of `emitWithAck`. */
  readonly missing: number;
  /** Servers that gave no answer in time, or none that could be taken. */
  readonly silent: number;
}

/** What an entry of the stream means for the sessions of this node. */
export type ForeignSaid =
  | {
      readonly kind: 'event';
      readonly namespace: string;
      readonly target: Target;
      readonly event: ForeignEvent;
    }
  | {
      readonly kind: 'command';
      readonly namespace: string;
      readonly target: Target;
      readonly command: SessionCommand;
    };

/** Totals since the bridge was made, and what there is now of `…Channels`, `…Unheard`, `…Open`. */
export interface ForeignFigures {
  /** Messages of others that were taken. */
  heard: number;
  published: number;
  /** Messages that Redis did not take. */
  failed: number;
  malformed: number;
  /** What is not for this node: of Holdfast nodes, of other rooms, answers too late or double. */
  ignored: number;
  /** Questions of others that were answered, and that were not, so that their askers time out. */
  answered: number;
  unanswered: number;
  roomChannels: number;
  /** Rooms whose own channels are not heard, since there are too many. */
  roomsUnheard: number;
  requestsOpen: number;
}
