import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineLoad, newAgentWatch, watchAgent } from './limits-watch.ts';

test('seconds are counted by phase; lag during a broadcast to all is its own', () => {
  const watch = newAgentWatch();
  watchAgent(watch, 'climb', { cpuShare: 0.95, lagMs: 10 }, false);
  watchAgent(watch, 'hold', { cpuShare: 0.1, lagMs: 700 }, false);
  watchAgent(watch, 'hold', { cpuShare: 0.1, lagMs: 3_000 }, true);
  expect(watch).toEqual({
    climb: { seconds: 1, busySeconds: 1, lateSeconds: 0, longestLagMs: 10 },
    hold: { seconds: 2, busySeconds: 0, lateSeconds: 1, longestLagMs: 700 },
    burstLagMs: 3_000,
  });
});

test('the load of the machine is all time that is not idle', () => {
  const proc = mkdtempSync(join(tmpdir(), 'holdfast-proc-'));
  const write = (times: string) => writeFileSync(join(proc, 'stat'), `cpu  ${times}\ncpu0 1\n`);
  write('100 0 100 700 100 0 0 0 50 0');
  const load = new MachineLoad(proc);
  write('150 0 120 720 100 0 10 0 90 0');
  expect(load.read()).toBeCloseTo(0.8);
  rmSync(proc, { recursive: true });
  expect(load.read()).toBeUndefined();
});
