/**
 * Where a node's log goes: pino's JSON lines for machines, short lines for people. Always to
 * stderr, so that stdout holds only what a command was asked for.
 */
import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { Config } from '../host/config/schema.ts';
import { foreignJson, parsedOrNothing } from '../host/foreign/parsed.ts';
import {
  printable,
  printableJson,
  printableJsonText,
  withoutColours,
} from '../host/foreign/printable.ts';
import type { ForeignJson } from '../host/runtime/foreign-json.ts';
import type { LogFields, LossyLog } from '../server/core/log/log.ts';
import { LogSink, toDescriptor } from './log-sink.ts';

type Level = Config['logLevel'];

export interface CliLog extends LossyLog {
  /** Waits until all is written or lost, but no longer than this. */
  flush(timeoutMs: number): Promise<void>;
}

const STDERR = 2;
/** Lines that wait for a slow reader; what is more is lost, and said. */
const QUEUE_BYTES = 8_388_608;

const levelColors: Readonly<Record<Level, 'gray' | 'green' | 'yellow' | 'red'>> = {
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};

/** Names that a line has of its own: a field of that name is set apart. */
const RESERVED: ReadonlySet<string> = new Set(['level', 'time', 'msg']);

export function createLog(
  { logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>,
  sink: LogSink = new LogSink(toDescriptor(STDERR), QUEUE_BYTES),
): CliLog {
  const json = foreignJson();
  const isPretty = logFormat === 'auto' ? isatty(STDERR) : logFormat === 'pretty';
  const logger = pino(
    {
      level: logLevel,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { error: stdSerializers.err },
    },
    {
      write: (line: string) => sink.write(isPretty ? pretty(line, json) : printableJsonText(line)),
    },
  );
  const at =
    (level: Level) =>
    (message: string, fields: LogFields = {}): void => {
      try {
        logger[level](setApart(fields), message);
      } catch {
        // Fields that cannot be shown; what was to be said matters more.
        logger[level](message);
      }
    };
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  sink.onLoss = (lines) => log.warn('lines of the log could not be written', { lines });
  return {
    ...log,
    get linesLost() {
      return sink.linesLost;
    },
    flush: (timeoutMs) => sink.flush(timeoutMs),
  };
}

function setApart(fields: LogFields): LogFields {
  if (!Object.keys(fields).some((name) => RESERVED.has(name))) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      RESERVED.has(name) ? `field_${name}` : name,
      value,
    ]),
  );
}

/** `12:34:56 warn  worker 1 ended  worker=1 ranMs=20` */
function pretty(line: string, json: ForeignJson): string {
  const read = parsedOrNothing(line, json);
  if (read === undefined) return printableJsonText(line);
  const { level, time, msg, ...fields } = read as {
    level: Level;
    time: string;
    msg?: string;
    [field: string]: unknown;
  };
  const { worker, output, ...others } = fields;
  const isOfApp = typeof output === 'string' && Object.keys(others).length === 0;
  const message = printable(withoutColours(msg ?? ''));
  const text = isOfApp
    ? `worker ${String(worker)} ${output} | ${message}`
    : [message, ...shownFields(fields)].join(' ');
  const label = styleText(levelColors[level], level.padEnd(5), { stream: process.stderr });
  return `${time.slice(11, 19)} ${label} ${text}\n`;
}

function shownFields(fields: LogFields): readonly string[] {
  const shown = Object.entries(fields).map(
    ([name, value]) => `${printable(name)}=${shownValue(value)}`,
  );
  return shown.length === 0 ? [] : ['', ...shown];
}

function shownValue(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/-]+$/.test(value)) return value;
  return printableJson(value);
}
