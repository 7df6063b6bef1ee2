/** The plain protocol: messages that clients send by POST. */

import { expect, test } from 'bun:test';
import { HTTP_KINDS, openPlain, plainRequest, poll, postTo } from '../support/plain-client.ts';
import { event, type Message, question } from '../support/plain-messages.ts';
import { expectRefusal } from '../support/plain-refusal.ts';
import { requestText } from '../support/plain-stream.ts';
import { SETTLE_MS } from '../support/raw-deadline.ts';
import { RawPeer } from '../support/raw-peer.ts';
import type { Answer, Endpoint } from '../support/raw-polling.ts';
import { nextPacket, openWire } from '../support/raw-socketio.ts';
import {
  ALLOWED_ORIGIN,
  asked,
  describePlain,
  expectAlive,
  MAX_PAYLOAD_BYTES,
  Opened,
} from './plain-target.ts';

const PATHS = ['/sse', '/poll'] as const;

function post(
  endpoint: Endpoint,
  target: string,
  body: RequestInit['body'],
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return plainRequest(endpoint, target, { method: 'POST', body, headers });
}

function expectAccepted(answer: Answer, accepted: number): void {
  expect([answer.status, answer.body.slice(0, 200)]).toEqual([200, expect.any(String)]);
  expect(JSON.parse(answer.body)).toEqual({ accepted });
}

async function rawPeer({ url }: Endpoint): Promise<RawPeer> {
  return await RawPeer.open(Number(new URL(url).port));
}

describePlain('plain messages by POST', (endpoint) => {
  for (const kind of HTTP_KINDS) {
    for (const path of PATHS) {
      test(`a session over ${kind} is sent to at ${path}`, async () => {
        await using opened = new Opened(endpoint);
        const client = await opened.open(kind);
        const body = [question(1, 'echo', 'a'), event('back', 'b')].map((one) =>
          JSON.stringify(one),
        );
        const answer = await post(endpoint, `${path}?session=${client.session}`, body.join('\n'));
        expectAccepted(answer, 2);
        expect(answer.headers.get('content-type')).toStartWith('application/json');
        expect(answer.headers.get('cache-control')).toContain('no-store');
        expect(await client.next()).toEqual({ type: 'ack', id: 1, args: ['a'] });
        expect(await client.next()).toEqual(event('back', 'b'));
      });
    }
  }
  declareBodies(endpoint);
  declareOrder(endpoint);
  declareStrangers(endpoint);
  declareHalves(endpoint);
});

