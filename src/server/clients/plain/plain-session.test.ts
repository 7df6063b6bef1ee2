/**
 * Plain sessions with fakes for the socket and the requests of the client: what they are told, in
 * what order, what they hold, and how they end.
 */

import { beforeEach, describe, expect, test } from 'bun:test';
import { ENGINE_SETTINGS, settle } from '../../../../test/support/fake-engine.ts';
import { FakePlain } from '../../../../test/support/fake-plain.ts';
import { replyTo } from '../../../../test/support/reply-to.ts';
import type { App } from '../../core/app/app.ts';
import { LINES_FORMAT, SSE_FORMAT } from './wire-formats.ts';

const APP: App = {
  on: {
    echo: (_session, value: unknown) => value,
    back: (session, ...args: unknown[]) => session.emit('back', ...args),
  },
};

let fake: FakePlain;

beforeEach(() => {
  fake = new FakePlain(APP);
});

const event = (name: string, ...args: unknown[]): object => ({ type: 'event', event: name, args });
const text = (name: string, ...args: unknown[]): string => JSON.stringify(event(name, ...args));

describe('a stream', () => {
  test('begins with the first message, and frames each', async () => {
    const { session, exchange } = await fake.openStream(SSE_FORMAT);
    const [first] = exchange.news();
    expect(first).toMatch(/^retry: 2000\ndata: \{"type":"connect".*\}\n\n$/);
    fake.core.server.emit('a', 1);
    await settle();
    expect(exchange.news()).toEqual([`data: ${text('a', 1)}\n\n`]);
    session.end('server namespace disconnect');
    const bye = 'data: {"type":"disconnect","reason":"server namespace disconnect"}\n\n';
    expect([exchange.news(), exchange.ended]).toEqual([[bye], 'end']);
  });

  test('is kept open by a sign of life, for which a message does as well', async () => {
    const { session, exchange } = await fake.openStream(LINES_FORMAT);
    exchange.news();
    session.ping();
    expect(exchange.news()).toEqual(['\n']);
    fake.core.server.emit('a');
    session.ping();
    expect(exchange.news()).toEqual([`${text('a')}\n`]);
    await settle();
    session.ping();
    expect(exchange.news()).toEqual(['\n']);
  });

  test('what is said together leaves together', async () => {
    const { exchange } = await fake.openStream(LINES_FORMAT);
    exchange.news();
    fake.core.server.emit('a');
    fake.core.server.emit('b');
    await settle();
    expect(exchange.news()).toEqual([`${text('a')}\n${text('b')}\n`]);
  });

  test('whose reader is behind is cut in time, also by what left together', async () => {
    const { maxBackpressureBytes, backpressureTimeoutMs } = ENGINE_SETTINGS;
    const { session, exchange } = await fake.openStream(LINES_FORMAT);
    exchange.isBehind = true;
    const half = 'x'.repeat(maxBackpressureBytes * 0.6);
    fake.core.server.emit('a', half);
    fake.core.server.emit('b', half);
    await settle();
    expect(fake.budget.heldBytes).toBeGreaterThan(maxBackpressureBytes);
    for (const times of [1, 2]) {
      fake.context.slowReaders.sweep(performance.now() + times * (backpressureTimeoutMs + 1));
    }
    expect([session.closed, exchange.ended]).toEqual([true, 'cut']);
    expect(fake.budget.heldBytes).toBe(0);
    expect(fake.refusals.totals()).toMatchObject({ slowReader: 1 });
  });

  test('that never begins is answered by what was wrong', async () => {
    fake = new FakePlain({ authenticate: () => Promise.reject(new Error('down')) });
    const { session, exchange } = await fake.openStream(SSE_FORMAT);
    await settle();
    expect(exchange.answers.map(({ status }) => status)).toEqual([401]);
    expect([session.closed, exchange.news(), fake.context.size]).toEqual([true, [], 0]);
  });

  test('counts as long as its client is there', async () => {
    const { exchange } = await fake.openStream(SSE_FORMAT);
    expect(fake.context.present).toEqual({ polling: 0, websocket: 0, sse: 1, stream: 0 });
    exchange.waiter?.abandoned();
    expect(fake.context.present).toEqual({ polling: 0, websocket: 0, sse: 0, stream: 0 });
    const { session } = await fake.openStream(LINES_FORMAT);
    session.letGo();
    await settle();
    expect([fake.context.present.stream, fake.context.size]).toEqual([0, 0]);
    expect(fake.ended).toEqual(['transport close', 'transport error']);
  });
});

