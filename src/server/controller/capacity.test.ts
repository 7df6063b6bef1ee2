import { describe, expect, test } from 'bun:test';
import { loadConfig } from '../../host/config/load.ts';
import { type Config, WORKERS_MAX } from '../../host/config/schema.ts';
import { UNLIMITED } from '../../host/machine/process-limits.ts';
import { assertLimits, LIMITS } from '../core/limits/limits.ts';
import { capacityOf, memoryBudget, workerCount, workerPlaces } from './capacity.ts';

const config = (flags: Readonly<Record<string, string>>): Config =>
  loadConfig({ file: undefined, env: {}, flags });

test('a million connections with 20,000 files a process are 53 workers', () => {
  const million = config({ connections: '1000000' });
  const capacity = capacityOf(workerPlaces(million, 20_000));
  expect(capacity).toBe(19_744);
  expect(workerCount(million, capacity, 2)).toBe(53);
});

test('no worker is filled to the brim, since the kernel spreads connections by chance', () => {
  const asked = 10 * 19_744;
  const workers = workerCount(config({ connections: String(asked) }), 19_744, 2);
  const mean = asked / workers;
  expect(mean + 4 * Math.sqrt(mean)).toBeLessThan(19_744);
});

test.each([1_073_741_816, UNLIMITED])('a limit of %d files starts a worker', (openFiles) => {
  const capacity = capacityOf(workerPlaces(config({}), openFiles));
  expect(capacity).toBeGreaterThan(1_000_000);
  expect(() => assertLimits(1_000_000, capacity)).not.toThrow();
});

test('sessions that hold no file have a bound of their own, and files theirs', () => {
  expect(workerPlaces(config({}), 20_000)).toEqual({
    openFiles: 20_000,
    connections: 19_744,
    sessions: 78_976,
  });
  expect(workerPlaces(config({ maxSessionsPerWorker: '100' }), 20_000)).toMatchObject({
    connections: 19_744,
    sessions: 100,
  });
  expect(workerPlaces(config({ maxSessionsPerWorker: '90000' }), 20_000)).toMatchObject({
    connections: 19_744,
    sessions: 90_000,
  });
});

test('with few files at least half of them are for clients', () => {
  expect(workerPlaces(config({}), 600).connections).toBe(344);
  expect(workerPlaces(config({}), 256).connections).toBe(128);
});

test('small workers are filled to the half at least', () => {
  expect(workerCount(config({ connections: '100' }), 16, 2)).toBe(13);
  expect(workerCount(config({ connections: '100' }), 1, 2)).toBe(100);
});

test('the config takes as many workers as a node may have', () => {
  expect(WORKERS_MAX).toBe(LIMITS.workersPerNode);
});

test('a host with files enough has a worker a core', () => {
  expect(workerCount(config({ connections: '100000' }), 1_048_320, 8)).toBe(8);
  expect(workerCount(config({}), 19_744, 2)).toBe(2);
});

test('the number asked for is taken as it is', () => {
  expect(workerCount(config({ workers: '3', connections: '1000' }), 19_744, 2)).toBe(3);
});

describe('the memory budget of a worker', () => {
  const GIB = 2 ** 30;

  test('is a quarter of the memory, divided by the workers', () => {
    expect(memoryBudget(config({}), 8, 4 * GIB)).toBe(GIB / 8);
    expect(memoryBudget(config({}), 1, GIB / 2)).toBe(GIB / 8);
  });

  test('grows no further on a large machine, and holds a few large messages on a small one', () => {
    expect(memoryBudget(config({}), 2, 64 * GIB)).toBe(GIB / 4);
    const small = memoryBudget(config({ maxBackpressureBytes: '2000000' }), 8, GIB / 4);
    expect(small).toBe(32_000_000);
  });

  test('is what the config says, where it says something', () => {
    expect(memoryBudget(config({ memoryBudgetBytes: '50000000' }), 8, 4 * GIB)).toBe(50_000_000);
  });
});
