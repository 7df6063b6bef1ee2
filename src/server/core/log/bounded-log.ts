/**
 * A log that stays small, whatever happens how often.
 *
 * Clients can make a part say the same thing as often as they send; so each kind of message has so
 * many lines a second, and all of them together have. What is held back is counted and said in one
 * line at the end of the second. Lengths are bounded too: texts come from clients as well.
 *
 *     part ─▶ BoundedLog ─▶ write(level, message, fields)
 */

import {
  cutText,
  describeError,
  LOG_LEVELS,
  type Log,
  type LogFields,
  type LogLevel,
} from './log.ts';

/** Takes a line that is bounded; MUST NOT throw. */
export type WriteLine = (level: LogLevel, message: string, fields: LogFields | undefined) => void;

export interface LogBounds {
  /** Lines of one message in a second. */
  readonly linesOfAKind: number;
  /** Lines of all messages in a second. */
  readonly lines: number;
  /** Characters of a message, and of each text among its fields. */
  readonly textLength: number;
}

const SECOND_MS = 1_000;
/** Of the kinds held back in a second, so many are named. */
const KINDS_SHOWN = 5;
/** Where a name, a number or a reason stands in a message, it does so behind its first words. */
const KIND_LENGTH = 40;

export class BoundedLog implements Log {
  readonly #write: WriteLine;
  readonly #bounds: LogBounds;
  readonly #lowest: number;
  /** Lines of this second by kind, those held back among them. */
  readonly #kinds: Map<string, number> = new Map();
  #written = 0;
  #heldBack = 0;
  #isScheduled = false;

  constructor(write: WriteLine, bounds: LogBounds, lowest: LogLevel = 'debug') {
    this.#write = write;
    this.#bounds = bounds;
    this.#lowest = LOG_LEVELS.indexOf(lowest);
  }

  debug(message: string, fields?: LogFields): void {
    this.line('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.line('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.line('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.line('error', message, fields);
  }

  /** What stands as `error` is described only when its line passes, since that takes its time. */
  line(level: LogLevel, message: string, fields?: LogFields): void {
    if (LOG_LEVELS.indexOf(level) < this.#lowest) return;
    if (!this.#passes(message)) return;
    const { textLength } = this.#bounds;
    this.#write(level, cutText(message, textLength), fields && shortened(fields, textLength));
  }

  /** Says what was held back, and begins a new second. Its own timer calls it. */
  readonly endSecond = (): void => {
    this.#isScheduled = false;
    const lines = this.#heldBack;
    const kinds = [...this.#kinds].filter(([, count]) => count > this.#bounds.linesOfAKind);
    this.#kinds.clear();
    this.#written = 0;
    this.#heldBack = 0;
    if (lines === 0) return;
    const most = kinds.sort(([, a], [, b]) => b - a).slice(0, KINDS_SHOWN);
    const fields = { lines, most: Object.fromEntries(most) };
    this.#write('warn', 'lines of the log were held back in the last second', fields);
  };

  #passes(message: string): boolean {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setTimeout(this.endSecond, SECOND_MS).unref();
    }
    const { lines, linesOfAKind } = this.#bounds;
    const kind = message.slice(0, KIND_LENGTH);
    const count = this.#kinds.get(kind) ?? 0;
    // There are never more kinds than lines: a new one is not remembered once they are used up.
    if (count > 0 || this.#written < lines) this.#kinds.set(kind, count + 1);
    if (count < linesOfAKind && this.#written < lines) {
      this.#written++;
      return true;
    }
    this.#heldBack++;
    return false;
  }
}

function shortened(fields: LogFields, maxLength: number): LogFields {
  const entries = Object.entries(fields).map(([name, value]) => {
    if (name === 'error') return [name, describeError(value)] as const;
    return [name, typeof value === 'string' ? cutText(value, maxLength) : value] as const;
  });
  return Object.fromEntries(entries);
}