function declareBodies(endpoint: Endpoint): void {
  test.each([
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/json',
    'application/x-ndjson',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; charset=utf-16',
    'nonsense',
  ])('a body is UTF-8 whatever its type says: %s', async (type) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('stream');
    const body = JSON.stringify(event('back', 'ü ✓ 🚀'));
    const target = `/poll?session=${client.session}`;
    expectAccepted(await post(endpoint, target, body, { 'content-type': type }), 1);
    expect(await client.next()).toEqual(event('back', 'ü ✓ 🚀'));
  });

  test('a body may have no type, and be sent in chunks', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('sse');
    const peer = await rawPeer(endpoint);
    peer.send(`POST /sse?session=${client.session} HTTP/1.1\r\nHost: x\r\n`);
    peer.send('Transfer-Encoding: chunked\r\n\r\n');
    const body = JSON.stringify(question(1, 'echo', 'in chunks'));
    for (let at = 0; at < body.length; at += 7) {
      const piece = body.slice(at, at + 7);
      peer.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
      await Bun.sleep(1);
    }
    peer.send('0\r\n\r\n');
    await peer.untilText('{"accepted":1}');
    expect(await client.next()).toMatchObject({ args: ['in chunks'] });
    peer.leave();
  });

  test('lines may end in \\r\\n, and the last one may end', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('stream');
    const line = (id: number): string => JSON.stringify(question(id, 'echo', id));
    const body = `${line(1)}\r\n${line(2)}\n${line(3)}\r\n`;
    expectAccepted(await post(endpoint, `/poll?session=${client.session}`, body), 3);
    for (const id of [1, 2, 3]) expect(await client.next()).toMatchObject({ id, args: [id] });
    await expectAlive(client);
  });

  test('what is refused in a body ends nothing, and the rest is taken', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('sse');
    const lines = [
      JSON.stringify(event('keep', 1)),
      'no JSON',
      JSON.stringify(event('keep', 2)),
      '{"type":"unknown","id":5}',
      '{"type":"join","room":"forbidden","id":6}',
      JSON.stringify(event('keep', 3)),
    ];
    const answer = await post(endpoint, `/poll?session=${client.session}`, lines.join('\n'));
    expect(answer.status).toBe(200);
    expect(await client.next()).toMatchObject({ type: 'error' });
    expect(await client.next()).toMatchObject({ type: 'error', id: 5 });
    expect(await client.next()).toMatchObject({ type: 'error', id: 6, reason: 'joinForbidden' });
    expect(await asked(client, 'heard')).toMatchObject({ args: [1, 2, 3] });
  });

  test('ten thousand messages in one body are taken, in order', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('stream');
    const lines = Array.from(
      { length: 10_000 },
      (_, n) => `{"type":"event","event":"keep","args":[${n}]}`,
    );
    const target = `/poll?session=${client.session}`;
    const init = { method: 'POST', body: lines.join('\n') };
    expectAccepted(await plainRequest(endpoint, target, init, 30_000), 10_000);
    await client.send(question(1, 'heard'));
    const { args } = (await client.next('all of them', 30_000)) as unknown as { args: number[] };
    expect(args).toEqual(lines.map((_, number) => number));
  });

  test('a body that is empty or blank brings no message', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('polling');
    for (const body of ['', '\n', '\r\n\n']) {
      const answer = await post(endpoint, `/poll?session=${client.session}`, body);
      if (answer.status === 200) expectAccepted(answer, 0);
      else expectRefusal(answer, { status: 400, reason: 'badRequest' });
    }
    await expectAlive(client);
  });

  test.each([
    ['a broken sequence', [0x22, 0xff, 0xfe, 0x22]],
    ['half a character at the end', [0x22, 0xe2, 0x82]],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ])('what is no UTF-8 is refused: %s', async (_what, bytes) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('stream');
    const [before, after] = JSON.stringify(event('keep', '|')).split('"|"') as [string, string];
    const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
    const answer = await post(endpoint, `/poll?session=${client.session}`, body);
    expectRefusal(answer, { status: 400, reason: 'badRequest' });
    expect(await asked(client, 'heard')).toMatchObject({ type: 'ack', args: [] });
    await expectAlive(client);
  });

  test('a body over maxPayload is refused, however it says its length', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('stream');
    const target = `/poll?session=${client.session}`;
    const head = '{"type":"event","event":"count","id":1,"args":["';
    const full = `${head}${'x'.repeat(MAX_PAYLOAD_BYTES - head.length - 3)}"]}`;
    expectAccepted(await post(endpoint, target, full), 1);
    expect(await client.next()).toEqual({ type: 'ack', id: 1, args: [1] });
    const refused = { status: 413, reason: 'payloadTooLarge' };
    expectRefusal(await post(endpoint, target, `${full} `), refused);
    expectRefusal(await post(endpoint, target, 'x'.repeat(3 * MAX_PAYLOAD_BYTES)), refused);
    const peer = await rawPeer(endpoint);
    peer.send(`POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    peer.send(`fffff\r\n${'x'.repeat(0xf_ff_ff)}\r\nfffff\r\n`);
    await peer.untilText('HTTP/1.1 413 ');
    peer.leave();
    await expectAlive(client);
  });
}

function declareOrder(endpoint: Endpoint): void {
  test('a client that waits for each answer has its order', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('polling');
    const numbers = Array.from({ length: 30 }, (_, number) => number);
    for (const number of numbers) await client.send(event('keep', number));
    expect(await asked(client, 'heard')).toMatchObject({ args: numbers });
  });

  test('bodies that come over one connection are taken in their order', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('stream');
    const peer = await rawPeer(endpoint);
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    const target = `/poll?session=${client.session}`;
    const requests = numbers.map((number) =>
      requestText({ target, method: 'POST', body: JSON.stringify(event('keep', number)) }),
    );
    peer.send(requests.join(''));
    await peer.until('all answers', ({ text }) => text.split('{"accepted":1}').length === 21);
    expect(await asked(client, 'heard')).toMatchObject({ args: numbers });
    peer.leave();
  });

  test('bodies at once are each taken whole', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('sse');
    const bodies = Array.from({ length: 20 }, (_, body) =>
      [0, 1, 2].map((line) => `${body}-${line}`),
    );
    const posts = bodies.map((names) =>
      postTo(endpoint, client.session, ...names.map((name) => event('keep', name))),
    );
    for (const answer of await Promise.all(posts)) expectAccepted(answer, 3);
    const { args } = (await asked(client, 'heard')) as unknown as { args: readonly string[] };
    expect([...args].sort()).toEqual(bodies.flat().sort());
    for (const [first] of bodies) {
      const at = args.indexOf(first as string);
      expect(args.slice(at, at + 3)).toEqual(bodies[Number(first?.split('-')[0])] as string[]);
    }
  });

  test('the answer of a handler that waits does not hold up the POST', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('stream');
    expectAccepted(await postTo(endpoint, client.session, event('ask', 30_000, 1)), 1);
    expect(await client.next()).toMatchObject({ event: 'question' });
    await expectAlive(client);
  });
}

function declareStrangers(endpoint: Endpoint): void {
  test.each([
    'A'.repeat(24),
    'A'.repeat(23),
    'A'.repeat(5000),
    '_-'.repeat(12),
    '__proto__',
    '0',
    '%00',
    '%FF%FE',
    'a.b',
    '../..',
    '%F0%9F%9A%80',
  ])('a session that is not there: %s', async (session) => {
    for (const path of PATHS) {
      const answer = await post(endpoint, `${path}?session=${session}`, '{"type":"ping"}');
      expectRefusal(answer, { status: 404, reason: 'sessionUnknown' });
    }
  });

  test('a session that is over is not there', async () => {
    for (const kind of HTTP_KINDS) {
      const client = await openPlain(endpoint, kind);
      await client.send('{"type":"disconnect"}');
      await client.ended();
      const answer = await postTo(endpoint, client.session, '{"type":"ping"}');
      expectRefusal(answer, { status: 404, reason: 'sessionUnknown' });
      await client.close();
    }
  });

  test('what follows the disconnect in a body is not done', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('stream');
    const other = await opened.open('stream', { rooms: ['after-the-end'] });
    await client.send('{"type":"disconnect"}', event('tell', 'after-the-end', 'told', 'no'));
    await client.ended();
    await expectAlive(other);
  });

  test('a session of a Socket.IO client takes no plain messages', async () => {
    const wire = await openWire(endpoint, 'websocket');
    await wire.send('0');
    const { data } = await nextPacket(wire);
    for (const session of [(data as { sid: string }).sid, wire.engineSid]) {
      const answer = await postTo(endpoint, session, event('back', 1));
      expect(answer.status).toBe(404);
    }
    await wire.close();
  });

  test('pages of origins that may ask need no preflight, others are refused', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('sse');
    const target = `/sse?session=${client.session}`;
    const body = JSON.stringify(event('keep', 1));
    const allowed = await post(endpoint, target, body, {
      origin: ALLOWED_ORIGIN,
      'content-type': 'text/plain',
    });
    expectAccepted(allowed, 1);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(ALLOWED_ORIGIN);
    const foreign = await post(endpoint, target, body, { origin: 'https://other.example' });
    expectRefusal(foreign, { status: 403, reason: 'originForbidden' });
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    expect(await asked(client, 'heard')).toMatchObject({ args: [1] });
  });

  test('an opening in the place of a message is refused', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open('stream');
    await client.send('{"type":"connect","auth":{"user":"admin"}}');
    expect(await client.next()).toMatchObject({ type: 'error', reason: 'badMessage' });
    expect(await asked(client, 'who')).toMatchObject({ args: [{ user: null }] });
  });
}

function declareHalves(endpoint: Endpoint): void {
  test.each(['leave', 'reset', 'finish'] as const)(
    'half a body, and then the end of the connection (%s), does nothing',
    async (how) => {
      await using opened = new Opened(endpoint);
      const client = await opened.open('stream');
      const body = [1, 2, 3].map((number) => JSON.stringify(event('keep', number))).join('\n');
      const peer = await rawPeer(endpoint);
      const target = `/poll?session=${client.session}`;
      const request = requestText({ target, method: 'POST', body });
      peer.send(request.slice(0, -20));
      await Bun.sleep(SETTLE_MS);
      peer[how]();
      await peer.untilEnd();
      peer.leave();
      await Bun.sleep(SETTLE_MS);
      expect(await asked(client, 'heard')).toMatchObject({ args: [] });
    },
  );

  test('an opening whose body never comes whole opens nothing', async () => {
    const peer = await rawPeer(endpoint);
    const body = '{"type":"connect","auth":{"user":"u1"}}';
    peer.send(requestText({ target: '/poll', method: 'POST', body }).slice(0, -1));
    await Bun.sleep(SETTLE_MS);
    expect(peer.text).toBe('');
    peer.finish();
    await peer.untilEnd();
    expect(peer.text).not.toContain('"connect"');
    const { messages } = await poll(endpoint, '');
    expect((messages[0] as Message).type).toBe('connect');
  });
}
