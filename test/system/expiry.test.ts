/**
 * Tokens that run out while their session is open, on the real command. The tests wait for most of
 * their time, so they run side by side.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { connect } from '../../src/client/index.ts';
import type { RoomsConfig } from '../../src/host/config/rooms.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { within } from '../support/raw-deadline.ts';
import { inSeconds, madeUp } from '../support/tokens.ts';
import { eventually } from './eventually.ts';
import { type ExpiringClient, openExpiring } from './expiry-client.ts';
import { ALL_TRANSPORTS, type AnyTransport, isSocketIo } from './token-client.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'expiry-app.ts');
const SECRET = 'a secret of thirty-two bytes or more';
/** Between the question and the end a busy machine has three seconds to answer. */
const SHORT_S = 8;
const LONG_S = 600;

let node: HoldfastProcess;
beforeAll(async () => {
  const rooms: RoomsConfig = {
    kept: {
      join: 'users',
      publish: 'users',
      history: { messages: 10, seconds: 60 },
      recovery: true,
      presence: false,
    },
  };
  const config = { tokenSecret: SECRET, tokenToleranceMs: 0, refreshMs: 5_000, rooms };
  node = await HoldfastProcess.start({ app: APP, workers: 2, config });
});
afterAll(() => node.stop());

const tokenOf = (sub: string, seconds: number, more: object = {}): string =>
  madeUp({ alg: 'HS256' }, { sub, exp: inSeconds(seconds), ...more }, SECRET);

const overAll = <T>(act: (over: AnyTransport) => Promise<T>): Promise<T[]> =>
  Promise.all(ALL_TRANSPORTS.map(act));

/** What a client hears of the end. */
const endOf = (over: AnyTransport): readonly unknown[] =>
  isSocketIo(over) ? ['expired', 'io server disconnect'] : ['session expired', 'number'];

async function reasonsCounted(reason: string): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  const lines = text.matchAll(/^holdfast_refusals_total\{(.*)\} (\d+)$/gm);
  return [...lines]
    .filter(([, labels]) => labels?.includes(`reason="${reason}"`))
    .reduce((sum, [, , count]) => sum + Number(count), 0);
}

test.concurrent('who brings no new token is asked once, ended and told', async () => {
  const before = await reasonsCounted('sessionExpired');
  const clients = await overAll((over) =>
    openExpiring(node.url, over, tokenOf(`late over ${over}`, SHORT_S)),
  );
  await Promise.all(clients.map((client) => client.ended()));
  for (const [at, over] of ALL_TRANSPORTS.entries()) {
    const { asked, told } = clients[at] as ExpiringClient;
    expect([over, asked, told]).toEqual([over, 1, endOf(over)]);
    const line = new RegExp(`late over ${over} over .*: session expired`);
    await eventually(
      'the app has heard of it',
      () => node.logText,
      (text) => line.test(text),
    );
  }
  await eventually(
    'all were counted',
    () => reasonsCounted('sessionExpired'),
    (count) => count >= before + ALL_TRANSPORTS.length,
  );
});

test.concurrent('who brings a new one stays, with the rooms of that one', async () => {
  const rooms = (name: string): object => ({ rooms: [name] });
  const clients = await overAll(async (over) => {
    const answer = (): object => ({ token: tokenOf(over, LONG_S, rooms('after')) });
    const token = tokenOf(over, SHORT_S, rooms('before'));
    const client = await openExpiring(node.url, over, token, () => ({ ...answer() }));
    expect([await client.join('before'), await client.join('after')]).toEqual([true, false]);
    return client;
  });
  await eventually(
    'all were asked',
    () => clients.map(({ asked }) => asked),
    (counts) => counts.every((asked) => asked === 1),
  );
  // Longer than the first token.
  await Bun.sleep((SHORT_S + 1) * 1_000);
  for (const [at, over] of ALL_TRANSPORTS.entries()) {
    const client = clients[at] as ExpiringClient;
    expect([await client.join('other'), await client.join('after')]).toEqual([false, true]);
    expect(await client.ask('who')).toEqual([over, 'before', 'after']);
    expect([client.asked, client.told]).toEqual([1, []]);
    client.close();
  }
});

const BAD: Readonly<Record<string, (user: string) => Readonly<Record<string, unknown>>>> = {
  'for another user': () => ({ token: tokenOf('somebody else', LONG_S) }),
  forged: (user) => ({ token: `${tokenOf(user, LONG_S)}x` }),
  expired: (user) => ({ token: tokenOf(user, -60) }),
  none: () => ({}),
  'no text': () => ({ token: 7 }),
};

test.concurrent('a bad new token ends the session, which is told the same', async () => {
  const ends = Object.entries(BAD).map(async ([name, answer]) => {
    const clients = await overAll((over) =>
      openExpiring(node.url, over, tokenOf(over, SHORT_S), () => answer(over)),
    );
    await Promise.all(clients.map((client) => client.ended()));
    for (const [at, over] of ALL_TRANSPORTS.entries()) {
      expect([name, over, clients[at]?.told]).toEqual([name, over, endOf(over)]);
    }
  });
  await Promise.all(ends);
});

