import { expect, test } from 'bun:test';
import { createLog } from './log.ts';
import { LogSink } from './log-sink.ts';

function sinkTo(lines: string[]): LogSink {
  const sink = new LogSink(() => {}, 0);
  sink.write = (line) => lines.push(line);
  return sink;
}

function linesOf(logFormat: 'json' | 'pretty', logLevel: 'debug' | 'warn' = 'debug'): string[] {
  const lines: string[] = [];
  const log = createLog({ logLevel, logFormat }, sinkTo(lines));
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

test('JSON lines hold nothing raw that a terminal obeys, and say what was said', () => {
  const evil = 'a\u0007\u009b31m\u202egnp\u2066\u200b\u007f\u2028\ud800é😀';
  const lines: string[] = [];
  const log = createLog({ logLevel: 'debug', logFormat: 'json' }, sinkTo(lines));
  log.warn(evil, { room: evil, [evil]: 1 });
  const [line = ''] = lines;
  expect(line).not.toMatch(/[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u);
  expect(line.indexOf('\n')).toBe(line.length - 1);
  expect(line).toContain('é😀');
  expect(JSON.parse(line)).toMatchObject({ msg: evil, room: evil, [evil]: 1 });
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

test('fields cannot stand for what a line has of its own', () => {
  const lines: string[] = [];
  for (const logFormat of ['json', 'pretty'] as const) {
    const log = createLog({ logLevel: 'debug', logFormat }, sinkTo(lines));
    log.info('x', { time: 5, level: {}, msg: null, ['__proto__']: 1 });
    log.info('y', { many: 1n, toJSON: () => Number('x') });
  }
  const [json] = lines;
  expect(JSON.parse(json as string)).toMatchObject({ level: 'info', msg: 'x', field_time: 5 });
  expect(lines[2]).toMatch(/^\d\d:\d\d:\d\d .*x {2}field_time=5/);
  expect(lines).toHaveLength(4);
});

test('on a terminal, what an app prints is set apart and obeyed in nothing', () => {
  const lines: string[] = [];
  const log = createLog({ logLevel: 'debug', logFormat: 'pretty' }, sinkTo(lines));
  log.info('\u001b]0;owned\u0007hello', { worker: 1, output: 'stdout' });
  log.error('bad \u009b2J name', { event: 'a\u202eb' });
  expect(lines.map(Bun.stripANSI).map((line) => line.slice(9))).toEqual([
    'info  worker 1 stdout | \\x1b]0;owned\\x07hello\n',
    'error bad \\x9b2J name  event="a\\u202eb"\n',
  ]);
});

test('lines that were lost are told of in the form of the log', () => {
  const lines: string[] = [];
  const sink = sinkTo(lines);
  createLog({ logLevel: 'info', logFormat: 'json' }, sink);
  sink.onLoss(7);
  expect(JSON.parse(lines[0] as string)).toMatchObject({ level: 'warn', lines: 7 });
});
