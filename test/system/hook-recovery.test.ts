/** Sessions that come back, where hooks decide: who they are and their rooms are asked anew. */

import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { HOOK_SECRET, HookBackend } from '../support/hook-backend.ts';
import { within } from '../support/raw-deadline.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'hooks-app.ts');

let closed = new Set<string>();
let user = 'ada';
let failures = 0;
const backend = new HookBackend(({ call, join: asked }) => {
  if (call === 'join' && failures > 0) {
    failures--;
    return new Response('', { status: 500 });
  }
  if (call === 'connect') return { allow: true, user, rooms: ['home'] };
  return call === 'join' ? { allow: (asked as string[]).every((room) => !closed.has(room)) } : {};
});
let node: HoldfastProcess;

setDefaultTimeout(60_000);

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: APP,
    workers: 2,
    config: {
      hookUrl: backend.url,
      hookSecret: HOOK_SECRET,
      hookCalls: ['connect', 'join', 'disconnect'],
      rooms: {
        '*': {
          join: 'anyone',
          publish: 'nobody',
          history: { messages: 100, seconds: 60 },
          recovery: true,
          presence: false,
        },
      },
    },
  });
});

afterAll(async () => {
  await node.stop();
  await backend[Symbol.asyncDispose]();
});

beforeEach(() => {
  backend.calls.length = 0;
  closed = new Set();
  user = 'ada';
  failures = 0;
});

/** Joins rooms, is cut off, and comes back. @returns with how it was asked about then */
async function cutOff(rooms: readonly string[], meanwhile: () => void): Promise<Socket> {
  const socket = io(node.url, {
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 50,
    reconnectionDelayMax: 100,
  });
  await eventually(
    'it is in',
    () => socket.connected,
    (isIn) => isIn,
  );
  for (const room of rooms) await socket.emitWithAck('holdfast:join', room);
  // So that it has a position.
  const heard = new Promise((resolve) => socket.once('news', resolve));
  await node.publish({ event: 'news', args: [1], room: 'home' });
  await within('the news come', heard);
  meanwhile();
  backend.calls.length = 0;
  socket.io.engine.close();
  await eventually(
    'it is gone',
    () => socket.connected,
    (isIn) => !isIn,
  );
  await eventually(
    'it is back',
    () => socket.connected,
    (isIn) => isIn,
  );
  return socket;
}

test('its rooms are asked about, and those that are allowed are its own again', async () => {
  const socket = await cutOff(['a', 'b', 'c'], () => {});
  expect(socket.recovered).toBe(true);
  expect(await socket.emitWithAck('rooms')).toEqual(['a', 'b', 'c', 'home']);
  expect(backend.asked('connect')).toHaveLength(1);
  expect(backend.asked('join').map(({ join: asked }) => asked)).toEqual([['a', 'b', 'c']]);
  socket.close();
});

test('each end is told, with the id that it has again', async () => {
  const socket = await cutOff(['a'], () => {});
  const ends = () => backend.asked('disconnect').map(({ session, reason }) => [session, reason]);
  await eventually('the cut is told', ends, ({ length }) => length > 0);
  const { id } = socket;
  socket.disconnect();
  await eventually('so is the end', ends, ({ length }) => length > 1);
  expect(ends()).toEqual([
    [id, 'transport close'],
    [id, 'client namespace disconnect'],
  ]);
});

test('a room that is not allowed any more is lost', async () => {
  const socket = await cutOff(['a', 'b'], () => closed.add('b'));
  expect(await socket.emitWithAck('rooms')).toEqual(['a', 'home']);
  socket.close();
});

test('while nobody can say it is sent away, and its session is kept for it', async () => {
  const socket = await cutOff(['a'], () => {
    failures = 2;
  });
  expect(failures).toBe(0);
  expect(socket.recovered).toBe(true);
  expect(await socket.emitWithAck('rooms')).toEqual(['a', 'home']);
  socket.close();
});

test('as another user it gets another session', async () => {
  const socket = await cutOff(['a'], () => {
    user = 'eve';
  });
  expect(socket.recovered).toBe(false);
  expect(await socket.emitWithAck('rooms')).toEqual(['home']);
  socket.close();
});
