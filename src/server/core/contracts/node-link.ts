/**
 * The way to the other workers of the node and of other nodes, which the bus implements.
 *
 * A fake of a few lines stands in for it in tests.
 */

import type { OutgoingEvent } from './outgoing-event.ts';

/** Who receives: the union of rooms and users, or everyone when both are empty. */
export interface Target {
  readonly rooms: readonly string[];
  readonly users: readonly string[];
  /** Rooms and session ids left out. */
  readonly except: readonly string[];
  /** The id of the session that says it, where that is known; else see `NodeLink.runAs`. */
  readonly speaker?: string | undefined;
}

/** What is done to chosen sessions, wherever they are. */
export type SessionCommand =
  | { readonly kind: 'join'; readonly rooms: readonly string[] }
  | { readonly kind: 'leave'; readonly rooms: readonly string[] }
  | { readonly kind: 'disconnect'; readonly close: boolean }
  | {
      readonly kind: 'serverSideEmit';
      readonly event: string;
      readonly args: readonly unknown[];
    };

/** What is asked of other workers; answers are plain data that a structured clone can carry. */
export type NodeRequest =
  | { readonly kind: 'sessions' }
  | { readonly kind: 'count' }
  /** Where they are; `most` of them are described. One `PlacesAnswer`. */
  | { readonly kind: 'whereabouts'; readonly most: number }
  /** Of all rooms those whose names come next, as `CountedRoom`s. */
  | { readonly kind: 'rooms'; readonly after: string; readonly most: number }
  /** Ends them; how many they were. */
  | { readonly kind: 'disconnect'; readonly close: boolean }
  | {
      readonly kind: 'emitWithAck';
      readonly event: string;
      readonly args: readonly unknown[];
      readonly timeoutMs: number;
    }
  | {
      readonly kind: 'serverSideEmit';
      readonly event: string;
      readonly args: readonly unknown[];
    };

/** What one worker answers: item by item, so that a long answer can travel in pieces. */
export interface RequestAnswer {
  /** Of `sessions` descriptions, of `emitWithAck` values, of the others one value. */
  readonly items: readonly unknown[];
  /** Sessions that did not answer, of `emitWithAck`. */
  readonly missing: number;
  /** False where the app failed to answer: then there are no items. */
  readonly isWhole: boolean;
  /** Takes the place of an item that no structured clone can carry; without it there is none. */
  readonly standIn?: (item: unknown, reason: string) => unknown;
}

/** What other workers answered, all together. */
export interface NodeAnswers {
  readonly items: readonly unknown[];
  readonly missing: number;
  /**
   * Numbers of those that were asked and gave no whole answer in time: workers of this node, and
   * other nodes (`app/answer-errors.ts`).
   */
  readonly silent: readonly number[];
}

/**
 * The way to the other workers of the node.
 *
 * `publish` and `command` MUST reach every other worker that has a recipient, in the order of the
 * calls of this worker. They throw `BusFullError` when the message cannot be queued, as when too
 * much of its speaker waits already.
 */
export interface NodeLink {
  /**
   * Calls a handler of a session, also what follows an `await` in it: what is said there is the
   * session's share of what waits.
   */
  runAs<Args extends readonly unknown[], Result>(
    speaker: string,
    call: (...args: Args) => Result,
    ...args: Args
  ): Result;
  /**
   * Whether less should be taken of what a session's client sends, since it has the app say more
   * than leaves. MUST be cheap: it is asked after each event.
   */
  isFlooding(speaker: string): boolean;
  /** Whether there is a controller, to which what rooms keep goes first. */
  readonly isLinked: boolean;
  /** Whether more waits to leave than leaves at once: those that flood go on when it does not. */
  readonly isCrowded: boolean;
  publish(namespace: string, target: Target, event: OutgoingEvent): void;
  command(namespace: string, target: Target, command: SessionCommand): void;
  /**
   * Resolves with what came in time. MUST name every worker whose answer is missing or not whole,
   * also where it cannot ask at all; rejects with `BusFullError`.
   */
  request(
    namespace: string,
    target: Target,
    request: NodeRequest,
    timeoutMs: number,
  ): Promise<NodeAnswers>;
  /**
   * Says that this worker has, or no longer has, recipients for a key. It is sent with the next
   * message, with `announceInterest`, or at the end of the turn, whichever comes first.
   */
  setInterest(key: string, interested: boolean): void;
  /** Sends what `setInterest` has said. MUST be cheap when there is nothing to send. */
  announceInterest(): void;
}
