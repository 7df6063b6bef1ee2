import { expect, test } from 'bun:test';
import { fleetRecords, MILLION, START_MS } from '../../../test/support/made-run.ts';
import type { MemoryReading, ProcessReading } from '../recording/read-memory.ts';
import type { FleetSample } from '../recording/record.ts';
import { createRun } from '../run/run.ts';
import { memoryTable } from './page-memory.ts';

const GIBIBYTE = 2 ** 30;
const records = fleetRecords(MILLION);
const fleet = {
  header: records[0] as never,
  samples: records.filter((record): record is FleetSample => record.record === 'fleet-sample'),
  events: [],
};

function readingOf(phase: string, second: number, slabBytes: number): MemoryReading {
  const process = (role: ProcessReading['role'], pssBytes: number): ProcessReading => ({
    ...{ role, pid: 1, rssBytes: 2 * pssBytes, pssBytes, anonymousBytes: 0 },
  });
  const kernel = {
    ...{ slabBytes, socketBufferBytes: 7, tcpSockets: 1, timeWaitSockets: 0 },
    ...{ availableBytes: 1, totalBytes: 2 },
  };
  const processes = [process('worker', 1e9), process('worker', 1e9), process('controller', 4e8)];
  return {
    ...{ phase, atMs: START_MS + second * 1000, kernel },
    processes: second < 0 ? processes : [...processes, process('agent', 1.4e9)],
  };
}

function cellsOf(memory: readonly MemoryReading[]): string[][] {
  const run = createRun('made', { path: 'made', notes: [], memory, fleet });
  const text = memoryTable([run])?.html ?? '';
  return [...text.matchAll(/<tr><th scope="row">[\s\S]*?<\/tr>/g)].map(([row]) =>
    [...row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = '']) => cell),
  );
}

test('shared pages count once, and a session has its part where all are there', () => {
  const rows = cellsOf([readingOf('empty', -3, GIBIBYTE), readingOf('held', 250, 8 * GIBIBYTE)]);
  expect(rows).toEqual([
    ['empty', '0', '2.24 GiB', '4.47 GiB', '–', '1 GiB'],
    [
      ...['held', '1,000,000', '2.24 GiB<br>2,400 bytes', '4.47 GiB<br>4,800 bytes'],
      ...['1.3 GiB<br>1,400 bytes', '8 GiB<br>7,516 bytes'],
    ],
  ]);
});

test('when many have left, nothing is divided', () => {
  const [, leaving] = cellsOf([readingOf('empty', -3, 0), readingOf('left', 300, GIBIBYTE)]);
  expect(leaving?.slice(1, 3)).toEqual(['500,000', '2.24 GiB']);
});

test('a run without readings has no table', () => {
  const run = createRun('made', { path: 'made', notes: [], memory: [], fleet });
  expect(memoryTable([run])).toBeUndefined();
});
