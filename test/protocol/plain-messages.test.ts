/** The plain protocol: what messages mean, the same over every transport. */

import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { PLAIN_KINDS, type PlainClient, type PlainKind } from '../support/plain-client.ts';
import { event, type Message, question } from '../support/plain-messages.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { asked, describePlain, expectAlive, Opened, whyGone } from './plain-target.ts';

const MAX_ID = 2 ** 53 - 1;

/** Values that come back as they went. */
const VALUES: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['numbers', [0, -1, 1.5, 1e300, MAX_ID]],
  ['empty things', ['', [], {}]],
  ['line ends of all kinds', 'a\nb\r\nc\rd\u2028e\u2029f\u0085g\0h'],
  ['what looks like frames of SSE', '\n\ndata: x\nid: 7\nretry: 1\n: comment\n\n'],
  ['all planes of Unicode', 'ä ✓ 漢 🚀 \u{10ffff} \u200d \ufeff'],
  ['backslashes and quotes', '\\ \\" \\u0041 \' " /'],
  ['names of prototypes', [{ constructor: 1, toString: 'x' }, '__proto__']],
];

/** What is no message; the session that sends it goes on. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['no JSON', 'hello'],
  ['half a message', '{"type":"event","event":"echo"'],
  ['two messages in one', '{"type":"ping"}{"type":"ping"}'],
  ['an array', '[{"type":"ping"}]'],
  ['a text', '"ping"'],
  ['a number', '7'],
  ['null', 'null'],
  ['no type', '{}'],
  ['a type that is no text', '{"type":1}'],
  ['an unknown type', '{"type":"subscribe","room":"a"}'],
  ['a type of the server', '{"type":"pong"}'],
  ['an error', '{"type":"error","reason":"x","message":"y"}'],
  ['a type in capitals', '{"type":"Event","event":"echo"}'],
  ['a type of prototypes', '{"type":"__proto__"}'],
  ['a type of all objects', '{"type":"constructor"}'],
  ['an event without a name', '{"type":"event","args":[1]}'],
  ['an event whose name is no text', '{"type":"event","event":{"a":1},"args":[1]}'],
  ['args that are no list', '{"type":"event","event":"echo","args":{"0":1}}'],
  ['args that are a text', '{"type":"event","event":"echo","args":"red"}'],
  ['a join of nothing', '{"type":"join"}'],
  ['a join of an object', '{"type":"join","room":{"a":1}}'],
  ['a join of many', '{"type":"join","room":["a","b"]}'],
  ['a leave of nothing', '{"type":"leave"}'],
  ['a second connect', '{"type":"connect","auth":{}}'],
  [
    'nested too deep',
    `{"type":"event","event":"echo","args":[${'['.repeat(5000)}${']'.repeat(5000)}]}`,
  ],
  ['nested beyond any stack', `{"type":"event","event":"echo","args":${'['.repeat(200_000)}`],
  ['too many keys', `{"type":"event","event":"echo","args":[{${manyKeys(25_000)}}]}`],
];

const BAD_IDS = ['-1', '1.5', '9007199254740992', '1e400', '"1"', 'true', '[1]', '{}', '-0.5'];

function manyKeys(count: number): string {
  return Array.from({ length: count }, (_, number) => `"key${number}":0`).join(',');
}

const newRoom = (): string => crypto.randomUUID();

describePlain('plain messages', (endpoint) => {
  for (const kind of PLAIN_KINDS) {
    describe(`over ${kind}`, () => {
      declareEvents(endpoint, kind);
      declareIds(endpoint, kind);
      declareRooms(endpoint, kind);
      declareAcks(endpoint, kind);
      declareOrder(endpoint, kind);
      declareBinary(endpoint, kind);
      declareRefused(endpoint, kind);
      declareRates(endpoint, kind);
    });
  }
});

function declareEvents(endpoint: Endpoint, kind: PlainKind): void {
  test.each(VALUES)('%s come back as they went', async (_what, value) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(question(3, 'echo', value, 'and more'), event('back', value));
    expect(await client.next()).toEqual({ type: 'ack', id: 3, args: [value, 'and more'] });
    expect(await client.next()).toEqual(event('back', value));
  });

  test('args may be left out, and what is not named is passed over', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(
      '{"type":"event","event":"count","id":1}',
      '{"id":2,"room":["x"],"event":"count","position":{},"args":[1,2],"data":7,"type":"event"}',
      ' \t{ "type" : "event" , "event" : "count" , "args" : [ null ] , "id" : 3 } ',
    );
    for (const [id, count] of [
      [1, 0],
      [2, 2],
      [3, 1],
    ]) {
      expect(await client.next()).toEqual({ type: 'ack', id, args: [count] });
    }
  });

  test('an answer has what the handler returned', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(question(1, 'nothing'));
    expect(await client.next()).toEqual({ type: 'ack', id: 1, args: [] });
    await client.send(question(2, 'first', { a: [1] }));
    expect(await client.next()).toEqual({ type: 'ack', id: 2, args: [{ a: [1] }] });
    await client.send(question(3, 'later', 'soon'));
    expect(await client.next()).toEqual({ type: 'ack', id: 3, args: ['soon'] });
  });

  test('what a handler refuses is an error with its words', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    const error = await asked(client, 'refuse');
    expect(error).toMatchObject({ id: 99, reason: 'failed', message: 'not like that' });
    expect(error['data']).toEqual({ hint: 7 });
    await expectAlive(client);
  });

  test('what a handler stumbles over is an error without the words of the runtime', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    const error = await asked(client, 'stumble', {});
    expect(error).toMatchObject({ type: 'error', id: 99, reason: 'failed' });
    expect(String(error['message'])).not.toContain('deeper');
    await expectAlive(client);
  });

  test('an event that nobody hears is answered, too', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    for (const name of ['unheard', '__proto__', 'toString', 'constructor', 'connected', '']) {
      const error = { type: 'error', id: 99, reason: 'eventUnheard' };
      expect([name, await asked(client, name)]).toMatchObject([name, error]);
    }
    await client.send(event('unheard'));
    await expectAlive(client);
  });

  test('without an id there is no answer', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(event('echo', 1), event('nothing'), '{"type":"leave","room":"a"}');
    await client.send('{"type":"join","room":"a"}');
    await expectAlive(client);
  });

  test('ping is always answered', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send('{"type":"ping"}', '{"type":"ping","id":7,"args":[1]}');
    expect(await client.next()).toEqual({ type: 'pong' });
    expect(await client.next()).toEqual({ type: 'pong' });
    await expectAlive(client);
  });

  test('disconnect is the end, for the client and for the app', async () => {
    await using opened = new Opened(endpoint);
    const watcher = await opened.open('websocket');
    await asked(watcher, 'watch');
    const client = await opened.open(kind);
    await client.send(event('keep', 1), '{"type":"disconnect"}');
    await client.ended();
    expect(await whyGone(watcher, client.id)).toBe('client namespace disconnect');
  });
}

function declareIds(endpoint: Endpoint, kind: PlainKind): void {
  test('an id may be any whole number up to 2^53−1', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    for (const id of [0, 1, 2 ** 31, 2 ** 32, 2 ** 52, MAX_ID]) {
      await client.send(question(id, 'echo', id));
      expect(await client.next()).toEqual({ type: 'ack', id, args: [id] });
    }
    await client.send('{"type":"event","event":"echo","args":[7],"id":1e2}');
    expect(await client.next()).toEqual({ type: 'ack', id: 100, args: [7] });
  });

  test('an id may be used again, even while an answer is under way', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(
      question(5, 'later', 'a'),
      question(5, 'echo', 'b'),
      question(5, 'echo', 'c'),
    );
    const answers = [await client.next(), await client.next(), await client.next()];
    expect(answers.map(({ args, id }) => [args, id])).toEqual([
      [['b'], 5],
      [['c'], 5],
      [['a'], 5],
    ]);
  });

  test.each(BAD_IDS)('the id %s is refused, and its message not done', async (id) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(`{"type":"event","event":"keep","args":["no"],"id":${id}}`);
    expect(await client.next()).toMatchObject({ type: 'error', reason: 'badMessage' });
    expect(await asked(client, 'heard')).toMatchObject({ type: 'ack', args: [] });
  });
}

function declareRooms(endpoint: Endpoint, kind: PlainKind): void {
  test('join and leave are done when they are answered', async () => {
    await using opened = new Opened(endpoint);
    const room = newRoom();
    const [client, teller] = [await opened.open(kind), await opened.open('websocket')];
    await client.send({ type: 'join', room, id: 1 });
    expect(await client.next()).toEqual({ type: 'ack', id: 1, args: [] });
    await asked(teller, 'tell', room, 'goal', 2);
    expect(await client.next()).toEqual(event('goal', 2));
    await client.send({ type: 'join', room, id: 2 });
    expect(await client.next()).toEqual({ type: 'ack', id: 2, args: [] });
    await asked(teller, 'tell', room, 'goal', 3);
    expect(await client.next()).toEqual(event('goal', 3));
    await client.send({ type: 'leave', room, id: 3 });
    expect(await client.next()).toEqual({ type: 'ack', id: 3, args: [] });
    await asked(teller, 'tell', room, 'goal', 4);
    await client.send({ type: 'leave', room, id: 4 });
    expect(await client.next()).toEqual({ type: 'ack', id: 4, args: [] });
    await expectAlive(client);
  });

  test('a room that the app forbids is an error, and the session goes on', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send({ type: 'join', room: 'forbidden', id: 8 });
    expect(await client.next()).toMatchObject({ type: 'error', id: 8, reason: 'joinForbidden' });
    await asked(client, 'tell', 'forbidden', 'told', 1);
    await client.send({ type: 'leave', room: 'forbidden', id: 9 });
    expect(await client.next()).toEqual({ type: 'ack', id: 9, args: [] });
    await expectAlive(client);
  });

  test('the room of another session cannot be joined', async () => {
    await using opened = new Opened(endpoint);
    const [victim, client] = [await opened.open('websocket'), await opened.open(kind)];
    await client.send({ type: 'join', room: victim.id, id: 1 });
    expect(await client.next()).toMatchObject({ type: 'error', id: 1 });
    await asked(client, 'tell', victim.id, 'told', 1);
    expect(await victim.next()).toEqual(event('told', 1));
    await expectAlive(client);
  });

  test('names of rooms are any text of 1 to 256 characters', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    for (const room of ['__proto__', 'constructor', ' ', 'ü\n🚀', 'x'.repeat(256)]) {
      await client.send({ type: 'join', room, id: 1 }, event('tell', room, 'told', room));
      expect(await client.next()).toEqual({ type: 'ack', id: 1, args: [] });
      expect(await client.next()).toEqual(event('told', room));
    }
    for (const room of ['', 'x'.repeat(257)]) {
      await client.send({ type: 'join', room, id: 2 });
      expect(await client.next()).toMatchObject({ type: 'error', id: 2 });
    }
    await expectAlive(client);
  });

  test('all of a room but the sender hear what is for the others', async () => {
    await using opened = new Opened(endpoint);
    const room = newRoom();
    const client = await opened.open(kind, { rooms: [room] });
    const others = await Promise.all(
      PLAIN_KINDS.map((each) => opened.open(each, { rooms: [room] })),
    );
    expect(await asked(client, 'others', room, 'moved', { to: 'e4' })).toMatchObject({ id: 99 });
    for (const other of others) expect(await other.next()).toEqual(event('moved', { to: 'e4' }));
    await expectAlive(client);
  });
}

function declareAcks(endpoint: Endpoint, kind: PlainKind): void {
  test('an event with an id is answered by an ack', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(event('ask', 30_000, 'really?'));
    const asks = await client.next();
    expect(asks).toEqual({ ...event('question', 'really?'), id: expect.any(Number) });
    expect(Number.isSafeInteger(asks['id']) && Number(asks['id']) >= 0).toBe(true);
    await client.send({ type: 'ack', id: asks['id'], args: ['yes', 2] });
    expect(await client.next()).toEqual(event('answered', 'yes', 2));
  });

  test('acks find their questions, in whatever order they come', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    const names = ['a', 'b', 'c'];
    await client.send(...names.map((name) => event('ask', 30_000, name)));
    const asks = [await client.next(), await client.next(), await client.next()];
    expect(new Set(asks.map(({ id }) => id)).size).toBe(3);
    await client.send(...asks.reverse().map(({ id, args }) => ({ type: 'ack', id, args: args })));
    const answers = [await client.next(), await client.next(), await client.next()];
    expect(answers).toEqual(['c', 'b', 'a'].map((name) => event('answered', name)));
  });

  test('acks that nobody waits for harm nobody, and none answers twice', async () => {
    await using opened = new Opened(endpoint);
    const [client, other] = [await opened.open(kind), await opened.open('websocket')];
    await client.send(event('ask', 30_000, 1));
    const { id } = await client.next();
    const ack = (args: readonly unknown[]): Message => ({ type: 'ack', id, args });
    // Another session's ack is for a question of its own.
    await other.send(ack(['not mine']));
    await client.send(ack(['first']), ack(['second']), { type: 'ack', id: MAX_ID, args: [] });
    const answers = [await client.next()];
    expect(answers).toEqual([event('answered', 'first')]);
    await client.send('{"type":"ping"}');
    await onlyErrorsUntilPong(client);
  });

  test('an ack that is late answers nothing', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(event('ask', 50, 'quick?'));
    const { id } = await client.next();
    expect(await client.next()).toEqual(event('unanswered'));
    await client.send({ type: 'ack', id, args: ['too late'] }, '{"type":"ping"}');
    await onlyErrorsUntilPong(client);
  });

  test('an ack with an id that is none, or none at all, is refused', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    const bad = BAD_IDS.map((id) => `{"type":"ack","args":[],"id":${id}}`);
    await client.send(...bad, '{"type":"ack","args":[]}');
    for (let told = 0; told <= bad.length; ) {
      const error = await client.next('word of each that was refused');
      expect(error).toMatchObject({ type: 'error', reason: 'badMessage' });
      told += Number(error['refused'] ?? 1);
    }
    await expectAlive(client);
  });
}

/** Whatever the server says of acks that nobody waits for, it is no event. */
async function onlyErrorsUntilPong(client: PlainClient): Promise<void> {
  for (;;) {
    const message = await client.next();
    if (message.type === 'pong') return;
    expect(message.type).toBe('error');
  }
}

