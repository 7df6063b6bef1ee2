import { expect, test } from 'bun:test';
import { eventually } from '../../test/system/eventually.ts';
import { Broadcaster } from './broadcaster.ts';

function setUp(send: (text: string) => Promise<void> = async () => {}) {
  const sent: string[] = [];
  const errors: string[] = [];
  const broadcaster = new Broadcaster({
    way: {
      send: (text) => {
        sent.push(text);
        return send(text);
      },
    },
    payloadBytes: 4,
    sessions: () => 10,
    onError: (text) => errors.push(text),
  });
  return { broadcaster, sent, errors };
}

test('a broadcast carries number and time, and is under way until all have it', async () => {
  const { broadcaster, sent } = setUp();
  expect(await broadcaster.send()).toBe(1);
  expect(sent[0]).toMatch(/^fleet:1:\d{16};\.{4}$/);
  broadcaster.observe(new Map([[1, 9]]));
  expect(broadcaster.isUnderWay(1)).toBe(true);
  broadcaster.observe(new Map([[1, 10]]));
  expect([broadcaster.isUnderWay(1), broadcaster.isAnyUnderWay]).toEqual([false, false]);
  expect(broadcaster.results).toMatchObject([{ sequence: 1, sessions: 10, received: 10 }]);
});

test('one that the server does not take is counted and has no result', async () => {
  const { broadcaster, errors } = setUp(() => Promise.reject(new Error('full')));
  expect(await broadcaster.send()).toBeUndefined();
  expect([broadcaster.refused, broadcaster.results, broadcaster.isAnyUnderWay]).toEqual([
    1,
    [],
    false,
  ]);
  expect(errors).toEqual(['broadcast 1 was not taken: full']);
});

test('a rate waits while more are under way than agents keep receipts of', async () => {
  const { broadcaster } = setUp();
  broadcaster.start(1_000);
  await eventually(
    'some are put off',
    () => broadcaster.putOff,
    (count) => count > 3,
  );
  expect(broadcaster.lastSequence).toBe(24);
  broadcaster.observe(new Map([[1, 10]]));
  await eventually(
    'one more goes',
    () => broadcaster.lastSequence,
    (last) => last === 25,
  );
  broadcaster.stop();
});

test('receipts that come after it was released still count', async () => {
  const { broadcaster } = setUp();
  await broadcaster.send();
  await broadcaster.send();
  broadcaster.release(1);
  expect([broadcaster.isUnderWay(1), broadcaster.isUnderWay(2)]).toEqual([false, true]);
  broadcaster.observe(new Map([[1, 7]]));
  expect(broadcaster.result(1)?.received).toBe(7);
});

test('those that nobody waits for any more have no result', async () => {
  const { broadcaster } = setUp();
  await broadcaster.send();
  broadcaster.observe(new Map([[1, 10]]));
  await broadcaster.send();
  broadcaster.abandon();
  expect(broadcaster.results.map(({ sequence }) => sequence)).toEqual([1]);
});
