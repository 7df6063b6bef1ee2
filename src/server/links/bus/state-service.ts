/**
 * What the controller keeps for its workers (history, sessions that were cut off, presence), as the
 * bus knows it: a number, and who takes what is said to it. Both ways go over the connection on
 * which a worker tells of itself, which is always read; what is in the frames is the service's.
 */

import type { FrameReader } from '../../protocol/frame.ts';

/** Numbers of the services, as both ends write them. */
export const STATE_SERVICE = {
  sessions: 1,
  presence: 2,
  questions: 3,
  seats: 4,
  /** Where other nodes are. */
  nodes: 5,
} as const;

/** The controller's end. */
export interface StateService {
  /** One of `STATE_SERVICE`. */
  readonly number: number;
  /** A worker says something. MUST judge it: workers run the app. */
  onSaid(worker: number, frame: FrameReader): void;
  /** A worker has died, or another takes its place. */
  workerGone(worker: number): void;
}
