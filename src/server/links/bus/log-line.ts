/**
 * A worker's log on its way: one JSON object a line on standard output, read by the controller.
 *
 * A logging library would cost each of many workers 15 MB. Lines are lost when the controller is
 * gone; the worker then goes on serving.
 */

import type { Log, LogFields } from '../../core/log/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One line of a worker's output. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export function createLineLog(lowest: LogLevel): Log {
  const from = LEVELS.indexOf(lowest);
  const writer =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (LEVELS.indexOf(level) < from) return;
      const line: LogLine = { level, message, fields };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    };
  return {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
  };
}

/** Reads a line that a worker wrote; what is not one was printed by the app. */
export function parseLogLine(text: string): LogLine | undefined {
  if (!text.startsWith('{"level":')) return undefined;
  try {
    const line = JSON.parse(text) as LogLine;
    return LEVELS.includes(line.level) ? line : undefined;
  } catch {
    return undefined;
  }
}
