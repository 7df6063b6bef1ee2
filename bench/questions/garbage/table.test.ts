import { expect, test } from 'bun:test';
import { rotated } from '../../measure/rotated.ts';
import type { Collection, GarbageRun } from './samples.ts';
import { PHASES } from './samples.ts';
import { noteCollection } from './subject.ts';
import { garbageDoubts, garbageTable } from './table.ts';

function runOf(round: number, bytesPerSession: number, foreignCpuSeconds = 0): GarbageRun {
  const usage = {
    ...{ wallSeconds: 10, serverCpuSeconds: 1.5, clientCpuSeconds: 1, otherCpuSeconds: 0 },
    ...{ foreignCpuSeconds, clientLagMs: 0 },
  };
  const phases = PHASES.map((name) => ({
    ...{ name, usage, bytesPerSession, lagMaxMs: 5, pauseMaxMs: 8, collections: 2 },
    logged: [{ atMs: 1, isFull: true, pauseMs: 8.25 }],
  }));
  return { round, schedule: 'turnover', emptyBytes: 4e7, phases, lost: 0 };
}

function cells(table: string): string[][] {
  return table
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .map((line) => line.split('│').map((cell) => cell.trim()));
}

test('one round has its figures, more rounds a median and its range', () => {
  const [, , one] = cells(garbageTable([runOf(1, 2_400)], ['off', 'turnover']));
  expect(one?.slice(1, 5)).toEqual(['turnover', '2400', '2400', '2400']);
  expect(one?.slice(-7, -1)).toEqual(['8.0', '8.3', '5', '10', '5', '0']);
  const [, , middle, range] = cells(
    garbageTable([runOf(1, 2_400), runOf(2, 2_500), runOf(3, 2_700)], ['turnover']),
  );
  expect([middle?.[2], range?.[2]]).toEqual(['2500', '2400–2700']);
});

test('a machine that others use makes a run doubtful', () => {
  expect(garbageDoubts([runOf(1, 2_400), runOf(2, 2_400, 3)])).toEqual([
    'gc turnover, round 2: other programs used 0.3 cores meanwhile; CPU is not quiet.',
  ]);
});

test('each round begins at another one', () => {
  expect([0, 1, 4].map((by) => rotated(['a', 'b', 'c'], by).join(''))).toEqual([
    'abc',
    'bca',
    'bca',
  ]);
  expect(rotated([], 2)).toEqual([]);
});

test("the runtime's log of collections is read, and what is not of it is told apart", () => {
  const found: Collection[] = [];
  const take = (text: string): boolean => noteCollection(text, 7, found);
  expect(take('[GC<0x7f>: START M 1000 => EdenCollection, v=1kb p=1.5ms, p=0.4ms]')).toBe(true);
  expect(take('GC END!')).toBe(true);
  expect(take('{a line that is no JSON')).toBe(false);
  expect(found).toEqual([{ atMs: 7, isFull: false, pauseMs: 1.5 }]);
});
