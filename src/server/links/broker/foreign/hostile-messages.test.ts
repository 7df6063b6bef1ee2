/** The bridge against messages that mean harm or make no sense, without a Redis. */

import { describe, expect, test } from 'bun:test';
import { encode } from '@msgpack/msgpack';
import { MadeUpHome } from '../../../../../test/support/foreign-servers.ts';
import type { ForeignMode, ForeignTransport } from './contract.ts';
import { ForeignBridge } from './foreign-bridge.ts';

const MODES = ['pubsub', 'sharded', 'streams'] as const;
const EVERYONE = { rooms: [], users: [], except: [] };
const OPTS = { rooms: [], except: [], flags: {} };

class Said implements ForeignTransport {
  readonly said: { readonly channel: string; readonly payload: Uint8Array }[] = [];
  readonly entries: Readonly<Record<string, string>>[] = [];
  servers = 1;
  fails = false;

  publish(channel: string, payload: Uint8Array): Promise<number> {
    if (this.fails) return Promise.reject(new Error('it is away'));
    this.said.push({ channel, payload });
    return Promise.resolve(1);
  }
  subscribe(): void {}
  unsubscribe(): void {}
  subscribePattern(): void {}
  unsubscribePattern(): void {}
  subscribers(): Promise<number> {
    return this.fails ? Promise.reject(new Error('it is away')) : Promise.resolve(this.servers);
  }
  addToStream(fields: Readonly<Record<string, string>>): Promise<string> {
    if (this.fails) return Promise.reject(new Error('it is away'));
    this.entries.push(fields);
    return Promise.resolve('1-0');
  }
}

function start(mode: ForeignMode) {
  const transport = new Said();
  const home = new MadeUpHome();
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const bridge = new ForeignBridge({
    mode,
    prefix: 'socket.io',
    uid: 'holdfast-here',
    maxRoomChannels: 10,
    isRoomHeard: () => true,
    peers: () => 0,
    transport,
    home,
    log: { debug: say, info: say, warn: say, error: say },
    maxPayloadBytes: 1_000_000,
  });
  bridge.setNamespaces(['/']);
  const one = home.add('one', ['blue', '7']);
  for (const room of ['blue', '7']) bridge.setRoom('/', room, true);
  return { bridge, transport, home, lines, one };
}

/** Lets answers that are promised be given. */
async function turns(): Promise<void> {
  await Bun.sleep(0);
  await Bun.sleep(0);
}

const BASE = 'socket.io#/#';
const ASKED = 'socket.io-request#/#';
const ANSWERS = 'socket.io-response#/#';
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

/** Each takes the place of each field in turn. */
const STRANGE: readonly unknown[] = [
  ...[
    null,
    0,
    -1,
    1e300,
    true,
    '',
    'x',
    '\ud800',
    [],
    {},
    [[]],
    [null],
    [{}],
    ['\udfff'],
    [1, 'a'],
  ],
  ...[{ length: 1e9 }, { rooms: 5 }, { rooms: [{}] }, { rooms: 'blue' }, { toString: 1 }],
  ...['x'.repeat(300), { _placeholder: true, num: 5 }],
];

function* withStrange(value: unknown): Generator<unknown> {
  for (const strange of STRANGE) yield strange;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    const copy = (changed: unknown) =>
      Array.isArray(value)
        ? value.map((one, i) => (String(i) === name ? changed : one))
        : { ...value, [name]: changed };
    for (const changed of withStrange(inner)) yield copy(changed);
    yield copy(undefined);
  }
}

const PACKET = { type: 2, data: ['hello', { a: 1 }], nsp: '/' };
const PUBSUB = [
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].flatMap((type) => [
    { uid: 'u', requestId: 'r', type, opts: OPTS, rooms: ['x'], packet: PACKET, data: ['e', 1] },
    { uid: 'u', requestId: 'r', type, sid: 'one', room: 'x', close: true },
  ]),
];
const CLUSTER = Array.from({ length: 15 }, (_, type) => ({
  ...{ uid: 'u', nsp: '/', type },
  data: { packet: type === 9 ? ['e', 1] : PACKET, opts: OPTS, requestId: 'r', rooms: ['x'] },
}));

