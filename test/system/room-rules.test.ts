/** Rules for rooms on the real command: who may join and publish, by whichever way. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../src/client/index.ts';
import type { RoomRule, RoomsConfig } from '../../src/host/config/rooms.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { PLAIN_TRANSPORTS } from '../support/plain-clients.ts';
import { madeUp } from '../support/tokens.ts';
import { eventually } from './eventually.ts';
import { openRulesClient, type RulesClient } from './rules-client.ts';
import { ALL_TRANSPORTS, type AnyTransport, present } from './token-client.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'rules-app.ts');
const SECRET = 'a secret of thirty-two bytes or more';
const NOT_JOINED = 'this room may not be joined';
const NOT_PUBLISHED = 'this room may not be published to';

const rule = (join: RoomRule, publish: RoomRule): RoomsConfig[string] => ({
  join,
  publish,
  recovery: false,
  presence: false,
});
const ROOMS: RoomsConfig = {
  'open:*': rule('anyone', 'anyone'),
  'users:*': rule('users', 'users'),
  'inbox:*': rule('owner', 'owner'),
  'paid:*': rule('granted', 'granted'),
  'closed:*': rule('nobody', 'nobody'),
};

type Who = 'nobody' | 'ada' | 'ada with rooms';
const tokenOf = (claims: object): string => madeUp({ alg: 'HS256' }, { ...claims }, SECRET);
const AUTH: Readonly<Record<Who, object>> = {
  nobody: {},
  ada: { token: tokenOf({ sub: 'ada' }) },
  'ada with rooms': { token: tokenOf({ sub: 'ada', rooms: ['paid:1', 'inbox:*', 'closed:*'] }) },
};

/** Who may do what, where join and publish have the same rule. */
const CASES: readonly (readonly [Who, string, boolean])[] = [
  ['nobody', 'open:1', true],
  ['nobody', 'users:1', false],
  ['nobody', 'inbox:ada', false],
  ['nobody', 'inbox:', false],
  ['nobody', 'paid:1', false],
  ['ada', 'users:1', true],
  ['ada', 'inbox:ada', true],
  ['ada', 'inbox:bob', false],
  ['ada', 'paid:1', false],
  ['ada', 'closed:1', false],
  ['ada with rooms', 'paid:1', true],
  ['ada with rooms', 'paid:2', false],
  ['ada with rooms', 'inbox:ada', true],
  ['ada with rooms', 'inbox:bob', false],
  ['ada with rooms', 'open:1', false],
  ['ada with rooms', 'closed:1', false],
];

let node: HoldfastProcess;
const open = (over: AnyTransport, who: Who, rooms: readonly string[] = []): Promise<RulesClient> =>
  openRulesClient(node.url, over, { ...AUTH[who] }, rooms);

beforeAll(async () => {
  const config = { tokenSecret: SECRET, allowAnonymous: true, rooms: ROOMS };
  node = await HoldfastProcess.start({ app: APP, workers: 2, config });
});
afterAll(() => node.stop());

