/** Rules for rooms where clients come back: no position and no session of another is a way in. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import type { RoomRule, RoomsConfig } from '../../src/host/config/rooms.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { openPlain, PLAIN_KINDS, type PlainClient } from '../support/plain-client.ts';
import { within } from '../support/raw-deadline.ts';
import { madeUp } from '../support/tokens.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'rules-app.ts');
const SECRET = 'a secret of thirty-two bytes or more';
const KEPT = { history: { messages: 100, seconds: 60 }, recovery: true, presence: false };
const rule = (join: RoomRule): RoomsConfig[string] => ({ join, publish: 'nobody', ...KEPT });

const tokenOf = (claims: object): string => madeUp({ alg: 'HS256' }, { ...claims }, SECRET);
const ADA = { token: tokenOf({ sub: 'ada' }) };
const BOB = { token: tokenOf({ sub: 'bob' }) };
const NOBODY = {};

let node: HoldfastProcess;
const endpoint = () => ({ url: node.url, freshConnections: true });

beforeAll(async () => {
  const rooms = { 'inbox:*': rule('owner'), 'paid:*': rule('granted') };
  const config = { tokenSecret: SECRET, allowAnonymous: true, rooms };
  node = await HoldfastProcess.start({ app: APP, workers: 2, config });
});
afterAll(() => node.stop());

const sayTo = (room: string, text: string): Promise<Response> =>
  node.publish({ event: 'said', args: [text], room });

/** What a session was given to come back with. */
interface Left {
  readonly since: string;
  readonly recovery: string;
}

/** Comes in, hears something in a room, is cut off, and misses something. */
async function leave(auth: object, room: string): Promise<Left> {
  const client = await openPlain(endpoint(), 'websocket', { auth, rooms: [room] });
  await sayTo(room, 'heard');
  const { position } = await client.next('what is said');
  await client.close();
  await sayTo(room, 'missed');
  return { since: position as string, recovery: client.connect['recovery'] as string };
}

/** All that a client was told until it asked for its rooms, and these. */
async function stateOf(client: PlainClient): Promise<readonly [unknown[], unknown]> {
  const texts: unknown[] = [];
  await client.send({ type: 'event', event: 'rooms', id: 1 });
  for (;;) {
    const message = await client.next();
    if (message.type === 'ack') return [texts, (message['args'] as readonly unknown[])[0]];
    if (message['event'] === 'said') texts.push((message['args'] as readonly unknown[])[0]);
  }
}

describe.each(PLAIN_KINDS)('over %s', (kind) => {
  const comeBack = (auth: object, rooms: readonly string[], left: Partial<Left>) => {
    // A poll names the session that it had, which is not there any more, and then the position.
    const since = kind === 'polling' ? `${'A'.repeat(24)}.1.${left.since}` : left.since;
    return openPlain(endpoint(), kind, { auth, rooms, query: { ...left, since: since as string } });
  };

  test('a room of another is closed whatever was presented', async () => {
    const left = await leave(BOB, 'inbox:bob');
    const { since } = left;
    for (const auth of [ADA, NOBODY]) {
      for (const presented of [left, { since }]) {
        const opened = comeBack(auth, ['inbox:bob'], presented);
        const told = await opened.catch((error: unknown) => String(error));
        expect(told).toBeString();
        expect(told).toContain('this room may not be joined');
      }
    }
  });

  test('a session of another is not taken up, and waits for its own', async () => {
    const left = await leave(BOB, 'inbox:bob');
    for (const auth of [ADA, NOBODY]) {
      const thief = await comeBack(auth, [], left);
      expect(thief.connect.recovered).toBe(false);
      expect(await stateOf(thief)).toEqual([[], []]);
      await thief.close();
    }
    const other = await comeBack(ADA, ['inbox:ada'], left);
    expect(await stateOf(other)).toEqual([[], ['inbox:ada']]);
    await other.close();
    const own = await comeBack(BOB, ['inbox:bob'], left);
    expect(own.connect).toMatchObject({ recovered: true, user: 'bob', rooms: ['inbox:bob'] });
    expect(await stateOf(own)).toEqual([['missed'], ['inbox:bob']]);
    await own.close();
  });

  test('rooms that a new token does not name are lost, with what was said there', async () => {
    const before = { token: tokenOf({ sub: 'ada', rooms: ['paid:*'] }) };
    const left = await leave(before, 'paid:1');
    const after = { token: tokenOf({ sub: 'ada', rooms: ['paid:2'] }) };
    const back = await comeBack(after, [], left);
    expect(await stateOf(back)).toEqual([[], []]);
    await back.close();
  });
});

describe.each(['polling', 'websocket'] as const)('Socket.IO over %s', (transport) => {
  async function open(auth: object, pid?: string, offset?: string): Promise<Socket> {
    const options = { forceNew: true, reconnection: false, autoConnect: false, auth };
    const socket = io(node.url, { ...options, transports: [transport] });
    // As the client keeps them over a reconnect.
    Object.assign(socket, { _pid: pid, _lastOffset: offset });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
    socket.connect();
    await within('it is in', promise, 10_000);
    return socket;
  }

  test('a session of another is not taken up, and waits for its own', async () => {
    const bob = await open(BOB);
    expect(await bob.emitWithAck('holdfast:join', 'inbox:bob')).toBeUndefined();
    const heard = Promise.withResolvers<void>();
    bob.once('said', () => heard.resolve());
    await sayTo('inbox:bob', 'heard');
    await within('it is heard', heard.promise, 10_000);
    const { _pid: pid, _lastOffset: offset } = bob as unknown as Record<string, string>;
    expect([pid, offset]).toEqual([expect.any(String), expect.any(String)]);
    bob.io.engine.close();
    await sayTo('inbox:bob', 'missed');
    for (const auth of [ADA, NOBODY]) {
      const thief = await open(auth, pid, offset);
      const texts: unknown[] = [];
      thief.on('said', (text) => texts.push(text));
      expect(thief.recovered).toBe(false);
      expect(await thief.emitWithAck('rooms')).toEqual([]);
      expect(texts).toEqual([]);
      thief.disconnect();
    }
    const own = await open(BOB, pid, offset);
    expect(own.recovered).toBe(true);
    expect(await own.emitWithAck('rooms')).toEqual(['inbox:bob']);
    own.disconnect();
  });
});
