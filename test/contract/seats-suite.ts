/** What whatever counts the sessions of users does, told as tests, for who makes one. */

import { afterEach, describe, expect, test } from 'bun:test';
import type { Seated, UserSeats } from '../../src/server/core/contracts/user-seats.ts';
import { rapidhashNames } from '../support/hostile-names.ts';

export interface SeatsAtWork {
  readonly seats: UserSeats;
  readonly close: () => void;
}

export function seatsSuite(
  name: string,
  make: (most: number, endsOldest: boolean) => SeatsAtWork | Promise<SeatsAtWork>,
): void {
  describe(name, () => {
    let open: SeatsAtWork | undefined;

    async function begin(most: number, endsOldest = false): Promise<UserSeats> {
      open = await make(most, endsOldest);
      return open.seats;
    }

    afterEach(() => open?.close());

    test('so many come in over all workers, and no more until one leaves', async () => {
      const seats = await begin(2);
      expect(await granted(seats, 0, 'a')).toBe(true);
      expect(await granted(seats, 1, 'b')).toBe(true);
      expect(await granted(seats, 2, 'c')).toBe(false);
      expect(await granted(seats, 0, 'other', 'bob')).toBe(true);
      expect(await granted(seats, 0, 'd', 'ada', '/chat')).toBe(true);
      seats.release(1, seated('b'));
      await grantedSoon(seats, 2, 'c');
      expect(await granted(seats, 2, 'e')).toBe(false);
    });

    test('of many at the same moment as many come in as may', async () => {
      const seats = await begin(3);
      const ids = Array.from({ length: 50 }, (_, at) => `s${at}`);
      const answers = await Promise.all(ids.map((id, at) => granted(seats, at % 4, id)));
      expect(answers.filter(Boolean)).toHaveLength(3);
    });

    test('the oldest ends where the config says so, wherever it is', async () => {
      const seats = await begin(2, true);
      await granted(seats, 0, 'a');
      await granted(seats, 1, 'b');
      expect(await seats.take(2, seated('c'))).toEqual({
        isGranted: true,
        lost: [{ worker: 0, namespace: '/', id: 'a' }],
      });
      // Its end is heard of later, and takes nothing of the others.
      seats.release(0, seated('a'));
      expect((await seats.take(0, seated('d'))).lost.map(({ id }) => id)).toEqual(['b']);
      expect((await seats.take(0, seated('e'))).lost.map(({ id }) => id)).toEqual(['c']);
    });

    test('who comes again by the same id counts once, whichever end is heard first', async () => {
      const seats = await begin(1);
      expect(await granted(seats, 0, 'a')).toBe(true);
      // Recovered on another worker, before the first has seen that the client is gone.
      expect(await granted(seats, 1, 'a')).toBe(true);
      seats.release(0, seated('a'));
      expect(await granted(seats, 0, 'b')).toBe(false);
      // And on the same.
      expect(await granted(seats, 1, 'a')).toBe(true);
      seats.release(1, seated('a'));
      expect(await granted(seats, 0, 'b')).toBe(false);
      seats.release(1, seated('a'));
      await grantedSoon(seats, 0, 'b');
    });

    test('a worker that dies frees its seats and no others', async () => {
      const seats = await begin(2);
      await granted(seats, 0, 'a');
      await granted(seats, 1, 'b');
      seats.forgetWorker(0);
      seats.forgetWorker(7);
      expect(await granted(seats, 1, 'c')).toBe(true);
      expect(await granted(seats, 1, 'd')).toBe(false);
      // What the dead one still had to say.
      seats.release(0, seated('b'));
      expect(await granted(seats, 1, 'd')).toBe(false);
    });

    test('what nobody took is given back without harm', async () => {
      const seats = await begin(1);
      seats.release(0, seated('a'));
      await granted(seats, 0, 'a');
      seats.release(0, seated('b'));
      seats.release(1, seated('a'));
      seats.release(0, seated('a', 'bob'));
      expect(await granted(seats, 0, 'c')).toBe(false);
      seats.release(0, seated('a'));
      seats.release(0, seated('a'));
      expect(await granted(seats, 0, 'c')).toBe(true);
      expect(await granted(seats, 0, 'd')).toBe(false);
    });

    test('users are kept apart, whatever their names', async () => {
      const seats = await begin(1);
      const users = [...rapidhashNames(500), 'a/b', '%', '日本', ' ', '__proto__'];
      for (const user of users) expect(await granted(seats, 0, 'a', user)).toBe(true);
      for (const user of users) expect(await granted(seats, 0, 'b', user)).toBe(false);
    });
  });
}

function seated(id: string, user = 'ada', namespace = '/'): Seated {
  return { namespace, user, id };
}

/** What was given back on another node comes by a connection of its own. */
async function grantedSoon(...of: Parameters<typeof granted>): Promise<void> {
  while (!(await granted(...of))) await Bun.sleep(1);
}

async function granted(
  seats: UserSeats,
  worker: number,
  id: string,
  user = 'ada',
  namespace = '/',
): Promise<boolean> {
  return (await seats.take(worker, seated(id, user, namespace))).isGranted;
}
