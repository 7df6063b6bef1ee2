/**
 * Where a node's log goes: pino's JSON lines for machines, short lines for people. Always to
 * stderr, so that stdout holds only what a command was asked for.
 */
import { styleText } from 'node:util';
import { type DestinationStream, destination, pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { Config } from '../host/config/schema.ts';
import type { Log, LogFields } from '../server/core/log/log.ts';

type Level = Config['logLevel'];

const levelColors: Readonly<Record<Level, 'gray' | 'green' | 'yellow' | 'red'>> = {
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};

export function createLog(
  { logLevel, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>,
  write?: (line: string) => void,
): Log {
  const isPretty = logFormat === 'auto' ? process.stderr.isTTY : logFormat === 'pretty';
  const plain: DestinationStream = write ? { write } : destination({ dest: 2, sync: true });
  const stream = isPretty ? { write: (line: string) => plain.write(pretty(line)) } : plain;
  const logger = pino(
    {
      level: logLevel,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { error: stdSerializers.err },
    },
    stream,
  );
  const at = (level: Level) => (message: string, fields?: LogFields) =>
    logger[level](fields ?? {}, message);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** `12:34:56 warn  worker 1 ended  worker=1 ranMs=20` */
function pretty(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as {
    level: Level;
    time: string;
    msg: string;
    [field: string]: unknown;
  };
  const details = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`);
  const label = styleText(levelColors[level], level.padEnd(5), { stream: process.stderr });
  const gap = details.length > 0 ? ' ' : '';
  return `${time.slice(11, 19)} ${label} ${msg}${gap}${details.join('')}\n`;
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value);
}