function declareOrder(endpoint: Endpoint, kind: PlainKind): void {
  test('messages are taken, and answers given, in the order in which they were sent', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    const numbers = Array.from({ length: 500 }, (_, number) => number);
    await client.send(...numbers.map((number) => question(number, 'echo', number)));
    for (const number of numbers) {
      expect(await client.next()).toEqual({ type: 'ack', id: number, args: [number] });
    }
  });

  test('each message is done before the next one is looked at', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    const room = newRoom();
    await client.send(
      { type: 'join', room },
      event('tell', room, 'told', 1),
      { type: 'leave', room },
      event('tell', room, 'told', 2),
      { type: 'join', room },
      event('tell', room, 'told', 3),
      question(1, 'nothing'),
    );
    const heard = [await client.next(), await client.next(), await client.next()];
    expect(heard.filter(({ type }) => type === 'event')).toEqual([
      event('told', 1),
      event('told', 3),
    ]);
    expect(heard.filter(({ type }) => type === 'ack')).toEqual([{ type: 'ack', id: 1, args: [] }]);
  });

  test('up to the first wait of a handler', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(event('slowly', 'a'), event('keep', 'b'), question(1, 'later', 0));
    expect(await client.next()).toMatchObject({ id: 1 });
    await client.send(question(2, 'later', 0));
    expect(await client.next()).toMatchObject({ id: 2 });
    expect(await asked(client, 'heard')).toMatchObject({ args: ['a begins', 'b', 'a ends'] });
  });
}

