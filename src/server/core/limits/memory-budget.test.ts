import { beforeEach, expect, test } from 'bun:test';
import { type Holder, MemoryBudget } from './memory-budget.ts';
import { Refusals } from './refusals.ts';

const SAY = (): void => {};
const LIMIT = 1_000;

let budget: MemoryBudget;
let refusals: Refusals;
let holders: FakeHolder[];
let looks: number;

class FakeHolder implements Holder {
  readonly name: string;
  bytes = 0;

  constructor(name: string) {
    this.name = name;
    holders.push(this);
  }

  take(bytes: number): void {
    this.bytes += bytes;
    budget.take(bytes);
  }

  heldBytes(): number {
    return this.bytes;
  }

  letGo(): void {
    holders.splice(holders.indexOf(this), 1);
    budget.give(this.bytes);
  }
}

beforeEach(() => {
  refusals = new Refusals({ debug: SAY, info: SAY, warn: SAY, error: SAY });
  budget = new MemoryBudget(LIMIT, refusals);
  holders = [];
  looks = 0;
  budget.watch(() => {
    looks++;
    return [...holders];
  });
});

const names = (): string[] => holders.map(({ name }) => name);

test('nobody is looked at while there is room', () => {
  new FakeHolder('a').take(LIMIT);
  expect([looks, budget.heldBytes]).toEqual([0, LIMIT]);
});

test('the largest let go first, until a tenth is free', () => {
  for (let i = 0; i < 50; i++) new FakeHolder('small').take(10);
  new FakeHolder('large').take(200);
  new FakeHolder('larger').take(300);
  new FakeHolder('last').take(1);
  expect(names().filter((name) => name !== 'small')).toEqual(['large', 'last']);
  expect(budget.heldBytes).toBe(701);
  expect(refusals.totals()).toEqual({ memoryBudget: 1 });
});

test('one that takes more and more at once is stopped in the middle of it', () => {
  const hog = new FakeHolder('hog');
  new FakeHolder('other').take(100);
  for (let i = 0; i < 100 && names().includes('hog'); i++) hog.take(100);
  expect(hog.bytes).toBe(1_000);
  expect(names()).toEqual(['other']);
});

test('what nobody can let go of is not looked for again at every taking', () => {
  budget.take(LIMIT);
  for (let i = 0; i < 1_000; i++) budget.take(1);
  expect(looks).toBeLessThan(20);
  budget.give(2 * LIMIT);
  new FakeHolder('a').take(LIMIT + 1);
  expect(names()).toEqual([]);
});

test('a holder that fails to let go does not end the budget', () => {
  const faulty = new FakeHolder('faulty');
  faulty.letGo = () => {
    throw new Error('its socket is gone');
  };
  faulty.take(LIMIT);
  const other = new FakeHolder('other');
  expect(() => other.take(1)).toThrow('its socket is gone');
  budget.give(LIMIT);
  holders.shift();
  new FakeHolder('late').take(LIMIT + 100);
  expect(names()).not.toContain('late');
});
