import { expect, test } from 'bun:test';
import { isCrowd, processesFor } from './local-agents.ts';

test.each([
  [1, 20_000, 1],
  [19_872, 20_000, 1],
  [19_873, 20_000, 2],
  [1_000_000, 20_000, 51],
  [10, 100, 10],
])('%d connections at %d open files take %d agents', (connections, limit, agents) => {
  expect(processesFor(connections, limit)).toBe(agents);
});

test.each([
  [1, 1, false],
  [8, 2, false],
  [9, 2, true],
  [51, 64, false],
])('%d agents on %d cores', (agents, cores, crowded) => {
  expect(isCrowd(agents, cores)).toBe(crowded);
});
