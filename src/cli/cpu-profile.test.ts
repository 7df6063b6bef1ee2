import { describe, expect, test } from 'bun:test';
import { cpuMs } from '../../test/support/cpu-time.ts';
import { COLLIDING_FAMILIES } from '../../test/support/hostile-names.ts';
import type { CpuProfile, WorkerProfile } from '../server/controller/node-view.ts';
import { fillGaps, summarize } from './cpu-profile.ts';

const ROOT = 'file:///opt/holdfast/';

function nodeOf(id: number, functionName: string, url = '', children: number[] = []) {
  const callFrame = { functionName, scriptId: url && '7', url, lineNumber: 9, columnNumber: 0 };
  return { id, callFrame: { ...callFrame, scriptId: url === '' ? '0' : '7' }, children };
}

const NODES: CpuProfile['nodes'] = [
  nodeOf(1, '(root)', '', [2, 4, 5]),
  nodeOf(2, 'deliver', `${ROOT}src/server/core/delivery/delivery.ts`, [3]),
  nodeOf(3, 'send'),
  nodeOf(4, 'onGoal', 'file:///srv/app.ts'),
  nodeOf(5, 'gc'),
];

/** @param deltas times from sample to sample, each with the node that was seen */
function profileOf(
  deltas: readonly (readonly [micros: number, node: number])[],
  wallMs: number,
  mainThreadCpuMs: number,
): WorkerProfile {
  return {
    worker: 3,
    pid: 77,
    root: ROOT,
    profile: {
      nodes: NODES,
      startTime: 5_000_000.25,
      endTime: 5_000_000 + deltas.reduce((sum, [micros]) => sum + micros, 0),
      samples: deltas.map(([, node]) => node),
      timeDeltas: deltas.map(([micros]) => micros),
    },
    usage: { wallMs, mainThreadCpuMs, otherThreadsCpuMs: 1, collections: 0, collectionMs: 0 },
    survivors: { objects: 0, bytes: 0, collectionMs: 0, kinds: [] },
  };
}

/** The names of what was seen and for how many milliseconds. */
function stretches(profile: CpuProfile): (readonly [name: string, ms: number])[] {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
  let time = profile.startTime;
  const times = profile.timeDeltas.map((delta) => {
    time += delta;
    return time;
  });
  return profile.samples.map((id, index) => {
    const micros = (times[index + 1] ?? profile.endTime) - (times[index] as number);
    return [names.get(id) as string, micros / 1000];
  });
}

function expectWhole(profile: CpuProfile, wallMs: number): void {
  const { samples, timeDeltas, nodes } = profile;
  expect(samples).toHaveLength(timeDeltas.length);
  expect(profile.endTime - profile.startTime).toBe(wallMs * 1000);
  expect(timeDeltas.every((delta) => Number.isInteger(delta) && delta >= 0)).toBeTrue();
  const ids = new Set(nodes.map(({ id }) => id));
  expect(ids.size).toBe(nodes.length);
  expect(samples.every((id) => ids.has(id))).toBeTrue();
  for (const id of nodes.flatMap(({ children }) => children ?? [])) {
    expect(ids.has(id)).toBeTrue();
  }
  const hits = nodes.reduce((sum, { hitCount }) => sum + (hitCount ?? 0), 0);
  expect(hits).toBe(samples.length);
}

describe('gaps', () => {
  test('are idle when the thread had no more CPU time than was sampled', () => {
    const whole = fillGaps(
      profileOf(
        [
          [10_000, 2],
          [1_000, 3],
          [21_000, 4],
        ],
        40,
        2,
      ),
    );
    expectWhole(whole, 40);
    expect(stretches(whole)).toEqual([
      ['(idle)', 10],
      ['deliver', 1],
      ['send', 1],
      ['(idle)', 20],
      ['onGoal', 1],
      ['(idle)', 7],
    ]);
  });

  test('are work outside JavaScript as far as the CPU time says so', () => {
    const whole = fillGaps(
      profileOf(
        [
          [10_000, 2],
          [31_000, 3],
        ],
        42,
        12,
      ),
    );
    expectWhole(whole, 42);
    expect(stretches(whole)).toEqual([
      ['(idle)', 7.5],
      ['(program)', 2.5],
      ['deliver', 1],
      ['(idle)', 22.5],
      ['(program)', 7.5],
      ['send', 1],
    ]);
  });

  test('are none where the sampler was a little late', () => {
    const whole = fillGaps(
      profileOf(
        [
          [0, 2],
          [2_400, 3],
          [1_600, 3],
        ],
        5,
        5,
      ),
    );
    expect(stretches(whole)).toEqual([
      ['deliver', 2.4],
      ['send', 1.6],
      ['send', 1],
    ]);
  });

  test('are everything where nothing was sampled', () => {
    const empty = profileOf([], 1_000, 3);
    const whole = fillGaps({ ...empty, profile: { ...empty.profile, nodes: [] } });
    expectWhole(whole, 1_000);
    expect(stretches(whole)).toEqual([
      ['(idle)', 997],
      ['(program)', 3],
    ]);
  });
});

test('the summary tells kinds, functions and files apart', () => {
  const answer = profileOf(
    [
      [0, 2],
      [1_000, 3],
      [1_000, 3],
      [2_000, 4],
      [1_000, 5],
    ],
    10,
    6,
  );
  const summary = summarize(answer, fillGaps(answer));
  expect(summary).toMatchObject({ worker: 3, pid: 77, usage: { wallMs: 10 } });
  expect(Object.fromEntries(summary.kinds.map(({ name, ms }) => [name, ms]))).toEqual({
    idle: 4,
    'native functions called by JavaScript': 3,
    'JavaScript of Holdfast': 1,
    'JavaScript of the app': 1,
    'garbage collections of the schedule': 1,
  });
  expect(summary.functions).toEqual([
    { name: 'send', ms: 3, share: 0.3 },
    { name: 'deliver', place: 'src/server/core/delivery/delivery.ts:10', ms: 1, share: 0.1 },
    { name: 'onGoal', place: '/srv/app.ts:10', ms: 1, share: 0.1 },
    { name: 'gc', ms: 1, share: 0.1 },
  ]);
  expect(summary.files).toEqual([
    { name: 'src/server/core/delivery/delivery.ts', ms: 1, share: 0.1 },
    { name: '/srv/app.ts', ms: 1, share: 0.1 },
  ]);
});

test('functions whose names are made to collide take no longer than others', () => {
  const nameOf = COLLIDING_FAMILIES['33 characters, by what is mixed before'];
  const timeOf = (functionName: (i: number) => string): number => {
    const nodes = Array.from({ length: 20_000 }, (_, i) => nodeOf(i + 1, functionName(i)));
    const profile = profileOf([], 1, 1);
    const samples = nodes.map(({ id }) => id);
    const whole = { ...profile.profile, nodes, samples, timeDeltas: samples.map(() => 1) };
    const since = cpuMs();
    expect(summarize(profile, whole).functions).not.toBeEmpty();
    return cpuMs() - since;
  };
  timeOf((i) => `${'b'.repeat(27)}${i.toString(36)}`);
  const usualMs = timeOf((i) => `${'a'.repeat(27)}${i.toString(36)}`);
  expect(timeOf(nameOf as (i: number) => string)).toBeLessThan(8 * usualMs + 50);
});