describe('a client that polls', () => {
  test('gets batches, each until it has said that it has it', async () => {
    const poller = await fake.openPlainPoller();
    expect(poller.news()).toEqual([[1, expect.objectContaining({ type: 'connect' })]]);
    poller.poll(1);
    fake.core.server.emit('a');
    await settle();
    expect(poller.news()).toEqual([[2, event('a')]]);
    fake.core.server.emit('b');
    await settle();
    poller.poll(1);
    expect(poller.news()).toEqual([[2, event('a')]]);
    poller.poll(2);
    expect(poller.news()).toEqual([[3, event('b')]]);
    poller.poll(3);
    expect(poller.news()).toEqual([]);
    expect(fake.budget.heldBytes).toBe(0);
  });

  test('and names a position that there is not, is refused', async () => {
    const poller = await fake.openPlainPoller();
    poller.news();
    for (const since of [7, 2, -1]) poller.poll(since);
    expect(poller.news()).toEqual([400, 400, 400]);
    expect(poller.session.closed).toBe(false);
  });

  test('twice at once: the first is answered with nothing', async () => {
    const poller = await fake.openPlainPoller();
    poller.news();
    poller.poll(1);
    poller.poll(1);
    expect(poller.news()).toEqual([[1]]);
    fake.core.server.emit('a');
    await settle();
    expect(poller.news()).toEqual([[2, event('a')]]);
  });

  test('and goes away loses nothing, and is ended once it does not come again', async () => {
    const poller = await fake.openPlainPoller();
    poller.news();
    poller.poll(1)();
    fake.core.server.emit('a');
    await settle();
    expect(poller.session.closed).toBe(false);
    poller.poll(1);
    expect(poller.news()).toEqual([[2, event('a')]]);
    poller.session.timedOut();
    expect([poller.session.closed, fake.context.present.polling]).toEqual([true, 0]);
    expect(fake.budget.heldBytes).toBe(0);
  });

  test('hears the end, whether it waits or comes later', async () => {
    const [waiting, away] = [await fake.openPlainPoller(), await fake.openPlainPoller()];
    waiting.poll(1);
    fake.core.server.emit('last');
    await settle();
    for (const { session } of [waiting, away]) session.end('server shutting down');
    const end = {
      type: 'disconnect',
      reason: 'server shutting down',
      retry: expect.any(Number) as number,
    };
    waiting.poll(2);
    away.poll(1);
    away.poll(2);
    expect(waiting.news().slice(1)).toEqual([
      [2, event('last')],
      [3, end],
    ]);
    expect(away.news().slice(1)).toEqual([
      [2, event('last')],
      [3, end],
    ]);
    away.poll(3);
    expect(away.news()).toEqual([400]);
    expect(fake.budget.heldBytes).toBe(0);
  });

  test('who has not heard of the end may send what has the word of it in it', async () => {
    const poller = await fake.openPlainPoller();
    poller.news();
    fake.core.server.emit('last');
    await settle();
    poller.session.end('server shutting down');
    const post = (body: string): void =>
      fake.owner.post(
        poller.id,
        body,
        replyTo(() => {}),
      );
    post('{"type":"event","event":"note","args":["disconnect"]}');
    poller.poll(1);
    expect(poller.news()).toEqual([[2, event('last')]]);
    post('{"type":"event","event":"a"}\n{"type":"disconnect"}');
    poller.poll(2);
    expect(poller.news()).toEqual([400]);
  });

  test('who asks for nothing lets what waits go over the budget, and is ended', async () => {
    const poller = await fake.openPlainPoller();
    const most = fake.budget.limitBytes;
    for (let at = 0; at < 20; at++) fake.core.server.emit('a', 'x'.repeat(most / 10));
    await settle();
    expect([poller.session.closed, fake.budget.heldBytes]).toEqual([true, 0]);
  });
});

describe('over a WebSocket', () => {
  test('pings are frames of WebSocket itself, and pongs a sign of life', async () => {
    const { session, socket } = await fake.openPlainSocket();
    socket.news();
    const shared: unknown[] = [];
    socket.sendShared = (given) => shared.push(given.frame);
    session.ping();
    expect(shared).toEqual([Buffer.from([0x89, 0])]);
    fake.heartbeat.beat(performance.now());
    expect(session.lastSeenTick).not.toBe(fake.heartbeat.tick);
    session.onPong();
    expect(session.lastSeenTick).toBe(fake.heartbeat.tick);
  });

  test('what comes before it has joined is taken after that, in order', async () => {
    const gate = Promise.withResolvers<void>();
    fake = new FakePlain({ ...APP, authenticate: () => gate.promise });
    const { socket } = await fake.openPlainSocket();
    socket.bring(text('back', 1), text('back', 2));
    expect([socket.isPaused, fake.budget.heldBytes > 0]).toEqual([true, true]);
    gate.resolve();
    for (let turn = 0; turn < 5; turn++) await settle();
    socket.bring(text('back', 3));
    const news = socket.news().map((frame) => JSON.parse(String(frame)) as { args?: unknown });
    expect(news.slice(1).map(({ args }) => args)).toEqual([[1], [2], [3]]);
    expect([socket.isPaused, fake.budget.heldBytes]).toEqual([false, 0]);
  });

  test('who leaves while the app still thinks leaves nothing behind', async () => {
    const gate = Promise.withResolvers<void>();
    fake = new FakePlain({ ...APP, authenticate: () => gate.promise });
    const { socket } = await fake.openPlainSocket();
    socket.bring(text('back', 1));
    socket.lose();
    expect([fake.context.size, fake.ended]).toEqual([0, []]);
    gate.resolve();
    await settle();
    expect([fake.core.server.localCount, fake.budget.heldBytes]).toEqual([0, 0]);
  });

  test('rooms are those that the app lets it into', async () => {
    fake = new FakePlain({ ...APP, mayJoin: (_session, room) => room.startsWith('open') });
    const { session, socket } = await fake.openPlainSocket('room=open:1&room=open%3A2');
    expect(session.joined?.rooms).toEqual(['open:1', 'open:2']);
    const { session: other } = await fake.openPlainSocket(`room=${session.joined?.id ?? ''}`);
    expect(other.closed).toBe(true);
    socket.news();
    socket.bring(
      '{"type":"join","room":"closed","id":1}',
      '{"type":"leave","room":"open:1","id":2}',
    );
    expect(socket.news()).toEqual([
      '{"type":"error","reason":"joinForbidden","message":"this room may not be joined","id":1}',
      '{"type":"ack","id":2,"args":[]}',
    ]);
    expect(session.joined?.rooms).toEqual(['open:2']);
  });
});
