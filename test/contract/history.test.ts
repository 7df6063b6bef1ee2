/** The history that nodes share by a stream of Redis, in each mode. */

import { afterEach, describe, expect, test } from 'bun:test';
import type { HistorySettings } from '../../src/host/config/rooms.ts';
import type { Missed } from '../../src/server/core/contracts/history.ts';
import type { StreamHistory } from '../../src/server/state/history/stream-history.ts';
import { onEachRedis } from '../support/each-redis.ts';
import { NodeOverRedis, until } from '../support/redis-nodes.ts';
import { requirement } from '../support/requires.ts';
import { historySuite, say, since, textsOf, WIDE } from './history.ts';

const redis = requirement('redis');
/** Where the history is a stream beside the channels, and where it is the stream of all. */
const MODES = ['pubsub', 'streams'] as const;
const EVERYTHING = [{ key: 'a', after: 0 }];
const SWEEP_MS = 100;
const TIMEOUT_MS = 30_000;

onEachRedis(redis, (kind, at) => {
  for (const mode of MODES) {
    const nodes: NodeOverRedis[] = [];

    afterEach(async () => {
      await Promise.all(nodes.splice(0).map((node) => node[Symbol.asyncDispose]()));
    });

    /** Nodes of one cluster, each with a clock that a test sets. */
    function cluster(budgetBytes = 10_000_000) {
      const { prefix, url, masterOf } = at();
      const time = { nowMs: 1_000_000 };
      const brokerStream = `${prefix}:stream`;
      const config = { broker: url, brokerMode: mode, brokerPrefix: prefix, brokerStream };
      const settingsOf = (): HistorySettings => WIDE;
      const history = { budgetBytes, nowMs: () => time.nowMs, settingsOf };
      const open = async (): Promise<NodeOverRedis & { readonly history: StreamHistory }> => {
        const node = await NodeOverRedis.open({ config, history });
        nodes.push(node);
        return node as NodeOverRedis & { readonly history: StreamHistory };
      };
      const key = mode === 'streams' ? brokerStream : `${prefix}:holdfast:history`;
      return { time, open, key, masterOf };
    }

    historySuite(`${kind}, ${mode}`, async (budgetBytes) => {
      const { time, open } = cluster(budgetBytes);
      const { history, copy } = await open();
      return {
        history,
        pass: async (ms) => {
          for (let left = ms; left > 0; left -= SWEEP_MS) {
            time.nowMs += SWEEP_MS;
            copy?.sweep();
          }
        },
        close: async () => {},
      };
    });

    describe(`${kind}, ${mode}: over nodes`, () => {
      test('all have the same, in one order', async () => {
        const { open } = cluster();
        const [one, other] = [await open(), await open()];
        const all = Array.from({ length: 100 }, (_, i) => {
          return say((i % 2 === 0 ? one : other).history, { a: WIDE }, `${i}`);
        });
        const offsets = await Promise.all(all);
        const last = Math.max(...offsets);
        await until('both have all', async () => {
          const both = [one, other].map(({ history }) => since(history, EVERYTHING));
          return (await Promise.all(both)).every(({ latest }) => latest === last);
        });
        const [has, otherHas] = [
          await since(one.history, EVERYTHING),
          await since(other.history, EVERYTHING),
        ];
        expect(has.messages).toHaveLength(100);
        expect(has).toEqual(otherHas);
        expect(offsetsOf(has)).toEqual(offsets.toSorted((a, b) => a - b));
        // Each is told what the other has said, and that alone.
        expect(one.kept).toEqual(offsets.filter((_, i) => i % 2 === 1));
        expect(other.kept).toEqual(offsets.filter((_, i) => i % 2 === 0));
      });

      test('a node that comes late has what was kept', async () => {
        const { open, time } = cluster();
        const one = await open();
        for (let i = 0; i < 10; i++) await say(one.history, { a: WIDE }, `${i}`, `${i % 4}`);
        const late = await open();
        const has = await since(late.history, EVERYTHING);
        expect(offsetsOf(has)).toEqual(offsetsOf(await since(one.history, EVERYTHING)));
        expect(textsOf(has)).toEqual(['6', '7', '8', '9']);
        expect(has.completeFrom).toEqual([0]);
        expect([late.kept, late.history.epoch]).toEqual([[], one.history.epoch]);
        time.nowMs += WIDE.seconds * 1_000 + 1;
        expect(textsOf(await since(late.history, EVERYTHING))).toEqual([]);
      });

      test('of a stream that was cut, a node that comes late says so', async () => {
        const { open, key, masterOf } = cluster();
        const one = await open();
        const offsets: number[] = [];
        for (let i = 0; i < 10; i++) offsets.push(await say(one.history, { a: WIDE }, `${i}`));
        const master = await masterOf(key);
        // One more than that: the first says that it begins.
        expect(await master.command('XTRIM', key, 'MAXLEN', 4)).toBe(7);
        const late = await open();
        const has = await since(late.history, EVERYTHING);
        expect(textsOf(has)).toEqual(['6', '7', '8', '9']);
        expect(has.completeFrom[0]).toBeGreaterThanOrEqual(offsets[5] as number);
        expect(has.completeFrom[0]).toBeLessThan(offsets[6] as number);
        // The one that had them all has them still.
        expect((await since(one.history, EVERYTHING)).completeFrom).toEqual([0]);
      });

      test(
        'a break loses nothing of it',
        async () => {
          const { open, key, masterOf } = cluster();
          const [one, other] = [await open(), await open()];
          await say(one.history, { a: WIDE }, 'before');
          const master = await masterOf(key);
          const said: Promise<number>[] = [];
          for (let i = 0; i < 50; i++) {
            if (i % 20 === 10) await master.command('CLIENT', 'KILL', 'TYPE', 'normal');
            said.push(
              say(one.history, { a: WIDE }, `${i}`),
              say(other.history, { a: WIDE }, `${i}`),
            );
          }
          await Promise.all(said);
          const last = Math.max(...(await Promise.all(said)));
          await until('both have all', async () => {
            const both = [one, other].map(({ history }) => since(history, EVERYTHING));
            return (await Promise.all(both)).every(({ latest }) => latest === last);
          });
          const has = await since(one.history, EVERYTHING);
          expect(has).toEqual(await since(other.history, EVERYTHING));
          expect(new Set(offsetsOf(has)).size).toBe(100);
        },
        TIMEOUT_MS,
      );
    });
  }
});

function offsetsOf({ messages }: Missed): readonly number[] {
  return messages.map(({ offset }) => offset);
}
