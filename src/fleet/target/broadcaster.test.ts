import { expect, test } from 'bun:test';
import { eventually } from '../../../test/system/eventually.ts';
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

test('a rate waits for the answer to the one before, and so does whoever sends one', async () => {
  const answers: (() => void)[] = [];
  const { broadcaster, sent } = setUp(() => new Promise((resolve) => answers.push(resolve)));
  broadcaster.start(1_000);
  await eventually(
    'some are put off',
    () => broadcaster.putOff,
    (count) => count > 3,
  );
  broadcaster.stop();
  const next = broadcaster.send();
  // All have it already; only the answer is missing.
  broadcaster.observe(new Map([[1, 10]]));
  await Bun.sleep(5);
  expect(sent).toHaveLength(1);
  answers[0]?.();
  await eventually(
    'the next one goes',
    () => sent.length,
    (count) => count === 2,
  );
  answers[1]?.();
  expect(await next).toBe(2);
});

test('one that has receipts was sent, though the server did not answer', async () => {
  const failed = Promise.withResolvers<void>();
  const { broadcaster, errors } = setUp(() => failed.promise);
  const sent = broadcaster.send();
  await Bun.sleep(0);
  broadcaster.observe(new Map([[1, 4]]));
  failed.reject(new Error('no answer in time'));
  expect(await sent).toBe(1);
  expect(broadcaster.refused).toBe(0);
  expect(broadcaster.results).toMatchObject([{ sequence: 1, sessions: 10, received: 4 }]);
  expect(errors).toEqual(['broadcast 1 has receipts, but no answer: no answer in time']);
});

test('a rate of one in years does not fire at once', async () => {
  const { broadcaster } = setUp();
  broadcaster.start(1e-7);
  await Bun.sleep(30);
  broadcaster.stop();
  expect(broadcaster.lastSequence).toBe(0);
});

test('of thousands, a thousand results are kept and sums of the rest', async () => {
  const { broadcaster } = setUp();
  const receive = (received: number): void =>
    broadcaster.observe(new Map([[broadcaster.lastSequence, received]]));
  for (let i = 0; i < 2_500; i++) {
    await broadcaster.send();
    // The second never reaches all; each hundredth goes out while sessions come and go.
    if (i === 1) receive(7);
    else if (i % 100 === 0) {
      receive(3);
      broadcaster.release(broadcaster.lastSequence);
    } else receive(10);
  }
  const { results, omitted, omittedReleased } = broadcaster;
  expect(results).toHaveLength(1_000);
  expect(results.at(-1)?.sequence).toBe(2_500);
  // Neither of the two incomplete ones is waited for, as sessions came and went meanwhile.
  expect(results.filter(({ sequence }) => sequence <= 2)).toEqual([]);
  expect(omitted.count + omittedReleased.count).toBe(1_500);
  expect(omitted.short).toBe(0);
  expect(omittedReleased.short).toBe(omittedReleased.count);
  const receipts = results.reduce((sum, { received }) => sum + received, 0);
  expect(receipts + omitted.receipts + omittedReleased.receipts).toBe(2_474 * 10 + 25 * 3 + 7);
});
