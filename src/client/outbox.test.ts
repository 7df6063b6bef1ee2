/** What waits, in which order it leaves, and what becomes of questions. */

import { describe, expect, test } from 'bun:test';
import { PlainScript } from '../../test/support/plain-script.ts';
import { WatchedClient } from '../../test/support/watched-client.ts';
import { eventually } from '../../test/system/eventually.ts';
import { HoldfastError } from './client-error.ts';
import { Outbox } from './outbox.ts';

const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: unknown) => error);
const textsOf = (outbox: Outbox): readonly string[] => outbox.take().map(({ text }) => text);

describe('an outbox', () => {
  test('gives what fits into one body, and refuses what fits into none', async () => {
    const failures: HoldfastError[] = [];
    const outbox = new Outbox(10, (error) => failures.push(error));
    outbox.maxPayload = 20;
    for (const text of ['a', 'b', 'é'.repeat(8), 'c']) outbox.add({ text });
    const asked = caught(outbox.ask({ text: 'too long to be sent' }));
    outbox.add({ end: 1 });
    // Each is 12 bytes; two and a line break are 25.
    expect(textsOf(outbox)).toEqual(['{"text":"a"}']);
    outbox.maxPayload = 25;
    expect(textsOf(outbox)).toEqual(['{"text":"b"}']);
    outbox.maxPayload = 21;
    expect(textsOf(outbox)).toEqual(['{"text":"c"}']);
    expect(textsOf(outbox)).toEqual(['{"end":1}']);
    expect(textsOf(outbox)).toEqual([]);
    expect(failures.map(({ code }) => code)).toEqual(['payloadTooLarge']);
    expect(await asked).toMatchObject({ code: 'payloadTooLarge' });
  });

  test('a loss fails what was asked, keeps what was not sent, asks again what may be', async () => {
    const outbox = new Outbox(10, () => {});
    const vote = caught(outbox.ask({ vote: 1 }, 60_000));
    const join = outbox.ask({ join: 1 });
    expect(outbox.take()).toHaveLength(2);
    const later = outbox.ask({ later: 1 }, 60_000);
    outbox.add({ answer: 1 }, true);
    outbox.lost(new HoldfastError('disconnected', 'gone'));
    expect(await vote).toMatchObject({ code: 'disconnected', message: 'gone' });
    expect(textsOf(outbox)).toEqual(['{"join":1,"id":2}', '{"later":1,"id":3}']);
    outbox.answer(3, ['l']);
    outbox.answer(2, []);
    outbox.answer(2, ['twice']);
    outbox.answer(1, ['late']);
    expect([await join, await later]).toEqual([[], ['l']]);
  });

  test('is bounded, but for what must be said', async () => {
    const outbox = new Outbox(2, () => {});
    outbox.add({});
    const first = caught(outbox.ask({}, 60_000));
    const full = expect.objectContaining({ code: 'queueFull' });
    expect(() => outbox.add({})).toThrow(full);
    expect(await caught(outbox.ask({}, 60_000))).toEqual(full);
    void caught(outbox.ask({ rejoin: 1 }, undefined, true));
    expect(textsOf(outbox)).toEqual(['{"rejoin":1,"id":2}', '{}', '{"id":1}']);
    outbox.close(new HoldfastError('closed', 'over'));
    expect(await first).toMatchObject({ code: 'closed' });
  });

  test('a question whose time is over is not sent any more', async () => {
    const outbox = new Outbox(10, () => {});
    expect(await caught(outbox.ask({}, 5))).toMatchObject({ code: 'timeout' });
    expect(outbox.take()).toEqual([]);
    const forever = outbox.ask({}, Number.POSITIVE_INFINITY);
    await Bun.sleep(10);
    outbox.answer(2, ['at last']);
    expect(await forever).toEqual(['at last']);
  });
});

