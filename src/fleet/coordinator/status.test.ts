/** What the status says of the time left: by what sessions did, second by second. */
import { describe, expect, test } from 'bun:test';
import type { AgentSample } from '../agent/contract.ts';
import type { AgentGroup } from '../agent-group/agent-group.ts';
import type { Wanted } from '../agent-group/orders.ts';
import { Totals } from '../agent-group/totals.ts';
import { type RunParts, RunState } from './run-state.ts';
import { statusOf } from './status.ts';

const HOLD_SECONDS = 30;

function setUp(wanted: Partial<Wanted>) {
  const state = new RunState(
    { connections: 3_000, rate: 300, targets: [], ...wanted } as Wanted,
    HOLD_SECONDS,
    { node: undefined, processes: [] },
  );
  const totals = new Totals(1);
  let living = 1;
  const group = {
    links: [],
    totals,
    wantedOfLiving: ({ connections }: Wanted) => connections * living,
  } as unknown as AgentGroup;
  const parts = { group, log: { usages: [] } } as unknown as RunParts;
  let atMs = 1_000;
  const secondsLeft = (): number | null => statusOf(state, parts).secondsLeft;
  return {
    state,
    secondsLeft,
    lose: (share: number) => (living = 1 - share),
    /** One second after another, with so many open. @returns the time left after each */
    pass: (opens: readonly number[]) =>
      opens.map((open) => {
        totals.update(0, sampleOf(open), false);
        state.headway.add({ atMs, open }, state.wanted.rate);
        atMs += 1_000;
        return secondsLeft();
      }),
  };
}

function sampleOf(open: number): AgentSample {
  return {
    open,
    connecting: 0,
    counters: { established: open, left: 0, failures: {}, losses: {} },
    broadcasts: [],
    latencies: { connect: [], delivery: [], echo: [] },
  } as unknown as AgentSample;
}

describe('the time left of a climb', () => {
  test('is three times as long where a third of the rate is reached', () => {
    const { pass } = setUp({});
    expect(pass([0, 100, 200, 300])).toEqual([null, 29, 28, 27]);
  });

  test('follows a climb that slows down', () => {
    const { pass } = setUp({ connections: 10_000, rate: 1_000 });
    const opens = [0, 1_000, 2_000, 3_000, 4_000, 5_000];
    expect(pass(opens).at(-1)).toBe(5);
    const slow = Array.from({ length: 11 }, (_, second) => 5_000 + second * 100);
    expect(pass(slow).at(-1)).toBe(40);
  });

  test('is not known while nothing comes, and neither 0 nor years', () => {
    const { pass } = setUp({});
    expect(pass([0, 0, 0]).at(-1)).toBeNull();
    pass([500, 1_000]);
    expect(pass(Array.from({ length: 11 }, () => 1_000)).at(-1)).toBeNull();
    // Sessions that are lost bring it no nearer, either.
    expect(pass(Array.from({ length: 11 }, (_, second) => 1_000 - second)).at(-1)).toBeNull();
  });

  test('is not known before a second has passed, nor after the rate was set anew', () => {
    const { state, secondsLeft, pass } = setUp({});
    expect(secondsLeft()).toBeNull();
    expect(pass([0, 300]).at(-1)).toBe(9);
    state.wanted.rate = 100;
    state.headway.begin();
    expect(pass([400]).at(-1)).toBeNull();
    expect(pass([500]).at(-1)).toBe(25);
  });

  test('is never told by more than the rate, which agents do not exceed for long', () => {
    expect(setUp({}).pass([0, 1_500]).at(-1)).toBe(5);
  });

  test('of a slow one is reckoned over several sessions', () => {
    const { pass } = setUp({ connections: 10, rate: 0.1 });
    const one = Array.from({ length: 10 }, () => 1);
    const two = Array.from({ length: 10 }, () => 2);
    expect(pass([0, ...one, ...two]).at(-1)).toBe(80);
  });

  test('leaves out what lost agents would have held', () => {
    const { pass, lose } = setUp({});
    pass([1_000, 1_100]);
    lose(1 / 2);
    expect(pass([1_200]).at(-1)).toBe(3);
  });

  test('is not known once it was given up or stopped, up to the verdict', () => {
    const { state, secondsLeft, pass } = setUp({});
    pass([0, 100]);
    state.isStalled = true;
    expect(secondsLeft()).toBeNull();
    state.isStalled = false;
    state.stoppedIn = 'climb';
    expect(secondsLeft()).toBeNull();
  });
});

test('hold has the time that was asked for, and then takes as long as the server does', () => {
  const { state, secondsLeft } = setUp({});
  state.phase = 'hold';
  // It may hold a part of what was asked for.
  state.isStalled = true;
  state.heldMs = 10_400;
  expect(secondsLeft()).toBe(20);
  state.heldMs = 30_000;
  expect(secondsLeft()).toBeNull();
  state.heldMs = 5_000;
  state.stoppedIn = 'hold';
  expect(secondsLeft()).toBeNull();
});

test('leaving takes as long as sessions take to go', () => {
  const { state, secondsLeft, pass } = setUp({});
  state.phase = 'leave';
  expect(pass([3_000, 2_900, 2_800])).toEqual([null, 29, 28]);
  expect(pass([0]).at(-1)).toBe(0);
  state.phase = 'done';
  expect(secondsLeft()).toBe(0);
});
