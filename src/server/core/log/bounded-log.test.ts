import { expect, test } from 'bun:test';
import { BoundedLog } from './bounded-log.ts';
import type { LogFields, LogLevel } from './log.ts';

const BOUNDS = {
  linesOfAKind: 3,
  lines: 5,
  charactersOfAKind: 500_000,
  characters: 500_000,
  textLength: 20,
};

function logTo(lines: [LogLevel, string, LogFields | undefined][], lowest?: LogLevel): BoundedLog {
  return new BoundedLog((...line) => lines.push(line), BOUNDS, lowest);
}

test('each kind has its lines of a second, and all have theirs; the rest is told of once', () => {
  const lines: [LogLevel, string, LogFields | undefined][] = [];
  const log = logTo(lines);
  for (let i = 0; i < 100; i++) log.error('a handler failed');
  log.warn('a worker ended');
  log.warn('another ended');
  log.info('one too many');
  expect(lines.map(([, message]) => message)).toEqual([
    ...['a handler failed', 'a handler failed', 'a handler failed'],
    ...['a worker ended', 'another ended'],
  ]);
  log.endSecond();
  expect(lines.slice(5)).toEqual([
    [
      'warn',
      'lines of the log were held back in the last second',
      { lines: 98, most: { 'a handler failed': 100 } },
    ],
  ]);
  log.error('a handler failed');
  expect(lines).toHaveLength(7);
  log.endSecond();
  expect(lines).toHaveLength(7);
});

test('kinds that clients could make up are not all remembered', () => {
  const log = logTo([]);
  for (let i = 0; i < 10_000; i++) log.info(`${i} went wrong`);
  log.endSecond();
});

test('texts are cut, and errors described only when their line passes', () => {
  const lines: [LogLevel, string, LogFields | undefined][] = [];
  const log = logTo(lines);
  let described = 0;
  const error = Object.defineProperty(new Error('x'), 'cause', {
    get: () => void described++,
  });
  for (let i = 0; i < 50; i++) log.error('y'.repeat(1_000_000), { who: 'z'.repeat(30), error });
  expect(described).toBe(3);
  const shown = expect.stringContaining('Error: x');
  expect(lines[0]).toEqual([
    'error',
    `${'y'.repeat(20)}… (999980 characters more)`,
    { who: `${'z'.repeat(20)}… (10 characters more)`, error: shown },
  ]);
});

test('whatever was thrown can be logged', () => {
  const lines: [LogLevel, string, LogFields | undefined][] = [];
  const log = logTo(lines);
  const hostile = new Proxy(new Error('x'), {
    get: () => {
      throw new Error('no');
    },
  });
  for (const error of [hostile, undefined, Object.create(null)]) log.error('failed', { error });
  expect(lines.map(([, , fields]) => fields?.['error'])).toEqual([
    'something was thrown that cannot be shown',
    'undefined',
    expect.stringContaining('Object'),
  ]);
});

test('what is below the level takes no place', () => {
  const lines: [LogLevel, string, LogFields | undefined][] = [];
  const log = logTo(lines, 'warn');
  for (let i = 0; i < 50; i++) log.info('fine');
  log.warn('not fine');
  expect(lines.map(([, message]) => message)).toEqual(['not fine']);
});

test('characters of a kind, and of all, are bounded as well as lines', () => {
  const lines: [LogLevel, string, LogFields | undefined][] = [];
  const log = new BoundedLog((...line) => lines.push(line), {
    linesOfAKind: 100,
    lines: 100,
    charactersOfAKind: 2_000,
    characters: 5_000,
    textLength: 1_000,
  });
  const url = 'u'.repeat(1_000);
  for (const kind of ['first', 'second', 'third', 'fourth']) {
    for (let i = 0; i < 10; i++) log.warn(kind, { url });
  }
  // Two and the rest of each; what all may have is used up in the third.
  expect(lines.map(([, message]) => message)).toEqual([
    ...['first', 'first', 'second', 'second', 'third'],
  ]);
  log.endSecond();
  expect(lines.at(-1)?.[2]).toEqual({ lines: 35, most: { first: 10, second: 10, third: 10 } });
  log.warn('first');
  expect(lines.at(-1)?.[1]).toBe('first');
});