test.concurrent('the same token again is none, and the session ends when it does', async () => {
  const token = tokenOf('again', SHORT_S);
  const clients = await overAll((over) => openExpiring(node.url, over, token, () => ({ token })));
  await Promise.all(clients.map((client) => client.ended()));
  for (const [at, over] of ALL_TRANSPORTS.entries()) {
    const { asked, told } = clients[at] as ExpiringClient;
    expect([over, asked, told]).toEqual([over, 1, endOf(over)]);
  }
});

test.concurrent('a new token that nobody asked for is refused, and the client stays', async () => {
  const socket = new WebSocket(
    `${node.url.replace(/^http/, 'ws')}/ws?token=${tokenOf('early', LONG_S)}`,
  );
  const said: Record<string, unknown>[] = [];
  socket.addEventListener('message', ({ data }) =>
    said.push(JSON.parse(String(data)) as Record<string, unknown>),
  );
  await eventually(
    'it is in',
    () => said.length,
    (count) => count === 1,
  );
  socket.send(JSON.stringify({ type: 'auth', auth: { token: tokenOf('other', LONG_S) }, id: 1 }));
  socket.send(JSON.stringify({ type: 'auth', auth: 'no object', id: 2 }));
  socket.send(JSON.stringify({ type: 'event', event: 'who', id: 3 }));
  await eventually(
    'all is answered',
    () => said.length,
    (count) => count === 4,
  );
  expect(said.slice(1)).toMatchObject([
    { type: 'error', id: 1, reason: 'badMessage' },
    { type: 'error', id: 2, reason: 'badMessage' },
    { type: 'ack', id: 3, args: [['early']] },
  ]);
  socket.close();
});

test.concurrent('a client with a format of its own is told by the close frame', async () => {
  const token = tokenOf('raw', SHORT_S);
  const url = `${node.url.replace(/^http/, 'ws')}/ws?format=raw&token=${token}`;
  const socket = new WebSocket(url);
  const { promise, resolve } = Promise.withResolvers<readonly unknown[]>();
  socket.addEventListener('close', ({ code, reason }) => resolve([code, reason]));
  expect(await within('it is closed', promise, 15_000)).toEqual([1008, 'session expired']);
});

test.concurrent('the small client brings a new one by itself', async () => {
  const transports = ['websocket', 'sse', 'polling'] as const;
  const stays = transports.map(async (transport) => {
    let made = 0;
    const client = connect(node.url, {
      auth: () => ({ token: tokenOf('small', made++ === 0 ? SHORT_S : LONG_S) }),
      transports: [transport],
    });
    expect(await client.emitWithAck('who')).toEqual(['small']);
    const { id } = client;
    await Bun.sleep((SHORT_S + 1) * 1_000);
    expect(await client.emitWithAck('who')).toEqual(['small']);
    expect([client.id, made]).toEqual([id as string, 2]);
    client.close();
  });
  await Promise.all(stays);
});

test.concurrent('who comes back with a new token has missed nothing', async () => {
  const options = { transports: ['websocket'], rooms: ['kept'] } as const;
  let made = 0;
  const changes: unknown[] = [];
  const client = connect(node.url, {
    ...options,
    auth: () => {
      made++;
      // At the question there is none yet.
      if (made === 2) throw new Error('no token now');
      return { token: tokenOf('missing', made === 1 ? SHORT_S : LONG_S) };
    },
    onState: (change) => {
      changes.push(change.state === 'open' ? change.recovered : change.state);
      if (change.state === 'waiting') void other.publish('kept', 'said', 'meanwhile');
    },
    onError: () => {},
  });
  const heard: unknown[] = [];
  client.on('said', (text) => heard.push(text));
  const other = connect(node.url, { ...options, auth: { token: tokenOf('other', LONG_S) } });
  await client.emitWithAck('who');
  await other.publish('kept', 'said', 'before');
  await eventually(
    'both are heard',
    () => heard.length,
    (count) => count === 2,
    2 * SHORT_S * 1_000,
  );
  expect(heard).toEqual(['before', 'meanwhile']);
  expect(changes).toEqual([false, 'waiting', 'connecting', true]);
  client.close();
  other.close();
});

test.concurrent('the small client comes back with a new one when it was too late', async () => {
  let made = 0;
  const reasons: unknown[] = [];
  const client = connect(node.url, {
    auth: () => {
      made++;
      if (made === 2) throw new Error('no token now');
      return { token: tokenOf('back', made === 1 ? SHORT_S : LONG_S) };
    },
    onState: (change) => reasons.push('reason' in change ? change.reason : change.state),
    onError: (error) => reasons.push(error.message),
  });
  await client.emitWithAck('who');
  await eventually(
    'it is back',
    () => reasons,
    (all) => all.at(-1) === 'open' && all.length > 2,
  );
  expect(reasons).toEqual(['open', 'no token now', 'session expired', 'connecting', 'open']);
  client.close();
});
