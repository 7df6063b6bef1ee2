import { describe, expect, test } from 'bun:test';
import { parseLoad } from '../settings/load.ts';
import { ordersFor, sharesOf, type Wanted } from './orders.ts';

const LOAD = parseLoad(
  { echoEvent: 'echo', payload: '8', churn: '60', echoRate: '100', jitter: true },
  1_000,
  30,
);

function wantedOf(changes: Partial<Wanted> = {}): Wanted {
  return {
    run: 'r',
    connections: 1_000,
    rate: 100,
    targets: ['ws://host/'],
    sources: [],
    mix: [{ protocol: 'socket-io', weight: 1 }],
    auth: '{}',
    load: LOAD,
    isLoadOn: true,
    storms: 0,
    coalesceMs: 20,
    ...changes,
  };
}

const places = (...capacities: number[]) =>
  capacities.map((capacity) => ({ capacity, clockOffsetMs: 0 }));
const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

describe('shares', () => {
  test.each<[number, number[], number[]]>([
    [10, [100, 100], [5, 5]],
    [11, [100, 100], [5, 6]],
    [10, [2, 100, 100], [2, 4, 4]],
    [10, [100, 2], [8, 2]],
    [0, [100, 100], [0, 0]],
    [300, [100, 100], [100, 100]],
  ])('%d over %p are %p', (total, capacities, shares) => {
    expect(sharesOf(total, capacities)).toEqual(shares);
  });

  test('grow and shrink with the total', () => {
    const capacities = [30, 7, 19, 100, 19];
    for (let total = 0; total < 175; total++) {
      const now = sharesOf(total, capacities);
      const next = sharesOf(total + 1, capacities);
      expect(sum(now)).toBe(total);
      expect(next.every((share, agent) => share >= (now[agent] as number))).toBe(true);
    }
  });
});

describe('orders', () => {
  test('add up to what is wanted', () => {
    const orders = ordersFor(wantedOf(), 1_000, places(600, 600, 600));
    expect(sum(orders.map(({ connections }) => connections))).toBe(1_000);
    expect(sum(orders.map(({ rate }) => rate))).toBeCloseTo(100);
    expect(sum(orders.map(({ churnPerMinute }) => churnPerMinute))).toBeCloseTo(600);
    expect(sum(orders.map(({ echo }) => echo?.perSecond ?? 0))).toBeCloseTo(100);
  });

  test('keep the numbers of sessions apart, whatever the shares', () => {
    const before = ordersFor(wantedOf({ connections: 10 }), 10, places(600, 600));
    const after = ordersFor(wantedOf({ connections: 1_200 }), 1_200, places(600, 600));
    expect(before.map(({ firstNumber }) => firstNumber)).toEqual([1, 601]);
    expect(after.map(({ firstNumber }) => firstNumber)).toEqual([1, 601]);
  });

  test('keep the rate when all are to leave', () => {
    const orders = ordersFor(wantedOf({ connections: 0 }), 1_000, places(600, 600));
    expect(orders.map(({ connections, rate }) => [connections, rate])).toEqual([
      [0, 50],
      [0, 50],
    ]);
  });

  test('an agent without a share has a rate all the same, as agents want one', () => {
    const orders = ordersFor(wantedOf({ connections: 1 }), 1, places(600, 600));
    expect(orders.every(({ rate }) => rate > 0)).toBe(true);
  });

  test('sessions are left in peace while the fleet climbs', () => {
    const [order] = ordersFor(wantedOf({ isLoadOn: false }), 1_000, places(2_000));
    expect(order).toMatchObject({ churnPerMinute: 0 });
    expect(order?.echo).toBeUndefined();
    expect(order?.jitter).toBeUndefined();
  });
});
