/**
 * The log of a node: what its own parts say, and what its workers say and print, each bounded.
 *
 *     controller's parts ──┬─▶ BoundedLog ──▶ the log that was given
 *     lines of workers ────┘                    ▲
 *     what apps print, bounded before ──────────┘
 */

import { LIMITS } from '../core/limits/limits.ts';
import { BoundedLog } from '../core/log/bounded-log.ts';
import type { Log, LossyLog } from '../core/log/log.ts';
import type { LogView } from './node-view.ts';
import type { WorkerOutputSink } from './worker-output.ts';

export class NodeLog {
  /** For the parts of the controller. */
  readonly log: Log;
  readonly #given: LossyLog;
  readonly #bounded: BoundedLog;
  readonly #dropped: Map<number, number> = new Map();

  constructor(given: LossyLog) {
    this.#given = given;
    this.#bounded = new BoundedLog((level, message, fields) => given[level](message, fields), {
      linesOfAKind: LIMITS.logLinesOfAKind,
      lines: LIMITS.logLines,
      charactersOfAKind: LIMITS.logCharactersOfAKind,
      characters: LIMITS.logCharacters,
      textLength: LIMITS.logTextLength,
    });
    this.log = this.#bounded;
  }

  get view(): LogView {
    return { linesLost: this.#given.linesLost, outputDropped: this.#dropped };
  }

  /** Where the output of a worker goes; its number stands in each line, whatever that says. */
  ofWorker(worker: number): WorkerOutputSink {
    return {
      line: (level, message, fields) => this.#bounded.line(level, message, { ...fields, worker }),
      text: (output, text) =>
        this.#given[output === 'stdout' ? 'info' : 'warn'](text, { worker, output }),
      dropped: (output, bytes) => {
        this.#dropped.set(worker, (this.#dropped.get(worker) ?? 0) + bytes);
        this.#bounded.warn('the app prints more than is logged', { worker, output, bytes });
      },
    };
  }
}
