/** What goes between this node and others, in figures that grow from its start. */

import type { OutboxFigures } from './outbox.ts';

export interface ClusterFigures extends OutboxFigures {
  readonly peers: number;
  /** Keys that other nodes want, as far as they are known. */
  readonly peerKeys: number;
  readonly waitingBytes: number;
  /** Events and commands of other nodes. */
  readonly heard: number;
  /** Those that were said and did not come, as the next one shows. */
  readonly lost: number;
  /** Payloads that could not be read. */
  readonly malformed: number;
}
