import { describe, expect, test } from 'bun:test';
import type { AgentOrder } from './contract.ts';
import { Turnover } from './turnover.ts';

const OPEN = 600;
const TICK_MS = 20;

const ORDER: AgentOrder = {
  run: 'r',
  connections: OPEN,
  rate: 1_000,
  targets: ['ws://127.0.0.1:8500/'],
  sources: [],
  mix: [{ protocol: 'socket-io', weight: 1 }],
  firstNumber: 0,
  churnPerMinute: 0,
  storms: 0,
  coalesceMs: 0,
  clockOffsetMs: 0,
};

describe('turnover', () => {
  test('without churn, jitter and echo nothing is due', () => {
    const total = runFor(60, ORDER);
    expect(total).toEqual({ leave: 0, cut: 0, echoes: 0, mostAway: 0, awayAtEnd: 0 });
  });

  test.each([1, 60, 5_000])('%d sessions leave in a minute', (churnPerMinute) => {
    const { leave, cut } = runFor(60, { ...ORDER, churnPerMinute });
    expect(Math.abs(leave - churnPerMinute)).toBeLessThanOrEqual(1 + churnPerMinute / 100);
    expect(cut).toBe(0);
  });

  test.each([0.5, 10, 3_000])('%d echoes are due in a second', (perSecond) => {
    const echo = { perSecond, event: 'e', payloadBytes: 1 };
    const { echoes } = runFor(20, { ...ORDER, echo });
    expect(Math.abs(echoes - 20 * perSecond)).toBeLessThanOrEqual(1 + perSecond / 10);
  });

  test('jitter cuts each session once in its time, and has them away for theirs', () => {
    const jitter = { everyMs: 3_000, awayMs: 500 };
    const { cut, mostAway } = runFor(30, { ...ORDER, jitter });
    expect(Math.abs(cut - 10 * OPEN)).toBeLessThan(OPEN / 10);
    const expectedAway = (OPEN * jitter.awayMs) / jitter.everyMs;
    expect(Math.abs(mostAway - expectedAway)).toBeLessThan(expectedAway / 5);
  });

  test('those who are away come back after jitter has been switched off', () => {
    const turnover = new Turnover();
    const startMs = performance.now();
    const order = { ...ORDER, jitter: { everyMs: 1_000, awayMs: 400 } };
    let away = 0;
    let nowMs = startMs;
    for (; nowMs < startMs + 1_000; nowMs += TICK_MS) away = turnover.due(order, OPEN, nowMs).away;
    expect(away).toBeGreaterThan(0);
    for (const until = nowMs + 440; nowMs < until; nowMs += TICK_MS) {
      const due = turnover.due(ORDER, OPEN, nowMs);
      expect(due.cut).toBe(0);
      away = due.away;
    }
    expect(away).toBe(0);
  });

  test('never more than there are', () => {
    const turnover = new Turnover();
    const jitter = { everyMs: 1, awayMs: 10 };
    const order = { ...ORDER, churnPerMinute: 1e9, jitter };
    for (let i = 1; i < 100; i++) {
      const { leave, cut } = turnover.due(order, 3, performance.now() + i * TICK_MS);
      expect(leave + cut).toBeLessThanOrEqual(3);
    }
  });
});

function runFor(seconds: number, order: AgentOrder) {
  const turnover = new Turnover();
  const startMs = performance.now();
  const total = { leave: 0, cut: 0, echoes: 0, mostAway: 0, awayAtEnd: 0 };
  for (let nowMs = startMs; nowMs <= startMs + seconds * 1_000; nowMs += TICK_MS) {
    const { leave, cut, away } = turnover.due(order, OPEN, nowMs);
    total.leave += leave;
    total.cut += cut;
    total.echoes += turnover.echoes(order, nowMs);
    total.mostAway = Math.max(total.mostAway, away);
    total.awayAtEnd = away;
  }
  return total;
}
