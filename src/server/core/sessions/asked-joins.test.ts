import { describe, expect, test } from 'bun:test';
import { FakeCore, MAX_ROOMS, type Visitor } from '../../../../test/support/fake-core.ts';
import { NotNow } from '../app/client-error.ts';
import type { Hooks } from '../contracts/hooks.ts';
import { LIMITS } from '../limits/limits.ts';
import { FORBIDDEN_ROOM, type JoinFault } from './asked-joins.ts';

const ACK_TIMEOUT_MS = 100;

/** A hook whose answers the test gives. */
class AskedHook implements Hooks {
  readonly asked: (readonly string[])[] = [];
  readonly #answers: ((allow: boolean) => void)[] = [];

  readonly mayJoin = (_session: unknown, rooms: readonly string[]): Promise<boolean> => {
    this.asked.push(rooms);
    return new Promise((answer) => void this.#answers.push(answer));
  };

  /** Answers the one that has waited for longest. */
  answer(allow: boolean): void {
    this.#answers.shift()?.(allow);
  }
}

function joining(): {
  hook: AskedHook;
  fake: FakeCore;
  visitor: Visitor;
  readonly join: (room: string) => JoinFault | Promise<JoinFault>;
} {
  const hook = new AskedHook();
  const mayJoin = (_session: unknown, room: string): boolean => room !== 'locked';
  const fake = new FakeCore(ACK_TIMEOUT_MS, { mayJoin }, hook);
  const visitor = fake.enter('s1');
  return { hook, fake, visitor, join: (room) => fake.home.askedJoins.join(visitor.session, room) };
}

test('without a hook a join is answered at once', () => {
  const fake = new FakeCore(ACK_TIMEOUT_MS, { mayJoin: (_session, room) => room !== 'locked' });
  const { session } = fake.enter('s1');
  expect(fake.home.askedJoins.join(session, 'a')).toBeUndefined();
  expect(fake.home.askedJoins.join(session, 'locked')).toBe(FORBIDDEN_ROOM);
  expect(session.rooms).toEqual(['a']);
});

describe('with one', () => {
  test('it is asked last, and decides', async () => {
    const { hook, visitor, join } = joining();
    expect(join('locked')).toBe(FORBIDDEN_ROOM);
    const [yes, no] = [join('a'), join('b')];
    expect(visitor.session.rooms).toEqual([]);
    hook.answer(true);
    hook.answer(false);
    expect([await yes, await no]).toEqual([undefined, FORBIDDEN_ROOM]);
    expect(visitor.session.rooms).toEqual(['a']);
    expect(hook.asked).toEqual([['a'], ['b']]);
  });

  test('what it cannot tell now is told so', async () => {
    const fake = new FakeCore(ACK_TIMEOUT_MS, {}, { mayJoin: () => Promise.reject(new NotNow()) });
    const { session } = fake.enter('s1');
    expect(await fake.home.askedJoins.join(session, 'a')).toBe('this cannot be answered now');
    expect(session.rooms).toEqual([]);
  });

  test('it is not asked about the room of the session itself', () => {
    const { hook, fake, visitor } = joining();
    expect(fake.home.permits(visitor.session, ['s1'])).toBe(true);
    expect(fake.home.permits(visitor.session, [])).toBe(true);
    expect(hook.asked).toEqual([]);
  });

  test('a leave meanwhile wins', async () => {
    const { hook, fake, visitor, join } = joining();
    const first = join('a');
    fake.home.leave(visitor.session, ['a', 'b']);
    const second = join('a');
    hook.answer(true);
    expect(await first).toContain('left');
    expect(visitor.session.rooms).toEqual([]);
    hook.answer(true);
    expect(await second).toBeUndefined();
    expect(visitor.session.rooms).toEqual(['a']);
  });

  test('a session that has ended joins nothing', async () => {
    const { hook, fake, visitor, join } = joining();
    const fault = join('a');
    fake.end(visitor);
    hook.answer(true);
    expect(await fault).toContain('left');
    expect(fake.home.rooms.size).toBe(0);
  });

  test('one room is asked about once', async () => {
    const { hook, join } = joining();
    const [first, second] = [join('a'), join('a')];
    hook.answer(true);
    expect([await first, await second]).toEqual([undefined, undefined]);
    expect(hook.asked).toHaveLength(1);
  });

  test('so many wait at a time, those that were left included', async () => {
    const { hook, fake, visitor, join } = joining();
    for (let i = 0; i < LIMITS.joinsAskedPerSession; i++) {
      void join('a');
      fake.home.leave(visitor.session, ['a']);
    }
    expect(join('b')).toContain('too many');
    hook.answer(true);
    await Bun.sleep(0);
    expect(join('b')).toBeInstanceOf(Promise);
  });

  test('the bound on rooms holds when it has answered', async () => {
    const { hook, fake, join } = joining();
    const fault = join('one more');
    const session = [...fake.home.everyone.members][0];
    session?.join(Array.from({ length: MAX_ROOMS }, (_, at) => `r${at}`));
    hook.answer(true);
    expect(await fault).toContain('maxRoomsPerSession');
  });
});
