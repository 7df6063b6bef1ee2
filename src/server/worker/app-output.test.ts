import { expect, test } from 'bun:test';
import { Console } from 'node:console';
import { EventEmitter } from 'node:events';
import type { Writable } from 'node:stream';
import { type FileWrites, type Outputs, takeOverOutput } from './app-output.ts';

const BOUNDS = { lineLength: 1_000, lines: 50, characters: 10_000 };

function takenOver() {
  const printed: [string, string][] = [];
  const passedOn: unknown[] = [];
  const fs: FileWrites = {
    write: (...args) => void passedOn.push(args),
    writeSync: (...args) => passedOn.push(args),
    writev: (...args) => void passedOn.push(args),
    writevSync: (...args) => passedOn.push(args),
    close: (...args) => void passedOn.push(args),
    closeSync: (...args) => void passedOn.push(args),
  };
  const outputs = {
    console: { Console } as unknown as Console,
    process: {} as { stdout: Writable; stderr: Writable },
    fs,
  };
  takeOverOutput(
    outputs as unknown as Outputs,
    { line: (...line) => printed.push(line), dropped: () => {} },
    BOUNDS,
  );
  return { ...outputs, printed, passedOn };
}

test('what `console` prints becomes lines, formatted as ever', () => {
  const { console, printed } = takenOver();
  console.log('%s is %d', 'it', 42, { deep: { er: [1] } });
  console.error(new RangeError('too much'));
  console.group('in');
  console.warn('further in');
  console.groupEnd();
  console.assert(true, 'nothing');
  expect(printed[0]).toEqual(['stdout', 'it is 42 { deep: { er: [ 1 ] } }']);
  expect(printed[1]).toEqual(['stderr', 'RangeError: too much']);
  expect(printed.slice(-2)).toEqual([
    ['stdout', 'in'],
    ['stderr', '  further in'],
  ]);
});

test('what cannot be shown is said to be so, and throws nothing', () => {
  const { console, printed } = takenOver();
  const hostile = {
    [Symbol.for('nodejs.util.inspect.custom')]() {
      throw new Error('not me');
    },
  };
  console.log(hostile);
  expect(printed[0]?.[1]).toContain('cannot be shown: Error: not me');
});

test('who prints more than is logged does not pay for formatting', () => {
  const { console, printed } = takenOver();
  let formatted = 0;
  const costly = { [Symbol.for('nodejs.util.inspect.custom')]: () => `costly ${++formatted}` };
  for (let i = 0; i < 10_000; i++) console.log(costly);
  expect([formatted, printed.length]).toEqual([50, 50]);
});

test('streams take text and bytes, call back, and never ask to wait', async () => {
  const { process, printed } = takenOver();
  expect(process.stdout.write('no end yet')).toBe(true);
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stderr.write(Buffer.from('bytes\n'), () => resolve());
  await promise;
  process.stdout.write(', now\n');
  expect(printed).toEqual([
    ['stderr', 'bytes'],
    ['stdout', 'no end yet, now'],
  ]);
  expect(process.stdout).toBeInstanceOf(EventEmitter);
  expect(process.stdout).toMatchObject({ fd: 1, isTTY: false });
  expect(process.stderr).toBe(process.stderr);
});

test('writes to descriptors 1 and 2 by `node:fs` are taken, others passed on', async () => {
  const { fs, printed, passedOn } = takenOver();
  expect(fs.writeSync(1, 'grün\n')).toBe(6);
  expect(fs.writeSync(2, Buffer.from('xxbytes\nxx'), 2, 6)).toBe(6);
  expect(fs.writeSync(2, Buffer.from('xxmore\n'), { offset: 2 })).toBe(5);
  const { promise, resolve } = Promise.withResolvers<unknown[]>();
  fs.write(1, 'later\n', 'utf8', (...answer: unknown[]) => resolve(answer));
  expect(await promise).toEqual([null, 6, 'later\n']);
  expect(printed).toEqual([
    ['stdout', 'grün'],
    ['stderr', 'bytes'],
    ['stderr', 'more'],
    ['stdout', 'later'],
  ]);
  expect(passedOn).toEqual([]);
  fs.writeSync(7, 'a file');
  fs.write(8, 'another', () => {});
  expect(passedOn).toHaveLength(2);
});
