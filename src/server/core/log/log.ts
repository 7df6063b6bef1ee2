/**
 * What parts of a node say; the composition decides where it goes.
 *
 * A log is on nobody's path: it MUST NOT throw, and MUST NOT wait for whoever reads it. What it
 * cannot take or pass on is dropped and counted.
 */

export type LogFields = Readonly<Record<string, unknown>>;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** A log that says how much of it was lost, as on a full disk. */
export interface LossyLog extends Log {
  readonly linesLost: number;
}

/** Characters of an error: enough for a stack and its causes; errors may carry whole queries. */
const ERROR_MAX_LENGTH = 8_000;
/** Causes of causes that are shown. */
const CAUSES_MAX = 8;

/** An error as a log shows it: with its stack, what was put on it, and its causes. */
export function describeError(error: unknown): string {
  try {
    return cutText(describeWhole(error, CAUSES_MAX), ERROR_MAX_LENGTH);
  } catch {
    // Anything can be thrown, also what throws when it is looked at.
    return 'something was thrown that cannot be shown';
  }
}

/** The start of a text, and how much of it is left out. */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return `${text.slice(0, maxLength)}… (${text.length - maxLength} characters more)`;
}

function describeWhole(error: unknown, causesLeft: number): string {
  if (typeof error === 'string') return error;
  if (!(error instanceof Error)) return Bun.inspect(error);
  const text = typeof error.stack === 'string' ? error.stack : String(error);
  const { errors } = error as { errors?: unknown };
  const added = {
    ...Object.fromEntries(Object.entries(error)),
    ...(errors === undefined ? {} : { errors }),
  };
  const details = Object.keys(added).length === 0 ? '' : ` ${Bun.inspect(added)}`;
  if (error.cause === undefined || causesLeft === 0) return text + details;
  return `${text}${details}\nCaused by: ${describeWhole(error.cause, causesLeft - 1)}`;
}
