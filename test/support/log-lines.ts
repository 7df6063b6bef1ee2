/** A log that keeps its lines, for tests of what is said. */

import type { Log } from '../../src/server/core/log/log.ts';

export interface LogLines extends Log {
  readonly lines: string[];
}

export function logLines(): LogLines {
  const lines: string[] = [];
  const say = (message: string): void => void lines.push(message);
  return { lines, debug: say, info: say, warn: say, error: say };
}
