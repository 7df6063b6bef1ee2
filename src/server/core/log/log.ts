/** What parts of a worker say; the composition decides where it goes. */

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Long enough for a stack and its causes; errors may carry whole queries. */
const ERROR_MAX_LENGTH = 16_384;
/** Causes of causes that are shown. */
const CAUSES_MAX = 8;

/** An error as a log shows it: whole, with its stack, what was put on it, and its causes. */
export function describeError(error: unknown): string {
  try {
    return describeWhole(error, CAUSES_MAX).slice(0, ERROR_MAX_LENGTH);
  } catch {
    // Anything can be thrown, also what throws when it is looked at.
    return 'something was thrown that cannot be shown';
  }
}

function describeWhole(error: unknown, causesLeft: number): string {
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
