/** What a link has done since its start, counted. */

import type { RedisFault } from './redis-fault.ts';

export interface RedisFigures {
  /** Publishes among them; those of the upkeep and of connections that wait are not. */
  readonly commands: number;
  /** Of their arguments, texts by their length in characters. */
  readonly bytesSent: number;
  readonly messagesHeard: number;
  /** How often all was there again after a loss. */
  readonly reconnects: number;
  /** How often each began. */
  readonly faults: Readonly<Partial<Record<RedisFault, number>>>;
}

export class CountedFigures implements RedisFigures {
  commands = 0;
  bytesSent = 0;
  messagesHeard = 0;
  reconnects = 0;
  readonly faults: Partial<Record<RedisFault, number>> = {};
}
