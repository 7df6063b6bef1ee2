import { expect, test } from 'bun:test';
import { ClientRates } from './client-rates.ts';

const TICK_MS = 500;
const SETTINGS = {
  maxMessagesPerSecond: 100,
  maxBytesPerSecond: 10_000,
  maxConnectsPerSecond: 2,
  maxAcksPerSecond: 1_000,
};

const create = (settings: Partial<typeof SETTINGS> = {}): ClientRates =>
  new ClientRates({ ...SETTINGS, ...settings }, TICK_MS);

/** How many packets of one client pass at a time before it has to wait. */
function passing(rates: ClientRates, kind: 'messages' | 'connects' | 'acks', nowMs: number) {
  let count = 0;
  while (count < 100_000 && rates.waitMs(rates, kind, 0, nowMs) === 0) count++;
  return count;
}

test('a client may send at once what it may in a second, then each when it is due', () => {
  const rates = create();
  expect(passing(rates, 'messages', 0)).toBe(101);
  expect(rates.waitMs(rates, 'messages', 0, 0)).toBeCloseTo(10);
  expect(passing(rates, 'messages', 10)).toBe(1);
  expect(passing(rates, 'messages', 510)).toBe(50);
  expect(passing(rates, 'messages', 60_000)).toBe(101);
});

test('messages, acks and CONNECTs are counted apart, bytes of all together', () => {
  const rates = create();
  expect(passing(rates, 'messages', 0)).toBe(101);
  expect(passing(rates, 'acks', 0)).toBe(1_001);
  expect(passing(rates, 'connects', 0)).toBe(21);
  expect(rates.reasonFor(rates, 'acks', 0)).toBe('tooManyAcks');
  const other = {};
  expect(rates.waitMs(other, 'messages', 50_000, 0)).toBe(0);
  expect(rates.waitMs(other, 'acks', 0, 0)).toBeCloseTo(4_000);
  expect(rates.reasonFor(other, 'acks', 0)).toBe('tooManyBytes');
});

test('no message is too large to be taken ever', () => {
  const rates = create();
  expect(rates.waitMs(rates, 'messages', 1_000_000_000, 0)).toBe(0);
});

test('those who send little are not measured, and who goes on sending much is', () => {
  const rates = create();
  for (let tick = 0; tick < 10; tick++) {
    for (let place = 0; place < 1_000; place++) {
      for (let sent = 0; sent < 20; sent++) expect(rates.isLittle(place, 10)).toBe(true);
    }
    rates.sweep(tick * TICK_MS);
  }
  let isLittle = true;
  for (let sent = 0; sent < 50; sent++) isLittle = rates.isLittle(7, 10);
  expect([isLittle, rates.metered]).toEqual([false, 0]);
});

test('a few CONNECTs in a tick are enough to be measured', () => {
  const rates = create();
  expect(rates.isLittle(7, 10)).toBe(true);
  rates.noteConnect(7);
  expect([rates.isLittle(7, 10), rates.isLittle(8, 10)]).toEqual([false, true]);
});

test('who has used up nothing is forgotten', () => {
  const rates = create();
  rates.waitMs(rates, 'messages', 1, 0);
  rates.sweep(0);
  expect(rates.metered).toBe(1);
  rates.sweep(TICK_MS);
  expect(rates.metered).toBe(0);
  passing(rates, 'connects', 0);
  rates.sweep(5_000);
  expect(rates.metered).toBe(1);
  rates.sweep(10_500);
  expect(rates.metered).toBe(0);
  rates.waitMs(rates, 'messages', 1, 20_000);
  rates.forget(rates);
  expect(rates.metered).toBe(0);
});

test('0 is no limit', () => {
  const rates = create({
    maxMessagesPerSecond: 0,
    maxBytesPerSecond: 0,
    maxConnectsPerSecond: 0,
    maxAcksPerSecond: 0,
  });
  expect(rates.isLittle(1, 1_000_000_000)).toBe(true);
  for (const kind of ['messages', 'acks', 'connects'] as const) {
    expect(passing(rates, kind, 0)).toBe(100_000);
  }
});
