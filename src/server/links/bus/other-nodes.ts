/**
 * The broker, as the hub has it: the way to other nodes, which the controller brings where there is
 * one. What nodes keep for each other goes by its other end, `Cluster` (`core/contracts/`).
 *
 *     worker → hub ─publish, ask─▶ OtherNodes ─▶ their hubs ─take, askWorkers─▶ their workers
 *
 * Bodies are those of the bus, so that nothing is encoded twice on the way from worker to worker.
 */

import type { Route } from './bus-frame.ts';

/** A piece of an answer; the last one of a node says so. */
export interface NodeAnswerPiece {
  /** Whose it is: the number of the node behind those of workers (`FIRST_NODE`). */
  readonly answering: number;
  readonly isLast: boolean;
  readonly isWhole: boolean;
  readonly missing: number;
  /** An array as a structured clone, see `toData`. */
  readonly items: Uint8Array;
}

export type HearNodes = (piece: NodeAnswerPiece) => void;

/**
 * What every broker has to keep, whatever carries it; `test/contract/broker-suite.ts` holds it to
 * that. It MUST
 *
 * - bring what one node says to another in the order in which it was said, each message once;
 * - never give a node what it has said itself;
 * - bring a node what is said to a room right behind the command that has its sessions join it;
 * - bound whatever waits, and refuse what does not fit: `false`, counted, never in silence;
 * - connect again by itself, then announce anew what the node wants to hear, and say again what the
 *   others may not have;
 * - count what was lost on the way as soon as it shows, and have rooms with a history know up to
 *   where they may lack something;
 * - count and pass over what it cannot read, whoever wrote it: it MUST NOT end the node.
 */
export interface OtherNodes {
  /**
   * Sends an event or a command to all nodes that its route leads to.
   *
   * @param body of the frame, read at once
   * @param isKept rooms keep it: where all nodes share a history they have it by that
   * @returns false when there is no room for it: some of them will not have it
   */
  publish(type: number, route: Route, body: Uint8Array, isKept: boolean): boolean;
  /**
   * Asks all nodes that a route leads to.
   *
   * @param body route and request, read at once
   * @returns the numbers of those who will answer, or be said to be lost by a last piece that is
   *   not whole
   */
  ask(route: Route, body: Uint8Array, hear: HearNodes): readonly number[];
  /** A worker is gone, and with it interest whose names are not known any more. */
  workerGone(): void;
}
