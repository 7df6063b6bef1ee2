/** The end of a session as the app hears of it: before, with all its rooms, and after. */

import { describe, expect, test } from 'bun:test';
import { FakeCore } from '../../../../test/support/fake-core.ts';
import type { NamespaceHandlers, Session } from '../app/app.ts';

const REASON = 'transport close';

function coreOf(handlers: NamespaceHandlers): FakeCore {
  return new FakeCore(50, handlers);
}

describe('`disconnecting`', () => {
  test('comes before `disconnected`, with the rooms still joined', () => {
    const heard: unknown[] = [];
    const look = (name: string) => (session: Session, reason: string) => {
      const { length } = fake.home.choose({ rooms: ['a'], users: [], except: [] });
      heard.push([name, session.connected, session.rooms, length, reason]);
    };
    const fake = coreOf({
      disconnecting: look('before'),
      disconnected: look('after'),
    });
    fake.end(fake.enter('s', ['a', 'b']));
    expect(heard).toEqual([
      ['before', true, ['a', 'b'], 1, REASON],
      ['after', false, ['a', 'b'], 0, REASON],
    ]);
  });

  test('may tell the others, who hear it without it', async () => {
    const fake = coreOf({
      disconnecting: (session) => {
        for (const room of session.rooms) session.to(room).emit('left');
      },
    });
    const [gone, left] = [fake.enter('s1', ['a']), fake.enter('s2', ['a'])];
    fake.end(gone);
    await Bun.sleep(0);
    expect([gone.client.received, left.client.received]).toEqual([[], ['left']]);
  });

  test('may ask for the end again, join and leave: it ends once, and all is undone', () => {
    let times = 0;
    const fake = coreOf({
      disconnecting: (session) => {
        times++;
        session.join('late');
        session.leave('a');
        session.disconnect();
        session.disconnect(true);
        fake.home.server.disconnect();
      },
    });
    const visitor = fake.enter('s', ['a']);
    visitor.session.disconnect();
    expect([times, visitor.session.connected, fake.home.rooms.size]).toEqual([1, false, 0]);
    expect(visitor.client.received).toEqual(['(end)', '(close)']);
  });

  test('may fail, at once or later, and the session ends all the same', async () => {
    for (const disconnecting of [
      () => {
        throw new Error('x');
      },
      () => Promise.reject(new Error('x')),
    ]) {
      const fake = coreOf({ disconnecting });
      fake.end(fake.enter('s', ['a']));
      await Bun.sleep(0);
      expect([fake.home.sessionCount, fake.home.rooms.size]).toEqual([0, 0]);
      expect(fake.counters.handlerErrors).toBe(1);
    }
  });
});

test('`disconnected` knows the rooms also after it has waited', async () => {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const fake = coreOf({
    async disconnected(session) {
      await Bun.sleep(0);
      session.join('late');
      resolve(session.rooms);
    },
  });
  fake.end(fake.enter('s', ['a']));
  expect(await promise).toEqual(['a']);
  expect(fake.home.rooms.size).toBe(0);
});

test('all values of an ack can be had, and of a broadcast the first of each', async () => {
  const fake = coreOf({});
  const visitor = fake.enter('s');
  const answer = (...values: unknown[]): boolean =>
    fake.core.acks.answer(visitor.session, visitor.client.ackIds.at(-1) as number, values);
  const all = visitor.session.emitWithAckValues('ask');
  answer(5, { test: true });
  expect(await all).toEqual([5, { test: true }]);
  const none = visitor.session.timeout(60_000).emitWithAckValues('ask');
  answer();
  expect(await none).toEqual([]);
  const first = visitor.session.timeout(60_000).emitWithAck('ask');
  answer(1, 2);
  expect(await first).toBe(1);
  const each = fake.home.server.timeout(60_000).emitWithAck('ask');
  answer(1, 2);
  expect(await each).toEqual([1]);
});

test('an ack may be waited for longer than timers of the runtime can', async () => {
  const fake = coreOf({});
  const visitor = fake.enter('s');
  let isSettled = false;
  const asked = visitor.session.timeout(1e12).emitWithAck('ask');
  void asked.finally(() => {
    isSettled = true;
  });
  await Bun.sleep(30);
  expect(isSettled).toBe(false);
  fake.core.acks.answer(visitor.session, visitor.client.ackIds.at(-1) as number, [5]);
  expect(await asked).toBe(5);
});