describe.each(ALL_TRANSPORTS)('over %s', (over) => {
  test('a room is joined as its rule says', async () => {
    for (const [who, room, may] of CASES) {
      const client = await open(over, who);
      expect([who, room, await client.join(room)]).toEqual([
        who,
        room,
        may ? undefined : NOT_JOINED,
      ]);
      expect([room, await client.ask('rooms')]).toEqual([room, may ? [room] : []]);
      if (may) {
        expect(await client.leave(room)).toBeUndefined();
        expect(await client.ask('rooms')).toEqual([]);
      }
      client.close();
    }
  });

  test('the app has to say yes, too, and may itself do what it likes', async () => {
    const client = await open(over, 'nobody');
    expect(await client.join('open:staff')).toBe(NOT_JOINED);
    expect(await client.ask('take', 'closed:1')).toEqual(['closed:1']);
    client.close();
    const given = await openRulesClient(node.url, over, { given: true });
    expect(await given.ask('rooms')).toEqual(['closed:given']);
    given.close();
    const token = tokenOf({ sub: 'ada', join: ['closed:2'], rooms: [] });
    const joined = await openRulesClient(node.url, over, { token });
    expect(await joined.ask('rooms')).toEqual(['closed:2']);
    expect(await joined.join('open:1')).toBe(NOT_JOINED);
    joined.close();
  });

  test('the room of another session is for that one alone', async () => {
    const [one, other] = [await open(over, 'ada'), await open('websocket', 'ada')];
    const id = (await other.ask('id')) as string;
    expect([await one.join(id), await one.publish(id, 'x', 1)]).toEqual([
      NOT_JOINED,
      NOT_PUBLISHED,
    ]);
    one.close();
    other.close();
  });

  test('what is published reaches all of the room but its sender, once', async () => {
    const listeners = await Promise.all(ALL_TRANSPORTS.map((kind) => open(kind, 'ada')));
    const sender = await open(over, 'ada');
    for (const one of [...listeners, sender]) {
      expect(await one.join('users:all')).toBeUndefined();
    }
    for (const at of [1, 2, 3]) {
      expect(await sender.publish('users:all', 'said', { at })).toBeUndefined();
    }
    expect(await sender.publish('users:all', 'last')).toBeUndefined();
    for (const listener of listeners) {
      const said: unknown[] = [];
      await eventually(
        'all is heard',
        () => said.push(...listener.heard('said')) && said,
        (all) => Array.isArray(all) && all.length === 3,
      );
      expect(said).toEqual([{ at: 1 }, { at: 2 }, { at: 3 }]);
      listener.close();
    }
    expect([await sender.ask('id'), sender.heard('said')]).toEqual([expect.any(String), []]);
    sender.close();
  });

  test('it is published as the rule says, also by who is not in the room', async () => {
    for (const [who, room, may] of CASES) {
      const client = await open(over, who);
      expect([who, room, await client.publish(room, 'x', 1)]).toEqual([
        who,
        room,
        may ? undefined : NOT_PUBLISHED,
      ]);
      client.close();
    }
  });

  test('nobody is taken for the server', async () => {
    const client = await open(over, 'ada');
    const names = ['connect', 'disconnect', 'connect_error', 'error', 'presence', 'holdfast:x'];
    for (const name of names) {
      expect(await client.publish('users:1', name)).toBe(
        'an event of this name may not be published',
      );
    }
    client.close();
  });

  test('names that cannot be are refused, and the client stays', async () => {
    const client = await open(over, 'ada');
    const rooms = ['', 'x'.repeat(257), 'users:\ud800', 7, null, ['users:1'], { a: 1 }];
    for (const room of rooms) {
      expect([room, await client.join(room)]).toEqual([room, expect.any(String)]);
      expect([room, await client.publish(room, 'x')]).toEqual([room, expect.any(String)]);
    }
    expect(await client.publish('users:1', 7)).toBeString();
    expect(await client.publish('users:1', 'half \ud800')).toBeString();
    expect(await client.ask('rooms')).toEqual([]);
    client.close();
  });
});

test.each(PLAIN_TRANSPORTS)('a room of the query is judged likewise, over %s', async (over) => {
  for (const [who, room, may] of CASES) {
    const query = { room };
    const { isIn, refusal } = await present(node.url, over, { auth: { ...AUTH[who] }, query });
    expect([who, room, isIn]).toEqual([who, room, may]);
    if (!may) expect(JSON.stringify(refusal)).toContain(NOT_JOINED);
  }
});

test('a handler of the app for such an event wins', async () => {
  const { io } = await import('socket.io-client');
  const socket = io(`${node.url}/own`, { forceNew: true, transports: ['websocket'] });
  expect(await socket.timeout(5_000).emitWithAck('holdfast:join', 'closed:1')).toBe(
    'the app was asked for closed:1',
  );
  expect(await socket.timeout(5_000).emitWithAck('holdfast:publish', 'closed:1', 'x')).toEqual({
    error: NOT_PUBLISHED,
  });
  socket.disconnect();
});

test.each(['websocket', 'sse', 'polling'] as const)('the small client, over %s', async (over) => {
  const options = { auth: { ...AUTH.ada }, transports: [over] };
  const one = connect(node.url, options);
  const other = connect(node.url, { ...options, rooms: ['users:small'] });
  const heard: unknown[] = [];
  other.on('said', (...args) => heard.push(args));
  await other.emitWithAck('rooms');
  await one.publish('users:small', 'said', 'a', new Uint8Array([1, 2]));
  await eventually(
    'it is heard',
    () => heard.length,
    (count) => count === 1,
  );
  expect(heard).toEqual([['a', new Uint8Array([1, 2])]]);
  const refused = await one.publish('paid:1', 'said').catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'refused', reason: 'publishForbidden' });
  one.close();
  other.close();
});

describe('without rules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'room-rules-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each<[string, boolean, boolean]>([
    ['', true, true],
    ['', false, false],
    ['mayJoin: () => true,', false, true],
    ['mayJoin: () => false,', true, false],
  ])('an app with %p, plain clients %p: may join %p', async (parts, plainClients, may) => {
    const app = join(folder, `app-${plainClients}-${may}.ts`);
    const on = 'on: { rooms: ({ rooms }) => rooms }';
    writeFileSync(
      app,
      `import { defineApp } from 'holdfast';\nexport default defineApp({ ${parts} ${on} });`,
    );
    await using own = await HoldfastProcess.start({ app, workers: 1, config: { plainClients } });
    const client = await openRulesClient(own.url, 'Socket.IO websocket');
    expect(await client.join('any')).toBe(may ? undefined : NOT_JOINED);
    const mayLeave = may || parts !== '';
    expect(await client.leave('any')).toBe(mayLeave ? undefined : 'this room may not be left');
    expect(await client.publish('any', 'x')).toBe(NOT_PUBLISHED);
    client.close();
  });
});
