/** What everything that keeps sessions to be recovered must do. */

import { describe, expect, test } from 'bun:test';
import {
  ROOM_ORIGIN,
  type SessionSnapshot,
  type Snapshots,
} from '../../src/server/core/contracts/snapshots.ts';
import { cpuMs } from '../support/cpu-time.ts';

export interface TestedSnapshots {
  readonly snapshots: Snapshots;
  /** How long those that were cut are kept. */
  readonly windowMs: number;
  readonly pass: (ms: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

function sessionOf(id: string, data?: Uint8Array): SessionSnapshot {
  const rooms = [{ name: 'a', origin: ROOM_ORIGIN.client, after: 3 }];
  return { id, namespace: '/', user: 'u', rooms, data };
}

/** @param create makes one with a budget in bytes */
export function snapshotsSuite(
  name: string,
  create: (budgetBytes: number) => Promise<TestedSnapshots>,
): void {
  describe(`snapshots: ${name}`, () => {
    async function using<T>(
      run: (tested: TestedSnapshots) => T,
      budgetBytes = 10_000_000,
    ): Promise<T> {
      const tested = await create(budgetBytes);
      try {
        return await run(tested);
      } finally {
        await tested.close();
      }
    }

    test('one that was cut is given once', async () => {
      await using(({ snapshots }) => {
        snapshots.opened(sessionOf('s'), 1);
        expect([snapshots.workerOf('s'), snapshots.take('s')]).toEqual([1, undefined]);
        snapshots.cut('s');
        expect(snapshots.workerOf('s')).toBeUndefined();
        expect(snapshots.take('s')).toEqual(sessionOf('s'));
        expect(snapshots.take('s')).toBeUndefined();
      });
    });

    test('with the rooms and data that it had last', async () => {
      await using(({ snapshots }) => {
        snapshots.opened(sessionOf('s'), 1);
        const b = { name: 'b', origin: ROOM_ORIGIN.app, after: undefined };
        snapshots.joined('s', [b, { name: 'a', origin: ROOM_ORIGIN.app, after: 9 }]);
        snapshots.left('s', ['a', 'c']);
        snapshots.changed('s', new Uint8Array([1]));
        snapshots.cut('s');
        snapshots.left('s', ['b']);
        const kept = { ...sessionOf('s', new Uint8Array([1])), rooms: [b] };
        expect(snapshots.take('s')).toEqual(kept);
      });
    });

    test('many rooms that come and go cost each what few do', async () => {
      const timeOf = (count: number): Promise<number> =>
        using(({ snapshots }) => {
          const named = (at: number) => {
            return { name: `room ${at}`, origin: ROOM_ORIGIN.client, after: at };
          };
          const rooms = Array.from({ length: count }, (_, at) => named(at));
          snapshots.opened({ ...sessionOf('s'), rooms }, 1);
          const before = cpuMs();
          for (let at = 0; at < 1_000; at++) {
            snapshots.joined('s', [named(count)]);
            snapshots.changed('s', new Uint8Array([at % 256]));
            snapshots.left('s', [`room ${count}`]);
          }
          const tookMs = cpuMs() - before;
          snapshots.cut('s');
          expect(snapshots.take('s')?.rooms).toEqual(rooms);
          return tookMs;
        });
      await timeOf(10);
      expect(await timeOf(10_000)).toBeLessThan((await timeOf(10)) * 20 + 50);
    });

    test('it is known of which user and namespace one is', async () => {
      await using(({ snapshots }) => {
        const { id, namespace, user } = sessionOf('s');
        expect(snapshots.isOf({ id, namespace, user })).toBeUndefined();
        snapshots.opened(sessionOf('s'), 1);
        for (const end of [() => {}, () => snapshots.cut('s')]) {
          end();
          expect(snapshots.isOf({ id, namespace, user })).toBe(true);
          expect(snapshots.isOf({ id, namespace, user: undefined })).toBe(false);
          expect(snapshots.isOf({ id, namespace: '/b', user })).toBe(false);
        }
      });
    });

    test('one that is over is not given', async () => {
      await using(({ snapshots }) => {
        snapshots.opened(sessionOf('s'), 1);
        snapshots.over('s');
        snapshots.cut('s');
        expect(snapshots.take('s')).toBeUndefined();
      });
    });

    test('those that wait may be ended, by id, user or room of a namespace', async () => {
      const rooms = [{ name: '', origin: ROOM_ORIGIN.admission, after: 3 }];
      const added = [
        ['s', '/', 'u'],
        ['t', '/', 'v'],
        ['w', '/n', 'u'],
      ] as const;
      await using(({ snapshots }) => {
        for (const [id, namespace, user] of added) {
          const own = { name: `of ${id}`, origin: ROOM_ORIGIN.app, after: 3 };
          snapshots.opened({ id, namespace, user, rooms: [...rooms, own], data: undefined }, 1);
          snapshots.cut(id);
        }
        const other = { user: undefined, room: undefined, session: undefined };
        snapshots.end('/n', { ...other, session: 's' });
        snapshots.end('/n', { ...other, room: 'of s' });
        snapshots.end('/', other);
        expect(snapshots.take('s')?.id).toBe('s');
        snapshots.opened({ ...sessionOf('s'), rooms }, 1);
        snapshots.cut('s');
        snapshots.end('/', { ...other, user: 'u' });
        snapshots.end('/', { ...other, room: 'of t' });
        expect([snapshots.take('s'), snapshots.take('t')]).toEqual([undefined, undefined]);
        snapshots.end('/n', { ...other, session: 'w' });
        expect(snapshots.take('w')).toBeUndefined();
        // Who lives is ended where it is.
        snapshots.opened(sessionOf('l'), 1);
        snapshots.end('/', { ...other, session: 'l' });
        expect(snapshots.workerOf('l')).toBe(1);
      });
    });

    test('a worker that dies leaves its own', async () => {
      await using(({ snapshots }) => {
        snapshots.opened(sessionOf('s'), 1);
        snapshots.opened(sessionOf('t'), 2);
        snapshots.workerGone(1);
        expect([snapshots.workerOf('s'), snapshots.workerOf('t')]).toEqual([undefined, 2]);
        expect(snapshots.take('s')).toEqual(sessionOf('s'));
        expect(snapshots.take('t')).toBeUndefined();
      });
    });

    test('one that is opened anew lives', async () => {
      await using(({ snapshots }) => {
        snapshots.opened(sessionOf('s'), 1);
        snapshots.cut('s');
        snapshots.opened(sessionOf('s'), 2);
        expect([snapshots.workerOf('s'), snapshots.take('s')]).toEqual([2, undefined]);
      });
    });

    test('not for longer than the window', async () => {
      await using(async ({ snapshots, windowMs, pass }) => {
        for (const id of ['s', 't']) snapshots.opened(sessionOf(id), 1);
        snapshots.cut('s');
        await pass(windowMs / 2);
        snapshots.cut('t');
        await pass(windowMs / 2 + 1);
        expect([snapshots.take('s'), snapshots.take('t')]).toEqual([undefined, sessionOf('t')]);
      });
    });

    test('over the budget those that were cut first go first', async () => {
      await using(({ snapshots }) => {
        const data = new Uint8Array(1_000);
        for (let i = 0; i < 100; i++) {
          snapshots.opened(sessionOf(`s${i}`, data), 1);
          if (i < 50) snapshots.cut(`s${i}`);
        }
        expect(snapshots.take('s0')).toBeUndefined();
        // Those that live take no place of each other.
        expect(snapshots.workerOf('s51')).toBe(1);
        expect(snapshots.workerOf('s99')).toBeUndefined();
      }, 30_000);
    });
  });
}