function declareBinary(endpoint: Endpoint, kind: PlainKind): void {
  test.each([0, 1, 2, 3, 125, 65_536, 300_000])('%d bytes arrive as they were', async (length) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    const bytes = crypto.getRandomValues(new Uint8Array(Math.min(length, 65_536)));
    const all = Buffer.concat(Array(Math.ceil(length / 65_536)).fill(bytes)).subarray(0, length);
    const $binary = all.toString('base64');
    const hash = createHash('sha256').update(all).digest('hex');
    expect(await asked(client, 'digest', { deep: [{ $binary }] })).toMatchObject({ args: [hash] });
    const back = { a: [{ b: { $binary } }, { $binary }] };
    expect(await asked(client, 'echo', back)).toMatchObject({ args: [back] });
  });

  test('bytes of the app come as text, at any depth', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(event('bytes', 5));
    expect(await client.next()).toEqual(event('bytes', { deep: [{ $binary: 'BwcHBwc=' }] }));
  });

  test('an ack of a client may hold bytes', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(event('ask', 30_000, { bytes: { $binary: 'AQID' } }));
    const { id, args } = await client.next();
    expect(args).toEqual([{ bytes: { $binary: 'AQID' } }]);
    await client.send({ type: 'ack', id, args: [[{ $binary: '/+8=' }]] });
    expect(await client.next()).toEqual(event('answered', [{ $binary: '/+8=' }]));
  });

  test.each(['5', 'null', '[]', '"*"', '"A"', '"AQI\\n="', '{"$binary":"AQID"}'])(
    'what only looks like bytes harms nobody: %s',
    async (value) => {
      await using opened = new Opened(endpoint);
      const client = await opened.open(kind);
      await client.send(`{"type":"event","event":"echo","id":4,"args":[{"$binary":${value}}]}`);
      const answer = await client.next();
      expect(['ack', 'error']).toContain(answer.type);
      expect(answer['id']).toBe(4);
      await expectAlive(client);
    },
  );
}

