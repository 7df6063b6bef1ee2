import { expect, test } from 'bun:test';
import type { AgentCounters, AgentSample } from '../agent/contract.ts';
import { Totals } from '../agent-group/totals.ts';
import type { Load } from '../settings/load.ts';
import type { RunParts, RunState } from './run-state.ts';
import { Settling } from './settle.ts';

const IDLE: Partial<Load> = { churnPercent: 0, stormSeconds: 0 };

function setUp(load: Partial<Load> = IDLE) {
  const agents = [newAgent(), newAgent()] as const;
  const totals = new Totals(agents.length);
  const broadcaster = { isAnyUnderWay: false };
  const group = { links: agents, totals, wantedOfLiving: () => 20 };
  const state = { wanted: { load }, stoppedIn: undefined } as unknown as RunState;
  const parts = { group, broadcaster } as unknown as RunParts;
  const answer = (index: 0 | 1, open: number, counters: Partial<AgentCounters> = {}) => {
    agents[index].sample = sampleOf(open, counters);
    totals.update(index, agents[index].sample, agents[index].lost !== undefined);
  };
  answer(0, 10);
  answer(1, 10);
  return { agents, broadcaster, state, answer, settling: new Settling(state, parts) };
}

function newAgent(): { sample: AgentSample | undefined; lost: string | undefined } {
  return { sample: undefined, lost: undefined };
}

function sampleOf(open: number, counters: Partial<AgentCounters>): AgentSample {
  return {
    open,
    counters: { left: 0, losses: {}, echoesSent: 0, echoesAnswered: 0, ...counters },
    latencies: { connect: [], delivery: [], echo: [] },
  } as unknown as AgentSample;
}

test('each agent must answer an order that was sent since, or be lost', () => {
  const { agents, answer, settling } = setUp();
  answer(0, 10);
  answer(1, 10);
  expect(settling.isOver()).toBe(false);
  answer(0, 10);
  expect(settling.isOver()).toBe(false);
  agents[1].lost = 'it gave no answer for 10 s';
  expect(settling.isOver()).toBe(true);
});

test('echoes without an answer are waited for, save those that sessions took with them', () => {
  const { answer, settling } = setUp();
  const echoes = { echoesSent: 8, echoesAnswered: 5, losses: { closed: 1 } };
  for (const left of [0, 1]) {
    answer(0, 10, { ...echoes, left });
    answer(1, 10);
    expect(settling.isOver()).toBe(false);
  }
  answer(0, 10, { ...echoes, left: 2 });
  expect(settling.isOver()).toBe(true);
});

test.each([
  ['the load keeps away', { ...IDLE, churnPercent: 10 }, false],
  ['are on the move', IDLE, true],
])('sessions that %s are waited for', (_name, load, hasMoved) => {
  const { state, answer, settling } = setUp(load);
  state.hasMoved = hasMoved;
  for (const open of [9, 9, 11]) {
    answer(0, open);
    answer(1, 10);
    expect(settling.isOver()).toBe(false);
  }
  answer(0, 10);
  expect(settling.isOver()).toBe(true);
});

test('a broadcast is waited for, but not by who is told to stop', () => {
  const { state, broadcaster, answer, settling } = setUp();
  broadcaster.isAnyUnderWay = true;
  for (let turn = 0; turn < 3; turn++) {
    answer(0, 10);
    answer(1, 10);
    expect(settling.isOver()).toBe(false);
  }
  state.stoppedIn = 'hold';
  expect(settling.isOver()).toBe(true);
});
