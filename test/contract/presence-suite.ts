/**
 * What every store of presence does, told as tests: `presenceSuite` is called by a test file with
 * what makes one.
 */

import { afterEach, describe, expect, test } from 'bun:test';
import type {
  PresenceChange,
  PresenceStore,
  UserReport,
} from '../../src/server/core/contracts/presence.ts';
import { LIMITS } from '../../src/server/core/limits/limits.ts';
import { rapidhashNames } from '../support/hostile-names.ts';

export const GRACE_MS = 5_000;
export const NAMED_USERS = 20;

/** A store at work, with a time that the test lets pass. */
export interface PresenceAtWork {
  readonly store: PresenceStore;
  /** Lets time pass, and everything happen that is due in it. */
  readonly pass: (milliseconds: number) => Promise<void>;
  close(): void;
}

/** @param tell gets what the store tells rooms */
export type MakePresence = (
  tell: (change: PresenceChange) => Promise<void>,
) => PresenceAtWork | Promise<PresenceAtWork>;

const PAUSE_MS = 1_200;

export function presenceSuite(name: string, make: MakePresence): void {
  describe(name, () => {
    let told: PresenceChange[] = [];
    let fault: Error | undefined;
    let open: PresenceAtWork | undefined;

    async function begin(): Promise<PresenceAtWork> {
      told = [];
      fault = undefined;
      open = await make(async (change) => {
        if (fault !== undefined) throw fault;
        told.push(change);
      });
      return open;
    }

    /** What rooms were told since the last look. */
    function news(): PresenceChange[] {
      const since = told;
      told = [];
      return since.map((change) => sorted(change));
    }

    afterEach(() => open?.close());

    test('five tabs on two workers are one user', async () => {
      const { store, pass } = await begin();
      say(store, 0, 'r', user('ada', 3, ['websocket']));
      say(store, 1, 'r', user('ada', 2, ['polling', 'sse']));
      await pass(PAUSE_MS);
      expect(news()).toEqual([change('r', 1, ['ada'], [])]);
      const { count, anonymous, users } = await store.list('/', 'r', 10);
      expect([count, anonymous, users.length]).toEqual([1, 0, 1]);
      expect(users[0]).toMatchObject({ user: 'ada', sessions: 5 });
      expect(users[0]?.transports.toSorted()).toEqual(['polling', 'sse', 'websocket']);
      expect(users[0]?.sinceMs).toBeGreaterThan(0);
      // One tab after the other: nobody has left until the last one.
      say(store, 0, 'r', user('ada', 0, [], true));
      say(store, 1, 'r', user('ada', 1, ['sse']));
      await pass(PAUSE_MS);
      expect(news()).toEqual([]);
      say(store, 1, 'r', user('ada', 0, [], true));
      await pass(PAUSE_MS);
      expect((await store.list('/', 'r', 10)).count).toBe(0);
      expect(store.figures).toMatchObject({ rooms: 0, users: 0 });
    });

    test('who leaves is gone at once, who is cut off after the grace time', async () => {
      const { store, pass } = await begin();
      say(store, 0, 'r', user('ada'), user('bob'), user('eve'));
      await pass(PAUSE_MS);
      news();
      say(store, 0, 'r', user('ada', 0, [], true), user('bob', 0));
      await pass(PAUSE_MS);
      expect(news()).toEqual([change('r', 2, [], ['ada'])]);
      const bob = (await store.list('/', 'r', 10)).users.find((one) => one.user === 'bob');
      expect(bob).toMatchObject({ sessions: 0, transports: [] });
      await pass(GRACE_MS);
      expect(news()).toEqual([change('r', 1, [], ['bob'])]);
    });

    test('who comes back in time was never away', async () => {
      const { store, pass } = await begin();
      say(store, 0, 'r', user('ada'));
      await pass(PAUSE_MS);
      const [before] = (await store.list('/', 'r', 10)).users;
      news();
      for (let round = 0; round < 3; round++) {
        say(store, round, 'r', user('ada', 0));
        await pass(GRACE_MS / 2);
        say(store, round + 1, 'r', user('ada'));
        await pass(GRACE_MS / 2);
      }
      expect(news()).toEqual([]);
      expect((await store.list('/', 'r', 10)).users[0]?.sinceMs).toBe(before?.sinceMs as number);
    });

    test('comes and goes within one notice: nothing is told', async () => {
      const { store, pass } = await begin();
      say(store, 0, 'r', user('ada'));
      await pass(PAUSE_MS);
      news();
      say(store, 0, 'r', user('bob'));
      say(store, 0, 'r', user('bob', 0, [], true), user('ada', 0, [], true));
      say(store, 0, 'r', user('ada'));
      await pass(PAUSE_MS);
      expect(news()).toEqual([]);
    });

    test('a room is told once a second at the most', async () => {
      const { store, pass } = await begin();
      for (let step = 0; step < 40; step++) {
        say(store, 0, 'r', user(`u${step % 15}`));
        say(store, 0, 'r', user(`u${(step + 7) % 15}`, 0, [], true));
        await pass(100);
      }
      expect(told.length).toBeLessThanOrEqual(5);
      expect(told.length).toBeGreaterThan(2);
    });

    test('what is told leads to what is listed', async () => {
      const { store, pass } = await begin();
      const known = new Set<string>();
      let seed = 7;
      const random = (below: number): number => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
        return (seed >>> 8) % below;
      };
      for (let step = 0; step < 60; step++) {
        const isThere = random(3) > 0;
        const one = user(`u${random(12)}`, isThere ? 1 : 0, [], random(2) === 0);
        say(store, random(3), 'r', one);
        await pass(random(900));
      }
      await pass(GRACE_MS + PAUSE_MS);
      for (const { joined = [], left = [] } of told) {
        for (const name of joined) known.add(name);
        for (const name of left) known.delete(name);
      }
      const { users } = await store.list('/', 'r', 100);
      expect([...known].toSorted()).toEqual(users.map((one) => one.user).toSorted());
    });

    test('said twice, or of nobody, is no harm', async () => {
      const { store, pass } = await begin();
      say(store, 0, 'r', user('ada', 2));
      say(store, 0, 'r', user('ada', 2));
      say(store, 1, 'r', user('ada', 0));
      say(store, 1, 'r', user('nobody', 0, [], true));
      say(store, 1, 'empty', user('nobody', 0, [], true));
      await pass(PAUSE_MS);
      expect(news()).toEqual([change('r', 1, ['ada'], [])]);
      expect((await store.list('/', 'r', 10)).users[0]?.sessions).toBe(2);
      expect((await store.list('/', 'empty', 10)).count).toBe(0);
    });

    test('a worker that died is forgotten, unless its users come back', async () => {
      const { store, pass } = await begin();
      say(store, 0, 'r', user('ada'), user('bob'));
      say(store, 1, 'r', user('bob'), user('eve'));
      store.report(0, [{ namespace: '/', room: 'r', anonymous: 4, users: [] }]);
      await pass(PAUSE_MS);
      news();
      store.forgetWorker(0);
      await pass(PAUSE_MS);
      expect(news()).toEqual([change('r', 3, [], [])]);
      say(store, 2, 'r', user('ada'));
      store.forgetWorker(1);
      await pass(GRACE_MS + PAUSE_MS);
      expect(news()).toEqual([change('r', 1, [], ['bob', 'eve'])]);
    });

    test('sessions without a user are a number', async () => {
      const { store, pass } = await begin();
      store.report(0, [{ namespace: '/', room: 'r', anonymous: 2, users: [user('ada')] }]);
      store.report(1, [{ namespace: '/', room: 'r', anonymous: 3, users: [] }]);
      await pass(PAUSE_MS);
      expect(news()).toEqual([change('r', 6, ['ada'], [])]);
      expect(await store.list('/', 'r', 0)).toEqual({ count: 6, anonymous: 5, users: [] });
      store.report(0, [{ namespace: '/', room: 'r', anonymous: undefined, users: [] }]);
      store.report(1, [{ namespace: '/', room: 'r', anonymous: 0, users: [] }]);
      await pass(PAUSE_MS);
      expect(news()).toEqual([change('r', 3, [], [])]);
    });

    test('a large room is told counts only', async () => {
      const { store, pass } = await begin();
      const crowd = Array.from({ length: NAMED_USERS + 5 }, (_, index) => user(`u${index}`));
      say(store, 0, 'r', ...crowd);
      await pass(PAUSE_MS);
      expect(news()).toEqual([countOnly('r', NAMED_USERS + 5)]);
      say(store, 0, 'r', user('u0', 0, [], true), user('new'));
      await pass(PAUSE_MS);
      expect(news()).toEqual([]);
      say(store, 0, 'r', user('u0'), user('new', 0, [], true));
      await pass(PAUSE_MS);
      news();
      // Through the bound: what was not told by name makes the list of whoever keeps one stale.
      for (let index = 0; index < 10; index++) say(store, 0, 'r', user(`u${index}`, 0, [], true));
      await pass(PAUSE_MS);
      expect(news()).toEqual([countOnly('r', NAMED_USERS - 5)]);
      say(store, 0, 'r', user('u10', 0, [], true));
      await pass(PAUSE_MS);
      expect(news()).toEqual([change('r', NAMED_USERS - 6, [], ['u10'])]);
      expect((await store.list('/', 'r', 5)).users).toHaveLength(5);
    });

    test('a huge room is told less often', async () => {
      const { store, pass } = await begin();
      const anonymous = LIMITS.presenceToldPerSecond * 5;
      for (let step = 0; step < 10; step++) {
        store.report(0, [{ namespace: '/', room: 'r', anonymous: anonymous + step, users: [] }]);
        await pass(1_000);
      }
      expect(news().map(({ count }) => count)).toEqual([anonymous, anonymous + 5]);
    });

    test('a notice that did not arrive is followed by one without names', async () => {
      const { store, pass } = await begin();
      fault = new Error('the bus is full');
      say(store, 0, 'r', user('ada'));
      await pass(PAUSE_MS);
      fault = undefined;
      say(store, 0, 'r', user('bob'));
      await pass(PAUSE_MS);
      expect(news()).toEqual([countOnly('r', 2)]);
    });

    test('names are kept apart: rooms, namespaces, whatever is in them', async () => {
      const { store, pass } = await begin();
      const names = [...rapidhashNames(5), '/', '//', 'a/b', '%2F', '*', '__proto__', '日本', ' '];
      const fitting = names.filter(({ length }) => length > 0 && length <= LIMITS.keyLength);
      for (const name of fitting) say(store, 0, name, user(name));
      store.report(0, [{ namespace: '/chat', room: 'a/b', anonymous: 1, users: [] }]);
      await pass(PAUSE_MS);
      for (const name of new Set(fitting)) {
        const { users } = await store.list('/', name, 10);
        expect(users.map((one) => one.user)).toEqual([name]);
      }
      expect((await store.list('/chat', 'a/b', 10)).users).toEqual([]);
      expect((await store.list('/chat', 'a/b', 10)).count).toBe(1);
    });
  });
}

function user(
  name: string,
  sessions = 1,
  transports: UserReport['transports'] = [],
  hasLeft = false,
): UserReport {
  return { user: name, sessions, transports, hasLeft };
}

function say(store: PresenceStore, worker: number, room: string, ...users: UserReport[]): void {
  store.report(worker, [{ namespace: '/', room, anonymous: undefined, users }]);
}

function change(
  room: string,
  count: number,
  joined: readonly string[],
  left: readonly string[],
): PresenceChange {
  return { namespace: '/', room, count, joined, left };
}

function countOnly(room: string, count: number): PresenceChange {
  return { namespace: '/', room, count };
}

function sorted({ joined, left, ...rest }: PresenceChange): PresenceChange {
  if (joined === undefined || left === undefined) return rest;
  return { ...rest, joined: joined.toSorted(), left: left.toSorted() };
}