function declareRefused(endpoint: Endpoint, kind: PlainKind): void {
  test.each(REFUSED)('%s is refused, and ends nothing', async (_what, text) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(event('keep', 'before'), text, event('keep', 'after'));
    const error = await client.next();
    expect(error).toMatchObject({
      type: 'error',
      reason: expect.stringMatching(/./),
      message: expect.stringMatching(/./),
    });
    // It stands for one message, which has no id.
    expect(Object.keys(error).sort()).toEqual(['message', 'reason', 'type']);
    expect(await asked(client, 'heard')).toMatchObject({ args: ['before', 'after'] });
  });

  test.each([
    ['an unknown type', '{"type":"subscribe","id":6}', 'badMessage'],
    ['no room', '{"type":"join","id":6}', 'badMessage'],
    ['a number for a name', '{"type":"event","event":7,"id":6}', 'badMessage'],
    [
      'too many keys',
      `{"type":"event","event":"echo","id":6,"args":[{${manyKeys(25_000)}}]}`,
      'tooManyKeys',
    ],
  ])('the error about %s has the id of its message', async (_what, text, reason) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(text);
    const error = await client.next();
    expect(error).toMatchObject({ type: 'error', reason });
    if (reason === 'badMessage') expect(error['id']).toBe(6);
    await expectAlive(client);
  });

  test('64 levels are taken', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    const deep = JSON.parse(`${'[{"a":'.repeat(32)}1${'}]'.repeat(32)}`) as unknown;
    expect(await asked(client, 'echo', deep)).toEqual({ type: 'ack', id: 99, args: [deep] });
  });

  test('halves of surrogate pairs cannot break what is UTF-8', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send('{"type":"event","event":"echo","id":1,"args":["a\\ud800b","\\udc00"]}');
    const { args } = (await client.next()) as unknown as { args: readonly string[] };
    const isHalf = (text: string | undefined): boolean => /^(a[\ud800\ufffd]b)$/.test(text ?? '');
    expect([isHalf(args[0]), /^[\udc00\ufffd]$/.test(args[1] ?? '')]).toEqual([true, true]);
    await client.send('{"type":"join","room":"\\ud800","id":2}');
    expect(['ack', 'error']).toContain((await client.next()).type);
    await client.send('{"type":"event","event":"\\ud800","id":3}');
    expect(['ack', 'error']).toContain((await client.next()).type);
    await expectAlive(client);
  });

  test('a message that pollutes prototypes pollutes none', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(
      '{"type":"event","event":"echo","id":1,"args":[{"__proto__":{"user":"admin"}}]}',
    );
    expect(await client.next()).toMatchObject({ type: 'ack', id: 1 });
    await client.send('{"__proto__":{"type":"ping"}}');
    expect(await client.next()).toMatchObject({ type: 'error' });
    expect(await asked(client, 'who')).toMatchObject({ args: [{ user: null }] });
  });
}

function declareRates(endpoint: Endpoint, kind: PlainKind): void {
  test('events that come too often are refused one by one where they ask', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    const ids = Array.from({ length: 40 }, (_, id) => id);
    await client.send(...ids.map((id) => question(id, 'seldom')));
    const answers: Message[] = [];
    while (answers.length < ids.length) answers.push(await client.next());
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(ids));
    const refused = answers.filter(({ type }) => type === 'error');
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['eventTooOften']));
    const { args } = await asked(client, 'how-seldom');
    expect(args).toEqual([ids.length - refused.length]);
  });

  test('and told of together where they do not', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(...Array.from({ length: 40 }, () => event('seldom')));
    await client.send(question(1, 'how-seldom'));
    let left = 40;
    while (left > 0) {
      const message = await client.next('word of each that was refused');
      if (message.type === 'ack') left -= (message['args'] as [number])[0];
      else {
        expect(message).toMatchObject({ type: 'error', reason: 'eventTooOften' });
        expect(message).not.toHaveProperty('id');
        left -= Number(message['refused'] ?? 1);
      }
    }
    expect(left).toBe(0);
  });
}
