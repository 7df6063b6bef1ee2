import { beforeEach, expect, test } from 'bun:test';
import { FakeCore } from '../../../../test/support/fake-core.ts';
import { Expiries } from './expiries.ts';
import type { NamespaceSession } from './namespace-session.ts';

const START_MS = 1_000_000;
let core: FakeCore;
let expiries: Expiries;
let count = 0;

beforeEach(() => {
  core = new FakeCore(50);
  expiries = new Expiries(START_MS);
});

const enter = (): NamespaceSession => core.enter(`s${count++}`).session;
const idsOf = (...sessions: readonly (NamespaceSession | undefined)[]): string[] =>
  sessions.map((session) => session?.id ?? '').sort();
const due = (nowMs: number, most = 100): string[] =>
  idsOf(...expiries.takeDue(nowMs, most).map(({ session }) => session));

test('each is due once, in its second, and again when it was put off', () => {
  const [a, b] = [enter(), enter()];
  expiries.set(a, START_MS + 5_000, START_MS + 2_500);
  expiries.set(b, START_MS + 5_000, START_MS + 3_000);
  expect(due(START_MS + 1_999)).toEqual([]);
  expect(due(START_MS + 3_000)).toEqual(idsOf(a, b));
  expect(due(START_MS + 9_000)).toEqual([]);
  expiries.putOff(a, START_MS + 9_500);
  expect(due(START_MS + 9_999)).toEqual([]);
  expect(due(START_MS + 10_000)).toEqual(idsOf(a));
});

test('what is due already is due at the next second', () => {
  const a = enter();
  expiries.set(a, START_MS - 1, START_MS - 1);
  expect(due(START_MS)).toEqual([]);
  expect(due(START_MS + 1_000)).toEqual(idsOf(a));
});

test('those that have ended or were set anew are not given', () => {
  const all = Array.from({ length: 10 }, enter);
  for (const session of all) expiries.set(session, START_MS + 2_000, START_MS + 1_000);
  for (const session of all.filter((_, at) => at % 3 === 0)) expiries.forget(session);
  expiries.set(all[1] as NamespaceSession, START_MS + 9_000, START_MS + 8_000);
  expect(due(START_MS + 1_000)).toEqual(idsOf(all[2], all[4], all[5], all[7], all[8]));
  expect(due(START_MS + 8_000)).toEqual(idsOf(all[1]));
  expect(expiries.size).toBe(6);
});

test('so many at a time, and what happens to the others meanwhile counts', () => {
  const all = Array.from({ length: 5 }, enter);
  for (const session of all) expiries.set(session, START_MS + 2_000, START_MS + 1_000);
  expect(due(START_MS + 1_000, 2)).toEqual(idsOf(all[0], all[1]));
  expiries.forget(all[2] as NamespaceSession);
  expiries.set(all[3] as NamespaceSession, START_MS + 9_000, START_MS + 8_000);
  expect(due(START_MS + 1_000, 3)).toEqual(idsOf(all[4]));
});

test('a clock that jumps gives all, also far ahead', () => {
  const [a, b] = [enter(), enter()];
  expiries.set(a, START_MS + 5_000, START_MS + 5_000);
  expiries.set(b, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  expect(due(START_MS * 1_000_000)).toEqual(idsOf(a));
  expiries.set(a, START_MS, START_MS);
  expect(due(START_MS)).toEqual([]);
  expect(due(START_MS * 1_000_001)).toEqual(idsOf(a));
});

test('a session that ends is forgotten', () => {
  const visitor = core.enter('visitor');
  core.core.expiries.set(visitor.session, Date.now() + 1_000, Date.now() + 1_000);
  expect(core.core.expiries.size).toBe(1);
  core.end(visitor);
  expect(core.core.expiries.size).toBe(0);
});
