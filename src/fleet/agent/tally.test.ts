import { expect, test } from 'bun:test';
import { BROADCASTS_KEPT } from './contract.ts';
import { NAMES_MAX, Tally } from './tally.ts';

test('failures and losses are counted by name, apart', () => {
  const tally = new Tally();
  for (const name of ['ECONNREFUSED', 'HTTP 503', 'ECONNREFUSED']) tally.failed(name);
  tally.lost('ECONNREFUSED');
  const { failures, losses } = tally.counters();
  expect(failures).toEqual({ ECONNREFUSED: 2, 'HTTP 503': 1 });
  expect(losses).toEqual({ ECONNREFUSED: 1 });
});

test('a name that objects have by themselves counts like any other', () => {
  const tally = new Tally();
  tally.failed('constructor');
  tally.failed('__proto__');
  expect(JSON.parse(JSON.stringify(tally.counters().failures))).toEqual(
    JSON.parse('{"constructor":1,"__proto__":1}'),
  );
});

test('the broadcasts heard last are kept, oldest first', () => {
  const tally = new Tally();
  const last = BROADCASTS_KEPT + 10;
  for (let sequence = 1; sequence <= last; sequence++) {
    tally.received(sequence);
    tally.received(sequence);
  }
  const kept = tally.broadcasts();
  expect(kept).toHaveLength(BROADCASTS_KEPT);
  expect(kept[0]).toEqual({ sequence: 11, received: 2 });
  expect(kept.at(-1)).toEqual({ sequence: last, received: 2 });
});

test('a broadcast dropped from the list does not come back with a part of its count', () => {
  const tally = new Tally();
  const last = BROADCASTS_KEPT + 1;
  for (let sequence = 1; sequence <= last; sequence++) tally.received(sequence);
  // One slow session gets the first one now.
  tally.received(1);
  const kept = tally.broadcasts();
  expect(kept).toHaveLength(BROADCASTS_KEPT);
  expect(kept.map(({ sequence }) => sequence)).not.toContain(1);
  expect(kept[0]).toEqual({ sequence: 2, received: 1 });
});

test('they stand in the order of their numbers, whichever session heard first', () => {
  const tally = new Tally();
  for (const sequence of [2, 1, 3, 1, 2, 3]) tally.received(sequence);
  expect(tally.broadcasts()).toEqual([
    { sequence: 1, received: 2 },
    { sequence: 2, received: 2 },
    { sequence: 3, received: 2 },
  ]);
});

test('a sample is a copy: later counts do not change it', () => {
  const tally = new Tally();
  tally.failed('a');
  tally.received(1);
  const before = [tally.counters(), tally.broadcasts(), tally.latencies()];
  const copy = JSON.stringify(before);
  tally.failed('a');
  tally.received(1);
  tally.attempts++;
  tally.connectLatency.record(5);
  expect(JSON.stringify(before)).toBe(copy);
});

test('a server that invents names gets one for all from the hundredth on', () => {
  const tally = new Tally();
  for (let code = 0; code < 5_000; code++) tally.lost(`closed ${code}`);
  tally.lost('closed 7');
  const { losses } = tally.counters();
  expect(Object.keys(losses)).toHaveLength(NAMES_MAX + 1);
  expect(losses).toMatchObject({ 'closed 7': 2, 'other names': 5_000 - NAMES_MAX });
});
