/**
 * What the hub asks of the way to other nodes, which the controller brings where there is a broker.
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
