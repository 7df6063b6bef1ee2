import { expect, test } from 'bun:test';
import { eventually } from '../../../test/system/eventually.ts';
import { LIMITS } from '../core/limits/limits.ts';
import type { LogFields, LogLevel } from '../core/log/log.ts';
import { NodeLog } from './node-log.ts';
import { followWorker, type WorkerOutputSink } from './worker-output.ts';

const WORKER = 3;

interface Said {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** Runs a program of the shell as if it were a worker, until it has ended. */
async function said(script: string, isOver: (said: readonly Said[]) => boolean) {
  const lines: Said[] = [];
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    lines.push({ level, message, fields });
  };
  const given = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const nodeLog = new NodeLog({ ...given, linesLost: 0 });
  await follow(script, nodeLog.ofWorker(WORKER));
  await eventually('all has been read', () => lines, isOver);
  return { lines, view: nodeLog.view };
}

async function follow(script: string, sink: WorkerOutputSink): Promise<void> {
  const child = Bun.spawn(['bash', '-c', script], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const { stdout, stderr, exited, stdio } = child;
  followWorker({ stdout, stderr, exited, logFd: stdio[3] }, sink);
  await exited;
}

/** A frame of the log, as `printf` takes it: level `error`. */
function frame(message: string, fields: string): string {
  const hex = (value: number, bytes: number) => value.toString(16).padStart(bytes * 2, '0');
  const text = (value: string) => hex(value.length, 4) + Buffer.from(value).toString('hex');
  const body = `01${hex(3, 1)}${text(message)}${text(fields)}`;
  return (hex(body.length / 2, 4) + body).replace(/../g, '\\x$&');
}

test('what a worker prints is text, whatever it looks like', async () => {
  const forged = '{"level":"error","message":"x","fields":{"time":5}}';
  const { lines } = await said(
    `echo '${forged}'; echo 'to the other' >&2; printf 'no end'`,
    ({ length }) => length === 3,
  );
  expect(lines).toContainEqual({
    level: 'info',
    message: forged,
    fields: { worker: WORKER, output: 'stdout' },
  });
  expect(lines).toContainEqual({
    level: 'warn',
    message: 'to the other',
    fields: { worker: WORKER, output: 'stderr' },
  });
  expect(lines.map(({ message }) => message)).toContain('no end');
});

test("a line of its log carries the worker's own number", async () => {
  const { lines } = await said(
    `printf '${frame('it failed', '{"worker":0,"why":"it did"}')}' >&3`,
    ({ length }) => length === 1,
  );
  expect(lines).toEqual([
    { level: 'error', message: 'it failed', fields: { why: 'it did', worker: WORKER } },
  ]);
});

test('nothing that comes over the log ends its reader, until no frames come', async () => {
  const nonsense = ['\\x00\\x00\\x00\\x02\\x01\\x00', '\\x00\\x00\\x00\\x03\\x09\\xff\\xff'].join(
    '',
  );
  const { lines } = await said(
    `printf '${nonsense}${frame('still heard', 'no JSON')}' >&3; printf 'text' >&3; sleep 0.1`,
    ({ length }) => length === 2,
  );
  expect(lines[0]).toMatchObject({ message: 'still heard', fields: { fields: 'no JSON' } });
  expect(lines[1]).toMatchObject({ level: 'warn', fields: { worker: WORKER } });
});

test('a flood is read to its end, and bounded', async () => {
  const { lines, view } = await said('yes "a line of a flood" | head -c 50000000', (sofar) =>
    sofar.some(({ message }) => message === 'the app prints more than is logged'),
  );
  const printed = lines.filter(({ message }) => message === 'a line of a flood');
  expect(printed.length).toBeLessThanOrEqual(2 * LIMITS.appLines);
  expect(view.outputDropped.get(WORKER)).toBeGreaterThan(40_000_000);
});

test('text without a newline is never held whole', async () => {
  const before = process.memoryUsage.rss();
  const { lines } = await said("head -c 80000000 /dev/zero | tr '\\0' x", (sofar) =>
    sofar.some(({ message }) => message === 'the app prints more than is logged'),
  );
  expect(lines[0]?.message).toHaveLength(LIMITS.appLineLength + 1);
  expect(process.memoryUsage.rss() - before).toBeLessThan(60_000_000);
});

test('who holds the pipes longer than the worker lives does not hold the reader', async () => {
  let ended = 0;
  const sink = { line: () => {}, text: () => ended++, dropped: () => {} };
  const startedAtMs = performance.now();
  await follow('sleep 30 & printf "last words"', sink);
  // Without a newline they come when the pipe is let go of.
  await eventually(
    'the last words',
    () => ended,
    (count) => count === 1,
    5_000,
  );
  expect(performance.now() - startedAtMs).toBeLessThan(10_000);
});
