/** Plain clients on the real command: one room, whatever they speak and wherever requests land. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { type Message, PLAIN_TRANSPORTS, PlainClient } from '../support/plain-clients.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'plain-app.ts');

describe.each([1, 3])('with %d worker(s)', (workers) => {
  let node: HoldfastProcess;

  beforeAll(async () => {
    node = await HoldfastProcess.start({ app: APP, workers, config: { pollHoldMs: 1_000 } });
  });
  afterAll(() => node.stop());

  describe.each(PLAIN_TRANSPORTS)('over %s', (transport) => {
    const open = (query = ''): Promise<PlainClient> => PlainClient.open(node.url, transport, query);

    test('a session begins with what it is', async () => {
      const client = await open('room=a&room=b&user=ada');
      expect(await client.next()).toMatchObject({
        type: 'connect',
        namespace: '/',
        user: 'ada',
        rooms: ['all', 'a', 'b'],
        recovered: false,
        pingInterval: 25_000,
        maxPayload: 1_000_000,
      });
      expect(await client.next()).toMatchObject({ event: 'welcome', args: ['ada', transport] });
      client.close();
    });

    test('events, acks and errors', async () => {
      const client = await open();
      await client.nextOf('connect');
      await client.send(
        { type: 'event', event: 'echo', args: [{ a: 'é' }], id: 1 },
        { type: 'event', event: 'fail', id: 2 },
        { type: 'event', event: 'nobody', id: 3 },
        { type: 'join', room: 'secret', id: 4 },
        { type: 'join', room: 'open', id: 5 },
        { type: 'leave', room: 'other', id: 6 },
        { type: 'event', event: 'where', id: 7 },
        { type: 'of nobody', id: 8 },
        { type: 'event', event: 'bytes' },
        { type: 'ping' },
        { type: 'event', event: 'ask' },
      );
      const told: Message[] = [];
      for (let at = 0; at < 11; at++) told.push(await client.next());
      expect(told.map(({ type, id, args, reason }) => [type, id, args ?? reason])).toEqual([
        ['ack', 1, [{ a: 'é' }]],
        ['error', 2, 'failed'],
        ['error', 3, 'eventUnheard'],
        ['error', 4, 'joinForbidden'],
        ['ack', 5, []],
        ['ack', 6, []],
        ['ack', 7, [[transport, 'open']]],
        ['error', 8, 'badMessage'],
        ['event', undefined, [{ deep: { $binary: 'AQID' } }]],
        ['pong', undefined, undefined],
        ['event', expect.any(Number), [1]],
      ]);
      expect(told[1]).toMatchObject({ message: 'not so' });
      await client.send({ type: 'ack', id: told[10]?.id, args: ['yes'] });
      expect(await client.next()).toMatchObject({ event: 'answered', args: ['yes'] });
      client.close();
    });

    test('what is sent at once comes in order, once', async () => {
      const client = await open();
      await client.nextOf('connect');
      await client.send({ type: 'event', event: 'burst', args: [1_000] });
      for (let at = 0; at < 1_000; at++) expect((await client.next()).args).toEqual([at]);
      client.close();
    });

    test('the app ends it, and it hears why', async () => {
      const client = await open();
      await client.nextOf('connect');
      await client.send({ type: 'event', event: 'kick' });
      expect(await client.nextOf('disconnect')).toEqual({
        type: 'disconnect',
        reason: 'server namespace disconnect',
      });
      await client.ended();
    });
  });

  test('one room holds clients of all kinds', async () => {
    const plain = await Promise.all(
      PLAIN_TRANSPORTS.map((name) => PlainClient.open(node.url, name, 'user=u')),
    );
    for (const client of plain) await client.nextOf('event');
    const heard: unknown[] = [];
    const socket: Socket = io(node.url, { auth: { user: 'u' }, transports: ['websocket'] });
    socket.on('said', (text: unknown) => heard.push(text));
    await new Promise<void>((resolve) => socket.on('welcome', () => resolve()));
    for (const [at, client] of plain.entries()) {
      await client.send({ type: 'event', event: 'say', args: ['all', at], id: 9 });
      await client.nextOf('ack', 9).catch(() => {});
    }
    await socket.emitWithAck('say', 'all', 'last');
    for (const client of plain) {
      let hasHeardLast = false;
      while (!hasHeardLast) hasHeardLast = (await client.nextOf('event')).args?.[0] === 'last';
      client.close();
    }
    // Of several senders there is no order.
    expect(new Set(heard)).toEqual(new Set([0, 1, 2, 3, 'last']));
    expect(heard).toHaveLength(5);
    socket.disconnect();
  });

  test('an answer that was lost comes again, and no other does', async () => {
    const poll = async (since = ''): Promise<{ position: string; messages: Message[] }> => {
      const url = `${node.url}/poll?user=ada${since && `&since=${since}`}`;
      return (await (await fetch(url, { headers: { connection: 'close' } })).json()) as never;
    };
    const first = await poll();
    const second = await poll(first.position);
    expect(second.messages).toMatchObject([{ event: 'welcome' }]);
    expect(await poll(first.position)).toEqual(second);
    expect(await poll(second.position)).toMatchObject({
      position: second.position,
      messages: [],
    });
    const wrong = `${second.position}7`;
    const answer = await fetch(`${node.url}/poll?since=${wrong}`);
    expect([answer.status, await answer.json()]).toEqual([
      400,
      expect.objectContaining({ reason: 'badRequest' }),
    ]);
  });

  test('who is refused hears it from the status', async () => {
    const auth = encodeURIComponent('{"bad":true}');
    for (const path of ['/sse?', '/poll?', '/poll?stream=1&']) {
      const refused = await fetch(`${node.url}${path}auth=${auth}`);
      expect([refused.status, await refused.json()]).toEqual([
        401,
        { type: 'error', reason: 'notAuthenticated', message: 'no such user' },
      ]);
      expect((await fetch(`${node.url}${path}room=secret`)).status).toBe(403);
      expect((await fetch(`${node.url}${path}namespace=/none`)).status).toBe(404);
      expect((await fetch(`${node.url}${path}room=`)).status).toBe(400);
    }
    const socket = await PlainClient.open(node.url, 'websocket', `auth=${auth}`);
    expect(await socket.next()).toMatchObject({ type: 'error', reason: 'notAuthenticated' });
    await socket.ended();
  });

  test('secrets stay out of URLs, and what is sent early waits', async () => {
    const socket = await PlainClient.open(node.url, 'websocket', 'auth=message');
    await socket.send(
      { type: 'connect', auth: { user: 'ada', slow: true } },
      { type: 'event', event: 'echo', args: ['early'], id: 1 },
      { type: 'event', event: 'echo', args: ['second'], id: 2 },
    );
    expect(await socket.next()).toMatchObject({ type: 'connect', user: 'ada' });
    expect(await socket.next()).toMatchObject({ event: 'welcome' });
    expect(await socket.next()).toMatchObject({ id: 1, args: ['early'] });
    expect(await socket.next()).toMatchObject({ id: 2, args: ['second'] });
    socket.close();
    for (const path of ['/sse', '/poll', '/poll?stream=1']) {
      const body = JSON.stringify({ type: 'connect', auth: { user: 'ada' } });
      const answer = await fetch(node.url + path, { method: 'POST', body });
      const chunk = await answer.body?.getReader().read();
      expect(new TextDecoder().decode(chunk?.value)).toContain('"user":"ada"');
    }
  });

  test('frames of a format of their own come back as they went', async () => {
    const socket = new WebSocket(`${node.url.replace(/^http/, 'ws')}/ws?format=raw`);
    socket.binaryType = 'arraybuffer';
    const back: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.addEventListener('message', ({ data }) => {
      back.push(typeof data === 'string' ? data : [...new Uint8Array(data as ArrayBuffer)]);
      if (back.length === 4) resolve();
    });
    socket.addEventListener('open', () => {
      for (const frame of ['any text', '', '{"type":"ping"}']) socket.send(frame);
      socket.send(new Uint8Array([1, 2]));
    });
    await promise;
    expect(back).toEqual(['any text', '', '{"type":"ping"}', [1, 2]]);
    socket.close();
  });
});

test('sessions are counted by transport, and gone when their clients are', async () => {
  await using node = await HoldfastProcess.start({ app: APP, workers: 2 });
  const clients = await Promise.all(
    PLAIN_TRANSPORTS.map((transport) => PlainClient.open(node.url, transport)),
  );
  for (const client of clients) await client.nextOf('connect');
  const transportsAre = async (expected: object): Promise<void> => {
    const deadlineMs = performance.now() + 10_000;
    for (;;) {
      const { transports } = await node.load();
      if (Bun.deepEquals(transports, expected)) return;
      if (performance.now() > deadlineMs) expect(transports).toEqual(expected as never);
      await Bun.sleep(50);
    }
  };
  await transportsAre({ polling: 1, websocket: 1, sse: 1, stream: 1 });
  const [socket, sse, stream] = clients;
  for (const client of [socket, sse, stream]) client?.close();
  await transportsAre({ polling: 1, websocket: 0, sse: 0, stream: 0 });
  clients[3]?.close();
});
