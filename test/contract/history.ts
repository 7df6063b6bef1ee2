/** What every history of rooms must do, whatever keeps it. */

import { describe, expect, test } from 'bun:test';
import type { HistorySettings } from '../../src/host/config/rooms.ts';
import type {
  History,
  Missed,
  MissedBounds,
  RoomPlace,
} from '../../src/server/core/contracts/history.ts';
import { BusFrame, readEvent, readRoute } from '../../src/server/links/bus/bus-frame.ts';
import { FrameReader } from '../../src/server/protocol/frame.ts';
import { bodyOf, EVERYONE } from '../support/redis-nodes.ts';

/** A history under test, with a clock and a budget. */
export interface TestedHistory {
  readonly history: History;
  /** Lets time pass, and what goes with time be done. */
  readonly pass: (ms: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export const WIDE: HistorySettings = { messages: 100, seconds: 60 };
const BOUNDS = { messages: 1_000, bytes: 1_000_000 };

/** Has it keep a text in rooms. @returns its offset */
export function say(
  history: History,
  rooms: Readonly<Record<string, HistorySettings>>,
  text: string,
  latestKey?: string,
): Promise<number> {
  const keeping = Object.entries(rooms).map(([key, settings]) => ({ key, settings, latestKey }));
  return new Promise((done) => history.append(keeping, bodyOf(EVERYONE, [text]), done));
}

export function since(
  history: History,
  places: readonly RoomPlace[],
  bounds: MissedBounds = BOUNDS,
): Promise<Missed> {
  return new Promise((done) => history.since(places, bounds, done));
}

export function textsOf({ messages }: Missed): readonly string[] {
  return messages.map(({ body }) => {
    const frame = new FrameReader(BusFrame.event, Buffer.from(body));
    const { json } = readEvent(frame, readRoute(frame).namespace);
    return String((JSON.parse(json) as unknown[])[1]);
  });
}

/** @param create makes one with a budget in bytes */
export function historySuite(
  name: string,
  create: (budgetBytes: number) => Promise<TestedHistory>,
): void {
  describe(`history: ${name}`, () => {
    async function using<T>(
      run: (tested: TestedHistory) => Promise<T>,
      budgetBytes = 10_000_000,
    ): Promise<T> {
      const tested = await create(budgetBytes);
      try {
        return await run(tested);
      } finally {
        await tested.close();
      }
    }

    test('what came after a place, in order, of the rooms asked for', async () => {
      await using(async ({ history }) => {
        const first = await say(history, { a: WIDE }, '1');
        await say(history, { b: WIDE }, '2');
        await say(history, { a: WIDE, b: WIDE }, '3');
        await say(history, { c: WIDE }, '4');
        const missed = await since(history, [
          { key: 'a', after: first },
          { key: 'b', after: 0 },
        ]);
        expect(textsOf(missed)).toEqual(['2', '3']);
        expect(missed.completeFrom).toEqual([0, 0]);
        expect(missed.cutAt).toBe(0);
        expect(missed.latest).toBeGreaterThan(first);
        expect(textsOf(await since(history, [{ key: 'd', after: 0 }]))).toEqual([]);
      });
    });

    test('offsets grow over all rooms', async () => {
      await using(async ({ history }) => {
        const offsets: number[] = [];
        for (let i = 0; i < 20; i++) {
          offsets.push(await say(history, { [`r${i % 3}`]: WIDE }, 'x'));
        }
        expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
      });
    });

    test('many at once come in the order of the calls', async () => {
      await using(async ({ history }) => {
        const all = await Promise.all(
          Array.from({ length: 50 }, (_, i) => say(history, { a: WIDE }, String(i))),
        );
        expect(all).toEqual(all.toSorted((a, b) => a - b));
        const missed = await since(history, [{ key: 'a', after: 0 }]);
        expect(textsOf(missed)).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
      });
    });

    test('more than a room keeps is gone, and said to be', async () => {
      await using(async ({ history }) => {
        const offsets: number[] = [];
        for (let i = 1; i <= 5; i++) {
          offsets.push(await say(history, { a: { messages: 3, seconds: 60 } }, String(i)));
        }
        const missed = await since(history, [{ key: 'a', after: 0 }]);
        expect(textsOf(missed)).toEqual(['3', '4', '5']);
        expect(missed.completeFrom).toEqual([offsets[1] as number]);
      });
    });

    test('what is too old is gone, and said to be, also when all of it is', async () => {
      await using(async ({ history, pass }) => {
        const first = await say(history, { a: { messages: 9, seconds: 1 } }, '1');
        await pass(1_100);
        expect(await since(history, [{ key: 'a', after: 0 }])).toMatchObject({
          messages: [],
          completeFrom: [first],
        });
        await pass(2_500);
        const later = await since(history, [{ key: 'a', after: 0 }]);
        expect(later.completeFrom[0]).toBeGreaterThanOrEqual(first);
        const again = await say(history, { a: { messages: 9, seconds: 1 } }, '2');
        const missed = await since(history, [{ key: 'a', after: 0 }]);
        expect(textsOf(missed)).toEqual(['2']);
        expect(missed.completeFrom[0]).toBeGreaterThanOrEqual(first);
        expect(missed.completeFrom[0]).toBeLessThan(again);
      });
    });

    test('of the same key only the latest, which is no loss', async () => {
      await using(async ({ history }) => {
        await say(history, { a: WIDE }, 'x1', 'x');
        await say(history, { a: WIDE }, 'y1', 'y');
        await say(history, { a: WIDE }, 'z1');
        await say(history, { a: WIDE }, 'x2', 'x');
        for (let i = 2; i < 300; i++) await say(history, { a: WIDE }, `y${i}`, 'y');
        const missed = await since(history, [{ key: 'a', after: 0 }]);
        expect(textsOf(missed)).toEqual(['z1', 'x2', 'y299']);
        expect(missed.completeFrom).toEqual([0]);
      });
    });

    test('over the budget the oldest of all rooms go first', async () => {
      await using(async ({ history }) => {
        const text = 'x'.repeat(10_000);
        const first = await say(history, { a: WIDE }, text);
        for (let i = 0; i < 20; i++) await say(history, { b: WIDE }, text);
        const missed = await since(history, [
          { key: 'a', after: 0 },
          { key: 'b', after: 0 },
        ]);
        expect(missed.messages.length).toBeLessThan(10);
        expect(missed.completeFrom[0]).toBe(first);
        expect(missed.completeFrom[1]).toBeGreaterThan(first);
      }, 100_000);
    });

    test('no more than may be told at once, the latest', async () => {
      await using(async ({ history }) => {
        const offsets: number[] = [];
        for (let i = 0; i < 10; i++) offsets.push(await say(history, { a: WIDE }, String(i)));
        const few = { messages: 3, bytes: 1_000 };
        const missed = await since(history, [{ key: 'a', after: 0 }], few);
        expect(textsOf(missed)).toEqual(['7', '8', '9']);
        expect(missed.completeFrom).toEqual([offsets[6] as number]);
        expect(missed.cutAt).toBe(offsets[6] as number);
        const bytes = 2 * bodyOf(EVERYONE, ['9']).byteLength;
        const small = await since(history, [{ key: 'a', after: 0 }], { messages: 9, bytes });
        expect(textsOf(small)).toEqual(['8', '9']);
      });
    });
  });
}
