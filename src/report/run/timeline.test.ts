import { expect, test } from 'bun:test';
import { MILLION, serverRecords } from '../../../test/support/made-run.ts';
import type { ServerSample } from '../recording/record.ts';
import { kernelBytes, serverTimeline } from './timeline.ts';

const records = serverRecords({ ...MILLION, workers: 2 });
const samples = records.filter((record): record is ServerSample => record.record !== 'server');
const startMs = samples[0]!.atMs;

function timelineOf(change: (sample: ServerSample, index: number) => Partial<ServerSample>) {
  const changed = samples.map((sample, index) => ({ ...sample, ...change(sample, index) }));
  return serverTimeline(changed, startMs, 0);
}

test('a worker whose seconds hold two reports or none is as busy as it was', () => {
  // Each worker uses 100 ms a second; a report that is late comes together with the next one.
  const { cpu } = timelineOf((_, index) => {
    const reports = index % 5 === 3 ? index - 1 : index;
    return { cpuMs: [reports * 100, index * 100] };
  });
  const late = cpu.byWorker[0]?.slice(10) ?? [];
  for (const cores of late) expect(Math.abs((cores ?? 0) - 0.1)).toBeLessThan(0.03);
  expect(cpu.byWorker[1]?.slice(0, 6).map((cores) => cores && Math.round(cores * 1e6))).toEqual([
    ...[null, null, null, null],
    ...[100_000, 100_000],
  ]);
});

test('a worker that was replaced goes on', () => {
  const { cpu } = timelineOf((_, index) => {
    const own = index < 50 ? 4_000 + index * 100 : (index - 50) * 100;
    return { cpuMs: [own, index * 100] };
  });
  for (const cores of cpu.byWorker[0]?.slice(10) ?? []) expect(cores).toBeLessThan(0.11);
});

test('pauses that nobody reported are a gap, one report that is late is not', () => {
  const { loopLagMs, collectionMs } = timelineOf((_, index) => {
    const value = index === 3 || (index >= 6 && index <= 8) ? null : index;
    return { loopLagMs: [value, value], collectionMs: [value, null] };
  });
  const expected = [0, 1, 2, 4, 4, 5, null, null, 9, 9];
  expect(loopLagMs.highest.slice(0, 10)).toEqual(expected);
  expect(loopLagMs.median.slice(0, 10)).toEqual(expected);
  expect(collectionMs.slice(0, 10)).toEqual(expected);
});

test("the kernel's memory is its slab: the other count is a quota", () => {
  const { kernel } = samples[0]!;
  expect(kernelBytes(samples[0]!)).toBe(kernel!.slabBytes);
  expect(kernelBytes({ ...samples[0]!, kernel: undefined })).toBeNull();
});