describe('fields of strange types', () => {
  test('in classic messages stop nothing', async () => {
    const { bridge } = start('pubsub');
    for (const message of withStrange(['u', PACKET, { ...OPTS, rooms: ['blue'] }])) {
      bridge.onMessage(BASE, encode(message));
      bridge.onMessage(`${BASE}blue#`, encode(message));
    }
    for (const valid of PUBSUB) {
      for (const message of withStrange(valid)) {
        for (const channel of [ASKED, ANSWERS]) {
          bridge.onMessage(channel, json(message));
          bridge.onMessage(channel, encode(message));
        }
      }
      await turns();
    }
    expect(bridge.figures.malformed).toBeGreaterThan(1_000);
    expect(bridge.figures.heard).toBeGreaterThan(1_000);
  });

  for (const mode of ['sharded', 'streams'] as const) {
    test(`in cluster messages of ${mode} stop nothing`, async () => {
      const { bridge } = start(mode);
      for (const valid of CLUSTER) {
        for (const message of withStrange(valid)) {
          const bytes = [json(message), encode(message)];
          for (const payload of bytes) bridge.onMessage(BASE, payload as Uint8Array);
          const { uid, nsp, type, data } = (message ?? {}) as Record<string, unknown>;
          const fields = { uid, nsp, type: JSON.stringify(type), data: JSON.stringify(data) };
          bridge.onStreamEntry('1-0', fields as Record<string, string>);
          const packed = Buffer.from(encode(data)).toString('base64');
          bridge.onStreamEntry('1-0', { ...fields, data: packed } as Record<string, string>);
        }
        await turns();
      }
      expect(bridge.figures.malformed).toBeGreaterThan(500);
      expect(bridge.figures.heard).toBeGreaterThan(500);
    });
  }
});

for (const mode of MODES) {
  test(`${mode}: bytes without sense are counted, and said once a second`, () => {
    const { bridge, lines } = start(mode);
    const message = mode === 'pubsub' ? encode(['u', PACKET, OPTS]) : encode(CLUSTER[3]);
    for (let round = 0; round < 5_000; round++) {
      const bytes = round % 2 === 0 ? new Uint8Array(round % 50) : message.slice();
      const random = crypto.getRandomValues(new Uint8Array(4));
      if (round % 2 === 0) crypto.getRandomValues(bytes);
      else bytes[(random[0] as number) % bytes.length] = random[1] as number;
      for (const channel of [BASE, ASKED, ANSWERS]) bridge.onMessage(channel, bytes);
    }
    bridge.onMessage(BASE, json({ a: JSON.parse(deep(100)) }));
    bridge.onMessage(BASE, Buffer.from(`{"uid":"u","nsp":"/","type":3,"data":${deep(100_000)}}`));
    bridge.onMessage(BASE, new Uint8Array(1_000_001));
    expect(bridge.figures.malformed).toBeGreaterThan(100);
    const faults = lines.filter((line) => line.includes('was not understood'));
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.length).toBeLessThan(10);
  });
}

test('names are texts: numbers become some, halves of pairs are nobody', () => {
  const { bridge, one } = start('pubsub');
  const say = (opts: object) => bridge.onMessage(BASE, encode(['u', PACKET, opts]));
  say({ rooms: [7] });
  say({ rooms: ['blue'], except: ['\ud800'] });
  expect(one.got).toHaveLength(2);
  say({ rooms: [''] });
  say({ rooms: ['\ud800'] });
  say({ rooms: [null] });
  say({ except: [7] });
  say({ rooms: Array.from({ length: 20_000 }, () => 'blue') });
  expect(one.got).toHaveLength(2);
  bridge.onMessage(BASE, encode(['u', { type: 2, data: [5, 'x'] }]));
  bridge.onMessage(`${BASE}7#`, encode(['u', PACKET]));
  expect(one.got).toEqual([...one.got.slice(0, 2), ['5', 'x'], ['hello', { a: 1 }]]);
});

test('a prototype in a message is a name like others', () => {
  const { bridge, one } = start('sharded');
  const data = '{"packet":{"type":2,"data":["e",{"__proto__":{"x":1}}],"nsp":"/"},"opts":{}}';
  bridge.onMessage(BASE, Buffer.from(`{"type":3,"data":${data},"uid":"u","nsp":"/"}`));
  expect(JSON.stringify(one.got[0])).toBe('["e",{"__proto__":{"x":1}}]');
  expect(({} as { x?: number }).x).toBeUndefined();
});

test('old forms name one session: only who has it does and answers it', async () => {
  const { bridge, transport, one } = start('pubsub');
  const ask = (fields: object) => bridge.onMessage(ASKED, json({ requestId: 'r', ...fields }));
  ask({ type: 2, sid: 'one', room: 9 });
  ask({ type: 3, sid: 'one', room: 'blue' });
  ask({ type: 2, sid: 'elsewhere', room: 'x' });
  ask({ type: 0, rooms: [] });
  ask({ type: 1 });
  ask({ type: 4, sid: 'one', close: true });
  await turns();
  expect([...one.rooms]).toEqual(['one', '7', '9']);
  expect(one.isEnded).toBe(true);
  const text = (payload: Uint8Array) => Buffer.from(payload).toString();
  const answers = transport.said.map(({ channel, payload }) => [
    channel,
    JSON.parse(text(payload)),
  ]);
  const own = { uid: 'holdfast-here', requestId: 'r' };
  expect(answers).toHaveLength(5);
  expect(answers).toContainEqual([ANSWERS, { ...own, sockets: ['one'] }]);
  expect(answers.filter(([, answer]) => Object.keys(answer as object).length === 2)).toHaveLength(
    3,
  );
});

