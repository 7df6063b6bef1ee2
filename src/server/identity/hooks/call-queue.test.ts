import { describe, expect, test } from 'bun:test';
import { LIMITS } from '../../core/limits/limits.ts';
import { CallQueue, type Waiting } from './call-queue.ts';

interface Call extends Waiting {
  readonly name: string;
}

type Kind = 'a' | 'b';

function queue(waitMs = 1_000): CallQueue<Kind, Call> {
  return new CallQueue<Kind, Call>(['a', 'b'], () => waitMs);
}

function call(name: string, lane: object = {}, bytes = 1): Call {
  return { name, lane, bytes, deadlineMs: Number.POSITIVE_INFINITY };
}

function takeAll(from: CallQueue<Kind, Call>): readonly string[] {
  const names: string[] = [];
  for (let next = from.take(); next !== undefined; next = from.take()) {
    names.push(next[1].name);
    from.done(...next);
  }
  return names;
}

test('kinds take turns', () => {
  const calls = queue();
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2']) calls.add(name[0] as Kind, call(name));
  expect(takeAll(calls)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  expect(calls.size).toBe(0);
});

test('lanes take turns, and keep their order', () => {
  const [calls, one, two] = [queue(), {}, {}];
  for (const name of ['1', '2', '3']) calls.add('a', call(name, one));
  for (const name of ['x', 'y']) calls.add('a', call(name, two));
  expect(takeAll(calls)).toEqual(['1', 'x', '2', 'y', '3']);
});

test('a lane has one call under way', () => {
  const [calls, lane] = [queue(), {}];
  calls.add('a', call('1', lane));
  calls.add('a', call('2', lane));
  const first = calls.take();
  expect(calls.take()).toBeUndefined();
  calls.done(...(first as [Kind, Call]));
  calls.add('a', call('3', lane));
  expect(takeAll(calls)).toEqual(['2', '3']);
});

describe('bounds', () => {
  test('of a kind leave the others their room', () => {
    const calls = queue();
    for (let i = 0; i < LIMITS.hookCallsWaiting; i++) expect(calls.add('a', call(''))).toBe(true);
    expect(calls.add('a', call(''))).toBe(false);
    expect(calls.add('b', call(''))).toBe(true);
    expect(calls.add('b', call('', {}, LIMITS.hookBytesWaiting))).toBe(false);
  });

  test('of a lane leave room to who has nothing in it', () => {
    const [calls, greedy] = [queue(), {}];
    let taken = 0;
    while (calls.add('a', call('', greedy))) taken++;
    expect(taken).toBeGreaterThan(LIMITS.hookCallsWaiting / 10);
    expect(taken).toBeLessThan(LIMITS.hookCallsWaiting / 8);
    let bytes = 0;
    while (calls.add('b', call('', greedy, 1_000))) bytes += 1_000;
    expect(bytes).toBeLessThan(LIMITS.hookBytesWaiting / 8);
    expect(calls.add('b', call('', {}, LIMITS.hookBytesWaiting / 2))).toBe(true);
  });
});

test('time runs for the first of a lane alone', async () => {
  const [calls, lane] = [queue(20), {}];
  calls.add('a', call('1', lane));
  calls.add('a', call('2', lane));
  expect(calls.removeLate('a', calls.firstDeadlineMs - 1)).toEqual([]);
  const late = calls.removeLate('a', calls.firstDeadlineMs);
  expect(late.map(({ name }) => name)).toEqual(['1']);
  expect(calls.firstDeadlineMs).toBeGreaterThan(performance.now());
  expect(calls.removeAll('a').map(({ name }) => name)).toEqual(['2']);
  expect(calls.firstDeadlineMs).toBe(Number.POSITIVE_INFINITY);
  expect(calls.size).toBe(0);
});
