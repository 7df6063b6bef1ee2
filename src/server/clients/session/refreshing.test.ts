import { beforeEach, describe, expect, test } from 'bun:test';
import { FakeCore } from '../../../../test/support/fake-core.ts';
import type { Identity, IdentityVerdict, OpenHandshake } from '../../core/contracts/identity.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Expiries } from '../../core/sessions/expiries.ts';
import { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { Refreshing } from './refreshing.ts';
import type { TakeAuth } from './session-extras.ts';

const REFRESH_MS = 30_000;
const MINUTE_MS = 60_000;

/** As much of a client as refreshing uses. */
class AskedClient {
  readonly transport = 'websocket';
  readonly sinceMs = 0;
  readonly asked: number[] = [];
  ended = 0;
  take: TakeAuth = () => {};

  deliver(): void {}
  endSession(): void {}
  close(): void {}

  clientMoved(): void {}

  askToRefresh(_session: NamespaceSession, withinMs: number, take: TakeAuth): void {
    this.asked.push(withinMs);
    this.take = take;
  }

  expire(session: NamespaceSession): void {
    this.ended++;
    session.home.remove(session, 'session expired');
  }
}

let core: FakeCore;
let startMs: number;
let nowMs: number;
let expiries: Expiries;
let refreshing: Refreshing;
let verdict: (handshake: OpenHandshake) => Promise<IdentityVerdict>;
let count = 0;

beforeEach(() => {
  core = new FakeCore(50);
  startMs = Math.floor(Date.now() / 1_000) * 1_000;
  nowMs = startMs;
  expiries = core.core.expiries;
  verdict = async () => ({ kind: 'refused', reason: 'tokenForged', message: '' });
  const identity: Identity = {
    identify: async () => ({ kind: 'admitted', admission: {} }),
    refresh: (handshake) => verdict(handshake),
  };
  const { namespaces } = core.core;
  const { refusals } = core;
  refreshing = new Refreshing(
    { namespaces, identity, expiries, refusals },
    { refreshMs: REFRESH_MS, now: () => nowMs },
  );
});

function enter(expiresAtMs: number): { client: AskedClient; session: NamespaceSession } {
  const client = new AskedClient();
  const session = new NamespaceSession(`s${count++}`, 'ada', undefined, client, core.home);
  core.home.add(session, []);
  refreshing.begin(session, expiresAtMs);
  return { client, session };
}

/** Lets the time go on, a tick a second. */
async function goOn(ms: number): Promise<void> {
  for (const until = nowMs + ms; nowMs < until; ) {
    nowMs = Math.min(until, nowMs + 1_000);
    refreshing.sweep();
    await Bun.sleep(0);
  }
}

test('a session is asked once in good time, and ended in time', async () => {
  const { client } = enter(startMs + 10 * MINUTE_MS);
  await goOn(9 * MINUTE_MS);
  expect(client.asked).toEqual([]);
  await goOn(MINUTE_MS - 1_000);
  expect(client.asked).toEqual([expect.any(Number)]);
  expect(client.asked[0]).toBeWithin(REFRESH_MS / 2, REFRESH_MS + 1_000);
  expect(client.ended).toBe(0);
  await goOn(2_000);
  expect(client.ended).toBe(1);
});

test('one with little time is asked when half of it is left', async () => {
  const { client } = enter(startMs + 10_000);
  await goOn(4_000);
  expect(client.asked).toEqual([]);
  await goOn(3_000);
  expect(client.asked).toHaveLength(1);
});

test('one that comes in too late is ended without a question', async () => {
  const { client } = enter(startMs - 1);
  await goOn(1_000);
  expect([client.asked, client.ended]).toEqual([[], 1]);
});

test('of very many that run out together so many are ended in a tick', async () => {
  const all = Array.from({ length: LIMITS.refreshesPerTick + 10 }, () => enter(startMs));
  const ended = (): number => all.filter(({ client }) => client.ended > 0).length;
  await goOn(1_000);
  expect(ended()).toBe(LIMITS.refreshesPerTick);
  await goOn(1_000);
  expect(ended()).toBe(all.length);
  expect(all.every(({ client }) => client.ended === 1)).toBe(true);
});

describe('what it brings', () => {
  const begun = async (): Promise<ReturnType<typeof enter>> => {
    const one = enter(startMs + 10_000);
    await goOn(8_000);
    expect(one.client.asked).toHaveLength(1);
    return one;
  };

  test('is judged with its user, and nothing of its first request', async () => {
    const { client } = await begun();
    const seen: OpenHandshake[] = [];
    verdict = async (handshake) => {
      seen.push(handshake);
      return { kind: 'admitted', admission: { user: 'ada' }, expiresAtMs: nowMs + MINUTE_MS };
    };
    client.take({ token: 'new' });
    client.take({ token: 'and another' });
    await goOn(10_000);
    expect(seen).toMatchObject([
      { auth: { token: 'new' }, user: 'ada', headers: {}, address: '', namespace: '/' },
    ]);
    expect([client.asked.length, client.ended, expiries.size]).toEqual([1, 0, 1]);
    await goOn(MINUTE_MS);
    expect([client.asked.length, client.ended, expiries.size]).toEqual([2, 1, 0]);
  });

  test('may be good for ever', async () => {
    const { client, session } = await begun();
    verdict = async () => ({ kind: 'admitted', admission: { user: 'ada' }, grants: ['a'] });
    client.take({});
    await goOn(10 * MINUTE_MS);
    expect([client.ended, expiries.size, core.home.grants.of(session)]).toEqual([0, 0, ['a']]);
  });

  test('is judged too late', async () => {
    const { client } = await begun();
    const late = Promise.withResolvers<IdentityVerdict>();
    verdict = () => late.promise;
    client.take({});
    await goOn(10_000);
    expect(client.ended).toBe(1);
    late.resolve({ kind: 'admitted', admission: { user: 'ada' }, expiresAtMs: nowMs + MINUTE_MS });
    await goOn(2 * MINUTE_MS);
    expect([client.ended, expiries.size]).toEqual([1, 0]);
  });

  test('cannot be judged', async () => {
    const { client } = await begun();
    verdict = () => Promise.reject(new Error('the source is broken'));
    client.take({});
    await goOn(1_000);
    expect(client.ended).toBe(1);
    expect(core.counters.handlerErrors).toBe(1);
  });

  test('comes when nobody has asked, or it has ended', async () => {
    const { session } = enter(startMs + 10 * MINUTE_MS);
    expect(refreshing.take(session, {})).toBe(false);
    const { client, session: other } = await begun();
    core.home.remove(other, 'transport close');
    client.take({});
    expect(refreshing.take(other, {})).toBe(false);
    await goOn(10_000);
    expect(client.ended).toBe(0);
  });
});