describe('a client', () => {
  test('posts one body at a time, with all that waits', async () => {
    const gate = Promise.withResolvers<void>();
    let open = 0;
    let most = 0;
    await using server = new PlainScript({
      answer: async (request) => {
        if (request.method !== 'POST') return undefined;
        most = Math.max(most, ++open);
        await gate.promise;
        open--;
        return undefined;
      },
    });
    using one = new WatchedClient(server.url, { transports: ['sse'] });
    await one.reached('open');
    one.client.emit('a', 1);
    one.client.emit('a', 2);
    await eventually(
      'the first POST is under way',
      () => open,
      (count) => count === 1,
    );
    for (let i = 3; i <= 50; i++) one.client.emit('a', i);
    const last = one.client.emitWithAck('a', 51);
    gate.resolve();
    await last;
    expect(server.session.bodies.map(({ length }) => length)).toEqual([2, 49]);
    expect(server.session.events.map(([, number]) => number)).toEqual(
      Array.from({ length: 51 }, (_, i) => i + 1),
    );
    expect(most).toBe(1);
  });

  test('refuses what is more than may wait while it is not open', async () => {
    await using server = new PlainScript({ isMute: true });
    using one = new WatchedClient(server.url, { maxQueued: 3 });
    for (let i = 0; i < 3; i++) one.client.emit('a');
    const full = expect.objectContaining({ code: 'queueFull' });
    expect(() => one.client.emit('a')).toThrow(full);
    expect(await caught(one.client.emitWithAck('a'))).toEqual(full);
    expect(await caught(one.client.join('a'))).toEqual(full);
    expect(() => one.client.emit('a', 1n)).toThrow();
  });

  test('has a time for acks, of its own or of the call', async () => {
    await using server = new PlainScript({ take: () => true });
    using one = new WatchedClient(server.url, { ackTimeoutMs: 30 });
    await one.reached('open');
    const asked = [one.client.emitWithAck('a'), one.client.timeout(10).emitWithAck('a')];
    for (const error of await Promise.all(asked.map(caught))) {
      expect(error).toMatchObject({ code: 'timeout' });
    }
  });

  test.each(['websocket', 'polling'] as const)(
    'over %s sends what had not left when the connection was lost',
    async (transport) => {
      await using server = new PlainScript({ take: (_, { event }) => event === 'mute' });
      using one = new WatchedClient(server.url, { transports: [transport], reconnectDelayMs: 50 });
      await one.reached('open');
      const { session } = server;
      const asked = caught(one.client.emitWithAck('mute'));
      await eventually(
        'the question has come',
        () => session.received.length,
        (count) => count === 1,
      );
      session.isOver = true;
      session.cut();
      await one.reached('waiting');
      expect(await asked).toMatchObject({ code: 'disconnected' });
      const later = one.client.emitWithAck('later', 1);
      expect(await later).toEqual(['later', 1]);
      expect(server.session).not.toBe(session);
      expect(server.session.events).toEqual([['later', 1]]);
    },
  );

  test('sends again what a POST could not bring, since the session was gone', async () => {
    await using server = new PlainScript();
    using one = new WatchedClient(server.url, { transports: ['sse'] });
    await one.reached('open');
    server.session.isOver = true;
    expect(await one.client.emitWithAck('kept', 1)).toEqual(['kept', 1]);
    expect(server.sessions).toHaveLength(2);
    expect(one.changes[1]).toMatchObject({ state: 'waiting', reason: 'sessionUnknown' });
  });

  test.each([
    [413, 'payloadTooLarge'],
    [400, 'refused'],
  ])('a body that is answered %d fails alone', async (status, code) => {
    let refusals = 1;
    await using server = new PlainScript({
      answer: ({ method }) =>
        method === 'POST' && refusals-- > 0 ? new Response('too much', { status }) : undefined,
    });
    using one = new WatchedClient(server.url, { transports: ['sse'] });
    await one.reached('open');
    one.client.emit('lost');
    expect(await caught(one.client.emitWithAck('large'))).toMatchObject({ code });
    expect(await one.client.emitWithAck('small')).toEqual(['small']);
    expect(one.errors).toEqual([expect.objectContaining({ code })]);
    expect(one.states).toEqual(['open']);
  });

  test('does not answer one session for another', async () => {
    await using server = new PlainScript();
    using one = new WatchedClient(server.url);
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    one.client.on('ask', () => {
      asked.resolve();
      return gate.promise;
    });
    await one.reached('open');
    server.session.say({ type: 'event', event: 'ask', id: 1 });
    await asked.promise;
    server.session.cut();
    await one.reached('waiting');
    gate.resolve();
    await one.reached('open', 2);
    await one.client.emitWithAck('fence');
    expect(server.session.received.map(({ type }) => type)).toEqual(['event']);
  });
});
