/** What holds over each transport, against a server that speaks as the protocol's page says. */

import { describe, expect, test } from 'bun:test';
import { PlainScript } from '../../test/support/plain-script.ts';
import { WatchedClient } from '../../test/support/watched-client.ts';
import { eventually } from '../../test/system/eventually.ts';
import type { ClientOptions, TransportName } from './contract.ts';

const TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'stream', 'polling'];

describe.each(TRANSPORTS)('over %s', (transport) => {
  const over = (server: PlainScript, options: ClientOptions = {}, events: string[] = []) =>
    new WatchedClient(server.url, { transports: [transport], ...options }, events);

  test('a session opens, with its rooms and its namespace', async () => {
    await using server = new PlainScript({ connect: { user: 'ada', recovered: true } });
    const options = { rooms: ['match:42', 'a&b'], namespace: '/chat' };
    using one = new WatchedClient(`${server.url}?club=7`, { transports: [transport], ...options });
    expect(one.client.state).toBe('connecting');
    const open = await one.reached('open');
    const { query } = server.session;
    const id = `id of ${server.session.id}`;
    expect(open).toEqual({ state: 'open', transport, id, user: 'ada', recovered: true });
    const { client } = one;
    expect([client.state, client.transport, client.id, client.user]).toEqual([
      'open',
      transport,
      id,
      'ada',
    ]);
    expect(query.getAll('room')).toEqual(['match:42', 'a&b']);
    expect([query.get('namespace'), query.get('club')]).toEqual(['/chat', '7']);
    expect(server.session.auth).toBeUndefined();
  });

  test('what authenticates is asked anew for each connect, and never stands in a URL', async () => {
    await using server = new PlainScript();
    let asked = 0;
    using one = over(server, { auth: async () => ({ token: `secret-${++asked}` }) });
    await one.reached('open');
    expect(server.session.auth).toEqual({ token: 'secret-1' });
    server.session.cut();
    await one.reached('open', 2);
    expect(server.session.auth).toEqual({ token: 'secret-2' });
    expect(server.requests.join()).not.toContain('secret');
  });

  test('events come in order, with their arguments', async () => {
    await using server = new PlainScript();
    using one = over(server, {}, ['goal', 'end']);
    await one.reached('open');
    for (const strange of [
      null,
      1,
      [],
      {},
      { type: 'strange' },
      { type: 'ack' },
      { type: 'event' },
    ]) {
      server.session.say(strange as object);
    }
    for (let i = 0; i < 100; i++) {
      server.session.say({ type: 'event', event: 'goal', args: [i, 'é "{}"\n', { deep: [null] }] });
    }
    server.session.say({ type: 'event', event: 'unheard', args: [1] });
    server.session.say({ type: 'event', event: 'end' });
    await one.until('the end is heard', () => one.heard.length === 101);
    expect(one.heard.slice(0, 2)).toEqual([
      ['goal', 0, 'é "{}"\n', { deep: [null] }],
      ['goal', 1, 'é "{}"\n', { deep: [null] }],
    ]);
    expect(one.heard.map(([, number]) => number)).toEqual([...Array(100).keys(), undefined]);
  });

  test('events and questions leave in order, also those from before it was open', async () => {
    await using server = new PlainScript();
    using one = over(server);
    one.client.emit('early', 1);
    const early = one.client.emitWithAck('asked', 2);
    one.client.emit('early', 3);
    await one.reached('open');
    const late = [4, 5, 6].map((number) => one.client.emitWithAck('late', number));
    one.client.emit('last', '{"é":"\n"}');
    expect(await early).toEqual(['asked', 2]);
    expect(await Promise.all(late)).toEqual([
      ['late', 4],
      ['late', 5],
      ['late', 6],
    ]);
    await eventually(
      'all have come',
      () => server.session.events,
      (events) => events.length === 7,
    );
    expect(server.session.events.map(([, argument]) => argument)).toEqual([
      1,
      2,
      3,
      4,
      5,
      6,
      '{"é":"\n"}',
    ]);
  });

  test('rooms are joined, left, and joined again after a reconnect', async () => {
    await using server = new PlainScript();
    using one = over(server, { rooms: ['kept', 'left'] });
    const { client } = one;
    await Promise.all([client.join('joined'), client.join('gone')]);
    await Promise.all([client.leave('gone'), client.leave('left')]);
    void client.join('never');
    await client.leave('never');
    const said = (): readonly string[] =>
      server.session.received.map(({ type, room }) => `${type} ${String(room)}`);
    expect(said()).toEqual([
      'join joined',
      'join gone',
      'leave gone',
      'leave left',
      'join never',
      'leave never',
    ]);
    client.emit('before');
    server.session.cut();
    await one.reached('open', 2);
    client.emit('after');
    await eventually(
      'the event has come',
      () => server.session.received.length,
      (count) => count >= 2,
    );
    expect(server.session.query.getAll('room')).toEqual(['kept']);
    expect(said()[0]).toBe('join joined');
    expect(said()).not.toContain('join kept');
    expect(said()).not.toContain('join never');
    expect(server.session.events.at(-1)).toEqual(['after']);
  });

  test('a question of the server is answered with what the handler returns', async () => {
    await using server = new PlainScript();
    using one = over(server);
    one.client.on('none', () => {});
    one.client.on('soon', async (number) => {
      await Bun.sleep(5);
      return Number(number) + 1;
    });
    one.client.on('soon', () => 'second');
    one.client.on('fails', () => {
      throw new Error('on purpose');
    });
    await one.reached('open');
    const { session } = server;
    session.say({ type: 'event', event: 'fails', args: [], id: 0 });
    session.say({ type: 'event', event: 'unheard', args: [], id: 1 });
    session.say({ type: 'event', event: 'soon', args: [41], id: 2 });
    session.say({ type: 'event', event: 'none', id: 3 });
    const acks = await eventually(
      'both are answered',
      () => session.received.filter(({ type }) => type === 'ack'),
      ({ length }) => length === 2,
    );
    expect(acks).toContainEqual({ type: 'ack', id: 2, args: [42] });
    expect(acks).toContainEqual({ type: 'ack', id: 3, args: [] });
    expect(one.errors.map(({ message }) => message)).toEqual(['on purpose']);
  });

  test('bytes travel both ways, at any depth', async () => {
    await using server = new PlainScript();
    using one = over(server, {}, ['bytes']);
    await one.reached('open');
    const bytes = crypto.getRandomValues(new Uint8Array(20_000));
    const deep = { a: [bytes.buffer, Buffer.from('hi')], n: null };
    expect(await one.client.emitWithAck('echo', bytes, deep)).toEqual([
      'echo',
      bytes,
      { a: [bytes, new Uint8Array([104, 105])], n: null },
    ]);
    expect(server.session.events[0]?.[2]).toEqual({
      a: [{ $binary: Buffer.from(bytes).toString('base64') }, { $binary: 'aGk=' }],
      n: null,
    });
    server.session.say({ type: 'event', event: 'bytes', args: [{ $binary: '' }] });
    await one.until('bytes are heard', () => one.heard.length === 1);
    expect(one.heard).toEqual([['bytes', new Uint8Array()]]);
  });

  test('what is refused rejects, or is told', async () => {
    await using server = new PlainScript({
      take: (session, { type, id }) => {
        if (type === 'leave') return false;
        const words = { message: 'not there', data: { of: 1 } };
        session.say({ type: 'error', id, reason: 'joinForbidden', ...words });
        return true;
      },
    });
    using one = over(server);
    const refused = { code: 'refused', reason: 'joinForbidden', data: { of: 1 } };
    const caught = [
      await one.client.join('locked').catch((error: unknown) => error),
      await one.client.emitWithAck('locked').catch((error: unknown) => error),
    ];
    expect(caught).toEqual([expect.objectContaining(refused), expect.objectContaining(refused)]);
    expect(String(caught[0])).toBe('HoldfastError: not there');
    one.client.emit('locked');
    await one.until('the refusal is told', () => one.errors.length === 1);
    expect(one.errors[0]).toMatchObject(refused);
    expect(one.client.state).toBe('open');
  });

  test('close says what waits, and goodbye', async () => {
    await using server = new PlainScript();
    using one = over(server);
    await one.reached('open');
    const { session } = server;
    const asked = one.client.emitWithAck('asked').catch((error: unknown) => error);
    one.client.emit('last words');
    one.client.close();
    expect(await asked).toMatchObject({ code: 'closed' });
    expect(one.changes.at(-1)).toMatchObject({ state: 'closed', reason: 'client disconnect' });
    await eventually(
      'the session is over',
      () => session.isOver,
      (isOver) => isOver,
    );
    expect(session.received.map(({ type, event }) => event ?? type)).toEqual([
      'asked',
      'last words',
      'disconnect',
    ]);
    expect(() => one.client.emit('more')).toThrow(expect.objectContaining({ code: 'closed' }));
    expect(one.client.join('room')).rejects.toMatchObject({ code: 'closed' });
    expect(server.sessions).toHaveLength(1);
  });

  test('the server may send it away for a while, or for good', async () => {
    await using server = new PlainScript();
    using one = over(server, {}, ['late']);
    await one.reached('open');
    server.session.say({ type: 'disconnect', reason: 'server shutting down', retry: 50 });
    const { reason, delayMs } = await one.reached('waiting');
    expect(reason).toBe('server shutting down');
    expect(delayMs).toBeWithin(50, 50 + 20);
    await one.reached('open', 2);
    const { session } = server;
    session.say({ type: 'disconnect', reason: 'server namespace disconnect' });
    expect(await one.reached('closed')).toMatchObject({ reason: 'server namespace disconnect' });
    await Bun.sleep(150);
    expect(server.sessions).toHaveLength(2);
  });
});
