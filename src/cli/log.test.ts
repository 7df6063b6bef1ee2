import { expect, test } from 'bun:test';
import { createLog } from './log.ts';

function linesOf(logFormat: 'json' | 'pretty', logLevel: 'debug' | 'warn' = 'debug'): string[] {
  const lines: string[] = [];
  const log = createLog({ logLevel, logFormat }, (line) => lines.push(line));
  log.debug('fine');
  log.warn('worker 1 ended', { worker: 1, reason: 'two\nlines', error: new Error('broken') });
  return lines;
}

test('JSON lines carry time, level, message and fields', () => {
  const lines = linesOf('json').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatchObject({
    level: 'warn',
    msg: 'worker 1 ended',
    worker: 1,
    error: { message: 'broken' },
  });
  expect(Date.parse(String(lines[1]?.['time']))).toBeGreaterThan(0);
});

test('pretty lines are short, and one each', () => {
  const [fine, warning] = linesOf('pretty').map((line) => Bun.stripANSI(line));
  expect(fine).toMatch(/^\d\d:\d\d:\d\d debug fine\n$/);
  expect(warning).toMatch(
    /^\d\d:\d\d:\d\d warn {2}worker 1 ended {2}worker=1 reason="two\\nlines"/,
  );
  expect(warning?.indexOf('\n')).toBe(warning!.length - 1);
});

test('what is below the level is left out', () => {
  expect(linesOf('json', 'warn')).toHaveLength(1);
});