for (const mode of MODES) {
  test(`${mode}: what Holdfast nodes say is left alone, whatever it is`, async () => {
    const there = start(mode);
    const here = start(mode);
    there.transport.servers = 2;
    const large = ['e', ...Array.from({ length: 2_000 }, (_, i) => `text ${i}`)];
    const bytes = { json: '["f",{"_placeholder":true,"num":0}]', attachments: [new Uint8Array(9)] };
    const { bridge } = there;
    bridge.publish('/', EVERYONE, { json: JSON.stringify(large), attachments: [], volatile: true });
    bridge.publish('/', EVERYONE, { ...bytes, volatile: false });
    bridge.command('/', EVERYONE, { kind: 'join', rooms: ['x'] });
    bridge.command('/', EVERYONE, { kind: 'disconnect', close: true });
    bridge.command('/', EVERYONE, {
      kind: 'serverSideEmit',
      event: 'e',
      args: [bytes.attachments],
    });
    const asked = bridge.request('/', EVERYONE, { kind: 'sessions' }, 20);
    await turns();
    for (const { channel, payload } of there.transport.said) {
      here.bridge.onMessage(channel, payload);
    }
    for (const fields of there.transport.entries) {
      expect(here.bridge.onStreamEntry('1-0', fields)).toBeUndefined();
    }
    expect(await asked).toEqual({ items: [], missing: 0, silent: 1 });
    await turns();
    expect(here.bridge.figures).toMatchObject({ heard: 0, malformed: 0, ignored: 6 });
    expect(here.transport.said).toEqual([]);
    expect(here.one.got).toEqual([]);
  });

  test(`${mode}: answers that are late, double or of no question are left alone`, async () => {
    const { bridge, transport } = start(mode);
    transport.servers = 3;
    const asked = bridge.request('/', EVERYONE, { kind: 'sessions' }, 50);
    await turns();
    const question = Buffer.from(transport.said[0]?.payload ?? []).toString('latin1');
    const requestId = /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/.exec(question)?.[0] as string;
    const sockets = [{ id: 'a', rooms: ['a', 5] }, { id: null }, null, { id: 'b'.repeat(500) }];
    const answer = (uid: string, id: unknown) =>
      mode === 'pubsub'
        ? bridge.onMessage(ANSWERS, json({ requestId: id, sockets }))
        : bridge.onMessage(
            BASE,
            encode({ uid, nsp: '/', type: 8, data: { requestId: id, sockets } }),
          );
    answer('x', 'of-none');
    answer('x', 5);
    answer('x', requestId);
    if (mode !== 'pubsub') answer('x', requestId);
    const session = { id: 'a', user: undefined, rooms: ['a', '5'], data: {} };
    expect(await asked).toEqual({ items: [session], missing: 0, silent: 1 });
    answer('y', requestId);
    expect(bridge.figures).toMatchObject({ heard: 1, requestsOpen: 0 });
  });

  test(`${mode}: a Redis that is away is counted, and named as missing`, async () => {
    const { bridge, transport, lines } = start(mode);
    transport.fails = true;
    bridge.publish('/', EVERYONE, { json: '["e"]', attachments: [], volatile: false });
    bridge.publish('/', EVERYONE, { json: '["e"', attachments: [], volatile: false });
    bridge.publish('/', EVERYONE, {
      json: JSON.stringify(['x'.repeat(1_000_000)]),
      attachments: [],
      volatile: false,
    });
    expect(await bridge.request('/', EVERYONE, { kind: 'count' }, 50)).toMatchObject({ silent: 1 });
    await turns();
    expect(bridge.figures).toMatchObject({ published: 0, failed: 4 });
    expect(lines.length).toBe(1);
  });

  test(`${mode}: a bridge that is closed says and hears nothing`, async () => {
    const { bridge, transport, one } = start(mode);
    transport.servers = 2;
    const asked = bridge.request('/', EVERYONE, { kind: 'sessions' }, 60_000);
    await turns();
    const before = transport.said.length;
    bridge.close();
    bridge.close();
    expect(await asked).toMatchObject({ silent: 1 });
    bridge.publish('/', EVERYONE, { json: '["e"]', attachments: [], volatile: false });
    bridge.onMessage(BASE, encode(['u', PACKET, OPTS]));
    expect(transport.said).toHaveLength(before);
    expect(one.got).toEqual([]);
  });
}
