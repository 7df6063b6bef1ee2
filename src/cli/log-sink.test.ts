import { expect, test } from 'bun:test';
import { openSync } from 'node:fs';
import { LogSink, toDescriptor, type WriteText } from './log-sink.ts';

/** Takes what it is given when it is told to, as much as it is told to, or fails. */
class FakeFile {
  readonly #waiting: (() => void)[] = [];
  taken = '';
  most: number = Number.POSITIVE_INFINITY;
  fails: string | undefined;

  readonly write: WriteText = (bytes, done) => {
    this.#waiting.push(() => {
      const { fails } = this;
      if (fails !== undefined) {
        done(Object.assign(new Error(fails), { code: fails }), 0);
        return;
      }
      const part = bytes.subarray(0, this.most);
      this.taken += Buffer.from(part).toString();
      done(null, part.byteLength);
    });
  };

  next(): boolean {
    const step = this.#waiting.shift();
    step?.();
    return step !== undefined;
  }

  all(): string {
    while (this.next());
    return this.taken;
  }
}

test('writes one text at a time, and goes on where the file stopped', () => {
  const file = new FakeFile();
  file.most = 3;
  const sink = new LogSink(file.write, 1_000);
  sink.write('first\n');
  sink.write('second\n');
  file.next();
  expect(file.taken).toBe('fir');
  expect(file.all()).toBe('first\nsecond\n');
  expect(sink.linesLost).toBe(0);
});

test('a file that takes nothing costs a bounded queue; then the loss is told', () => {
  const file = new FakeFile();
  const sink = new LogSink(file.write, 100);
  sink.onLoss = (lines) => sink.write(`${lines} lost\n`);
  for (let i = 0; i < 1_000; i++) sink.write(`${String(i).padStart(9)}\n`);
  // One is being written, ten wait.
  expect(sink.linesLost).toBe(989);
  expect(
    file
      .all()
      .trim()
      .split(/\s*\n\s*/),
  ).toEqual([...['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10'], '989 lost']);
});

test('lines that cannot be written are lost, and the next are tried all the same', () => {
  const file = new FakeFile();
  const sink = new LogSink(file.write, 1_000);
  const told: number[] = [];
  sink.onLoss = (lines) => told.push(lines);
  file.fails = 'ENOSPC';
  sink.write('one\n');
  sink.write('two\n');
  expect(file.all()).toBe('');
  expect(sink.linesLost).toBe(2);
  file.fails = undefined;
  sink.write('three\n');
  expect(file.all()).toBe('three\n');
  expect(told).toEqual([2]);
});

test('a full non-blocking file is asked again', async () => {
  const file = new FakeFile();
  const sink = new LogSink(file.write, 1_000);
  file.fails = 'EAGAIN';
  sink.write('patience\n');
  file.next();
  file.fails = undefined;
  while (!file.next()) await Bun.sleep(5);
  expect(file.taken).toBe('patience\n');
  expect(sink.linesLost).toBe(0);
});

test('waits for the last lines, but not for ever', async () => {
  const file = new FakeFile();
  const sink = new LogSink(file.write, 1_000);
  await sink.flush(60_000);
  sink.write('slow\n');
  await sink.flush(10);
  const flushed = sink.flush(60_000);
  file.all();
  await flushed;
  expect(file.taken).toBe('slow\n');
});

test('a full disk and a descriptor that is not open lose lines and throw nothing', async () => {
  for (const fd of [openSync('/dev/full', 'w'), 987_654, -1]) {
    const sink = new LogSink(toDescriptor(fd), 1_000);
    sink.write('gone\n');
    await sink.flush(5_000);
    expect(sink.linesLost).toBe(1);
  }
});
