/** What the hub hears of rooms and users: all of it, however much is said at a time. */

import { afterEach, beforeEach, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newHub } from '../../../../test/support/new-hub.ts';
import { eventually } from '../../../../test/system/eventually.ts';
import { createCounters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { BusClient } from './bus-client.ts';
import type { Hub } from './hub.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const nothing = (): void => {};

let folder: string;
let hub: Hub;
let client: BusClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-interest-'));
  const path = join(folder, 'bus.sock');
  hub = newHub({ onReady: nothing, onFailed: nothing, onSample: nothing }, SILENT);
  hub.listen(path);
  client = new BusClient({
    path,
    worker: 0,
    workerCount: 2,
    historyEpoch: 'e',
    counters: createCounters(),
    refusals: new Refusals(SILENT),
    log: SILENT,
    profile: () => Promise.reject(new Error('no')),
    onLost: nothing,
  });
  await client.connect();
});

afterEach(() => {
  client.close();
  hub.close();
  rmSync(folder, { recursive: true });
});

/** The longest names there are, in characters of three bytes. */
const longName = (number: number): string => `${number}:${'語'.repeat(LIMITS.keyLength - 8)}`;

test('more names than a frame holds are all known to the hub', async () => {
  // A fifth more than fits.
  const count = Math.ceil((LIMITS.ipcFrameBytes * 1.2) / (LIMITS.keyLength * 3));
  for (let i = 0; i < count; i++) client.setInterest(longName(i), true);
  client.announceInterest();
  await eventually(
    'the hub knows all',
    () => hub.interest.entryCount,
    (entries) => entries === count,
  );
  for (let i = 0; i < count; i++) client.setInterest(longName(i), false);
  // Without being asked to, at the end of the turn.
  await eventually(
    'the hub has forgotten all',
    () => hub.interest.entryCount,
    (entries) => entries === 0,
  );
}, 60_000);
