/** Waiting for a node to come to rest, and what it then weighs. */

import { expect } from 'bun:test';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import { eventually } from '../system/eventually.ts';

/** Samples come once a second; memory is given back a moment after the last session has gone. */
const REST_SAMPLES = 4;
const SAMPLE_MS = 1_000;

/** All sessions are gone, after their timeouts at the latest. */
export async function becomesEmpty(node: HoldfastProcess): Promise<void> {
  const { connections } = await eventually(
    'all sessions are gone',
    () => node.load(),
    (load) => load.connections === 0,
  );
  expect(connections).toBe(0);
}

/** Bytes of the worker at rest: the least of a few samples. */
export async function restingBytes(node: HoldfastProcess): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < REST_SAMPLES; sample++) {
    await Bun.sleep(SAMPLE_MS);
    const { workers } = await node.process();
    least = Math.min(least, workers[0]?.rssBytes ?? Number.POSITIVE_INFINITY);
  }
  return least;
}

export const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;
