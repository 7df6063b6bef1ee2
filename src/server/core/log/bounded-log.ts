/**
 * A log that stays small, whatever happens how often.
 *
 * Clients can make a part say the same thing as often as they send; so each kind of message has so
 * many lines and characters a second, and all of them together have. What is held back is counted
 * and said in one line at the end of the second. Lengths of texts are bounded too, since they come
 * from clients as well.
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
  /** Characters of one message in a second; the line that goes beyond is the last. */
  readonly charactersOfAKind: number;
  /** Characters of all messages in a second, in the same way. */
  readonly characters: number;
  /** Characters of a message, and of each text among its fields. */
  readonly textLength: number;
}

/** What was said of one kind in a second. */
interface Said {
  lines: number;
  characters: number;
  isHeldBack: boolean;
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
  /** What was said in this second by kind, lines held back among them. */
  readonly #kinds: Map<string, Said> = new Map();
  #written = 0;
  #characters = 0;
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
    const kind = message.slice(0, KIND_LENGTH);
    if (!this.#passes(kind)) return;
    const { textLength } = this.#bounds;
    const text = cutText(message, textLength);
    const shown = fields && shortened(fields, textLength);
    const length = text.length + lengthOf(shown);
    this.#characters += length;
    const said = this.#kinds.get(kind);
    if (said !== undefined) said.characters += length;
    this.#write(level, text, shown);
  }

  /** Says what was held back, and begins a new second. Its own timer calls it. */
  readonly endSecond = (): void => {
    this.#isScheduled = false;
    const lines = this.#heldBack;
    const kinds = [...this.#kinds]
      .filter(([, said]) => said.isHeldBack)
      .map(([kind, said]) => [kind, said.lines] as const);
    this.#kinds.clear();
    this.#written = 0;
    this.#characters = 0;
    this.#heldBack = 0;
    if (lines === 0) return;
    const most = kinds.sort(([, a], [, b]) => b - a).slice(0, KINDS_SHOWN);
    const fields = { lines, most: Object.fromEntries(most) };
    this.#write('warn', 'lines of the log were held back in the last second', fields);
  };

  #passes(kind: string): boolean {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setTimeout(this.endSecond, SECOND_MS).unref();
    }
    const { lines, linesOfAKind, characters, charactersOfAKind } = this.#bounds;
    const hasRoom = this.#written < lines && this.#characters < characters;
    let said = this.#kinds.get(kind);
    if (said === undefined && hasRoom) {
      // There are never more kinds than lines: a new one is not remembered once they are used up.
      said = { lines: 0, characters: 0, isHeldBack: false };
      this.#kinds.set(kind, said);
    }
    const passes =
      said !== undefined &&
      hasRoom &&
      said.lines < linesOfAKind &&
      said.characters < charactersOfAKind;
    if (said !== undefined) {
      said.lines++;
      said.isHeldBack ||= !passes;
    }
    if (passes) this.#written++;
    else this.#heldBack++;
    return passes;
  }
}

function lengthOf(fields: LogFields = {}): number {
  let length = 0;
  for (const value of Object.values(fields)) length += typeof value === 'string' ? value.length : 0;
  return length;
}

function shortened(fields: LogFields, maxLength: number): LogFields {
  const entries = Object.entries(fields).map(([name, value]) => {
    if (name === 'error') return [name, describeError(value)] as const;
    return [name, typeof value === 'string' ? cutText(value, maxLength) : value] as const;
  });
  return Object.fromEntries(entries);
}
