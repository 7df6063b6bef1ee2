import { expect, test } from 'bun:test';
import type { NamespaceSession } from './namespace-session.ts';
import { UserIndex } from './user-index.ts';

/** The index looks at nothing but the user. */
function sessionOf(user: string): NamespaceSession {
  return { user } as NamespaceSession;
}

const seed = Math.floor(Math.random() * 2 ** 31);

test(`agrees with a Map through a random life of 20,000 steps, seed ${seed}`, () => {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
  const index = new UserIndex();
  const model = new Map<string, NamespaceSession[]>();
  for (let step = 0; step < 20_000; step++) {
    // Users come in waves, so that the table grows and shrinks.
    const isGrowing = Math.floor(step / 4_000) % 2 === 0;
    const user = `user-${random(1_500)}`;
    const present = model.get(user) ?? [];
    if (random(10) < (isGrowing ? 7 : 2)) {
      const session = sessionOf(user);
      expect(index.add(user, session)).toBe(present.length === 0);
      model.set(user, [...present, session]);
    } else if (present.length > 0) {
      const session = present[random(present.length)] as NamespaceSession;
      const rest = present.filter((other) => other !== session);
      expect(index.remove(user, session)).toBe(rest.length === 0);
      if (rest.length === 0) model.delete(user);
      else model.set(user, rest);
    }
    if (step % 100 === 0) {
      for (let number = 0; number < 1_500; number += 7) {
        const name = `user-${number}`;
        expect(new Set(index.get(name))).toEqual(new Set(model.get(name) ?? []));
      }
    }
    expect(index.size).toBe(model.size);
  }
});

test('knows nothing of users and sessions that are not there', () => {
  const index = new UserIndex();
  index.add('ada', sessionOf('ada'));
  expect(index.get('bob')).toEqual([]);
  expect(index.remove('bob', sessionOf('bob'))).toBe(false);
  expect(index.remove('ada', sessionOf('ada'))).toBe(false);
  expect(index.get('ada')).toHaveLength(1);
});

test('of those who share a user the others keep their order when some leave', () => {
  const index = new UserIndex();
  const sessions = Array.from({ length: 1_000 }, () => sessionOf('guest'));
  for (const session of sessions) index.add('guest', session);
  const shuffled = sessions.toSorted(() => Math.random() - 0.5);
  for (const session of shuffled.slice(300)) expect(index.remove('guest', session)).toBe(false);
  const left = new Set(shuffled.slice(0, 300));
  expect(index.get('guest')).toEqual(sessions.filter((session) => left.has(session)));
});
