/** Tokens, rules, ends, seats and presence where sessions come back: what holds for both. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { findToken } from '../../src/host/access/left-token.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { inSeconds, madeUp } from '../support/tokens.ts';
import { type Asked, type Comer, closeAll, come, type Kind } from './comeback-client.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'meeting-app.ts');
const SECRET = 'a secret of thirty-two bytes or more';
const KEPT = {
  join: 'anyone',
  publish: 'granted',
  presence: true,
  recovery: true,
  history: { messages: 100, seconds: 60 },
} as const;
const CONFIG = {
  tokenSecret: SECRET,
  tokenDataClaim: 'data',
  tokenToleranceMs: 0,
  rooms: { 'kept:*': KEPT },
};
const KINDS: readonly Kind[] = ['websocket', 'io-websocket'];

const tokenOf = (claims: object): string => madeUp({ alg: 'HS256' }, { ...claims }, SECRET);
const authOf = (user: string, claims: object = {}) => ({
  token: tokenOf({ sub: user, ...claims }),
});

const comers: Comer[] = [];
let numbers = 0;
const newUser = (): string => `u${++numbers}`;
const newRoom = (): string => `kept:${++numbers}`;

async function opened(node: HoldfastProcess, kind: Kind, asked: Asked): Promise<Comer> {
  const comer = await come(node.url, kind, asked);
  comers.push(comer);
  return comer;
}

async function back(comer: Comer, asked?: Asked): Promise<Comer> {
  const next = await comer.again(asked);
  comers.push(next);
  return next;
}

/** Is cut off, and its session waits for it. */
async function cut(node: HoldfastProcess, comer: Comer): Promise<void> {
  const before = await waiting(node);
  comer.cut();
  await eventually(
    'its session waits',
    () => waiting(node),
    (count) => count > before,
  );
}

async function waiting(node: HoldfastProcess): Promise<number> {
  const metrics = await (await node.admin('/metrics')).text();
  const found = /^holdfast_recovery_cut_sessions (\d+)$/m.exec(metrics);
  return Number(found?.[1]);
}

async function disconnect(node: HoldfastProcess, whom: object): Promise<number> {
  const answer = await node.post('/disconnect', JSON.stringify(whom));
  return ((await answer.json()) as { disconnected: number }).disconnected;
}

async function asked(node: HoldfastProcess, path: string): Promise<unknown> {
  const authorization = `Bearer ${findToken({ of: 'admin', port: node.adminPort })}`;
  return await (await node.admin(path, { headers: { authorization } })).json();
}

interface About {
  readonly user: string;
  readonly rooms: readonly string[];
  readonly data: unknown;
  readonly recovered: boolean;
}
const aboutOf = (comer: Comer): Promise<About> => comer.ask('about') as Promise<About>;

describe('on three workers', () => {
  let node: HoldfastProcess;
  beforeAll(async () => {
    node = await HoldfastProcess.start({ app: APP, workers: 3, config: CONFIG });
  });
  afterAll(async () => {
    closeAll(comers.splice(0));
    await node.stop();
  });

  describe.each(
    KINDS.flatMap(
      (kind) =>
        [
          [kind, '/'],
          [kind, '/other'],
        ] as const,
    ),
  )('%s in %s', (kind, namespace) => {
    const enter = async (user: string, room: string, claims?: object): Promise<Comer> => {
      const comer = await opened(node, kind, { namespace, auth: authOf(user, claims) });
      await comer.ask('enter', room);
      return comer;
    };

    const ends: Record<string, (id: string, user: string, room: string) => Promise<unknown>> = {
      'POST /disconnect by its id': (session) => disconnect(node, { namespace, session }),
      'POST /disconnect by its user': (_id, user) => disconnect(node, { namespace, user }),
      'POST /disconnect by its room': (_id, _user, room) =>
        disconnect(node, { namespace, room, close: true }),
      'the app by its id': async (id) => {
        const other = await opened(node, 'websocket', { namespace, auth: authOf('other') });
        await other.ask('endOf', id);
      },
    };

    test.each(Object.keys(ends))('%s is for good', async (name) => {
      const [user, room] = [newUser(), newRoom()];
      const comer = await enter(user, room);
      const id = comer.connect?.id as string;
      await ends[name]?.(id, user, room);
      await comer.until('it is ended', () => comer.over !== undefined);
      const again = await back(comer);
      expect(again.connect?.recovered).toBe(false);
      expect(again.connect?.id).not.toBe(id);
      expect((await aboutOf(again)).rooms).toEqual([]);
      again.cut();
    });

    test('an end by a handler is for good', async () => {
      const comer = await enter(newUser(), newRoom());
      comer.ask('end').catch(() => {});
      await eventually(
        'it is ended',
        () => comer.over,
        (over) => over !== undefined,
      );
      const again = await back(comer);
      expect(again.connect?.recovered).toBe(false);
      again.cut();
    }, 30_000);

    test.each(['session', 'user', 'room'] as const)('an end by %s while it waits', async (by) => {
      const [user, room] = [newUser(), newRoom()];
      const comer = await enter(user, room);
      await cut(node, comer);
      const whom = { session: comer.connect?.id as string, user, room };
      const others = namespace === '/' ? '/other' : '/';
      await disconnect(node, { namespace: others, [by]: whom[by] });
      expect(await disconnect(node, { namespace, [by]: whom[by] })).toBe(0);
      const again = await back(comer);
      expect(again.connect?.recovered).toBe(false);
      again.cut();
    });

    test('only the new token counts', async () => {
      const [user, room, other] = [newUser(), newRoom(), newRoom()];
      const before = { rooms: [room], exp: inSeconds(4) };
      const comer = await enter(user, room, before);
      expect(await comer.join(room)).toBeUndefined();
      await cut(node, comer);
      const claims = { rooms: [other], exp: inSeconds(60), data: { of: 'the new one' } };
      const again = await back(comer, { namespace, auth: authOf(user, claims) });
      const recovered = { user, rooms: [room], recovered: true, data: { of: 'the new one' } };
      expect(await aboutOf(again)).toEqual(recovered);
      expect(again.connect?.id).toBe(comer.connect?.id as string);
      await Bun.sleep(4_500);
      expect(again.over).toBeUndefined();
      // Cut once more, with a token that ends soon.
      await cut(node, again);
      const last = await back(again, { namespace, auth: authOf(user, { exp: inSeconds(3) }) });
      expect(await aboutOf(last)).toMatchObject({ recovered: true, rooms: [room] });
      await last.until('it runs out', () => last.over !== undefined);
      expect(last.over).toContain(kind.startsWith('io-') ? 'io server' : 'session expired');
    });

    test('it is reached and ended by its id wherever it is', async () => {
      const [user, room] = [newUser(), newRoom()];
      let comer = await enter(user, room);
      const id = comer.connect?.id as string;
      const first = await comer.ask('worker');
      for (let now = first; now === first; now = await comer.ask('worker')) {
        await cut(node, comer);
        comer = await back(comer);
        expect([comer.connect?.id, comer.connect?.recovered]).toEqual([id, true]);
      }
      // Which no client keeps it from.
      if (kind.startsWith('io-')) expect(await comer.ask('holdfast:leave', id)).toBeUndefined();
      const other = await opened(node, 'websocket', { namespace, auth: authOf('other') });
      await other.ask('sayTo', id);
      await comer.heard('to it alone');
      const all = (await other.ask('all')) as { id: string; rooms: string[] }[];
      expect(all.filter((one) => one.id === id)).toEqual([{ id, rooms: [room] }]);
      const query = new URLSearchParams({ namespace, most: '1000' });
      const listed = JSON.stringify(await asked(node, `/rooms?${query.toString()}`));
      expect(listed).toContain(room);
      expect(listed).not.toContain(id);
      expect((await aboutOf(comer)).rooms).toEqual([room]);
      expect(await disconnect(node, { namespace, session: id })).toBe(1);
      await comer.until('it is ended', () => comer.over !== undefined);
      other.cut();
    });

    test('who is back in time was never away', async () => {
      const [user, room] = [newUser(), newRoom()];
      const watcher = await opened(node, 'websocket', { namespace, auth: authOf('watcher') });
      await watcher.ask('enter', room);
      let comer = await enter(user, room);
      const told = () => watcher.of('presence') as { count: number }[];
      await watcher.until('two are there', () => told().at(-1)?.count === 2);
      const before = told().length;
      for (let at = 0; at < 3; at++) {
        await cut(node, comer);
        comer = await back(comer);
      }
      await Bun.sleep(1_500);
      expect(told().slice(before)).toEqual([]);
      const { count, users } = (await watcher.ask('who', room)) as {
        count: number;
        users: { user: string; sessions: number }[];
      };
      expect(count).toBe(2);
      expect(users.find((one) => one.user === user)?.sessions).toBe(1);
      watcher.cut();
      comer.cut();
    });
  });

  test('data that handlers set, whenever, outlives the worker', async () => {
    const namespace = '/marking';
    const claims = { join: [newRoom()] };
    const asked = { namespace, auth: authOf(newUser(), claims) };
    const comer = await opened(node, 'websocket', asked);
    const later = await opened(node, 'websocket', { ...asked, auth: authOf(newUser(), claims) });
    await later.ask('later');
    // A moment after handlers have run.
    await Bun.sleep(500);
    for (const pid of await node.workerPids()) process.kill(pid as number, 'SIGKILL');
    for (const one of [comer, later]) {
      await one.until('its worker is gone', () => one.over !== undefined);
    }
    const data = { set: 'as it came in' };
    const again = await eventually(
      'they are back',
      () => Promise.all([comer, later].map((one) => back(one).catch(() => undefined))),
      (all) => all.every((one) => one !== undefined),
    );
    const seen = await Promise.all(again.map((one) => aboutOf(one as Comer)));
    expect(seen.map((one) => one.data)).toEqual([data, { ...data, later: true }]);
    expect(seen.every(({ recovered }) => recovered)).toBe(true);
  });

  /** What a client of Socket.IO presents of a session that waits. */
  async function left(room: string): Promise<{ readonly auth: string; readonly id: string }> {
    const token = tokenOf({ sub: newUser() });
    const socket = await engine();
    socket.send(`40${JSON.stringify({ token })}`);
    const { sid, pid } = JSON.parse((await socket.text()).slice(2)) as { sid: string; pid: string };
    socket.send(`420${JSON.stringify(['enter', room])}`);
    await socket.text();
    const before = await waiting(node);
    socket.close();
    await eventually(
      'its session waits',
      () => waiting(node),
      (count) => count > before,
    );
    return { auth: JSON.stringify({ token, pid }), id: sid };
  }

  async function engine(): Promise<RawWebSocket> {
    const socket = new RawWebSocket(node.url);
    await socket.opened;
    await socket.text();
    return socket;
  }

  test('what was published is given to the others', async () => {
    const room = newRoom();
    const auth = authOf(newUser(), { rooms: [room] });
    const one = await opened(node, 'io-websocket', { auth, rooms: [room] });
    const two = await opened(node, 'websocket', { auth, rooms: [room] });
    expect(await one.ask('holdfast:publish', room, 'said', 'by one')).toBeUndefined();
    await two.heard('by one');
    await cut(node, one);
    await cut(node, two);
    const three = await opened(node, 'io-websocket', { auth });
    const four = await opened(node, 'websocket', { auth, rooms: [room] });
    expect(await three.ask('holdfast:publish', room, 'said', 'by three')).toBeUndefined();
    // An ack may be faster than the word of what is said: others may still speak before it.
    await four.heard('by three');
    await node.publish({ event: 'said', args: ['to both'], room, user: 'nobody' });
    for (const comer of [one, two]) {
      const again = await back(comer);
      await again.heard('to both');
      expect(again.of('said')).toEqual(['by three', 'to both']);
    }
  });

  test('two CONNECTs in a row are one', async () => {
    const { auth, id } = await left(newRoom());
    for (let at = 0; at < 5; at++) {
      const socket = await engine();
      socket.send(`40${auth}`, `40${auth}`);
      expect(await socket.text()).toStartWith(`40{"sid":"${id}"`);
      socket.send(`421${JSON.stringify(['about'])}`);
      expect(await socket.text()).toContain('"recovered":true');
      socket.close();
      await socket.closed;
    }
  });

  test('an event before the answer ends a connection, and no session', async () => {
    const { auth, id } = await left(newRoom());
    const hasty = await engine();
    hasty.send(`40${auth}`, `420${JSON.stringify(['about'])}`);
    await hasty.end();
    const socket = await engine();
    socket.send(`40${auth}`);
    expect(await socket.text()).toStartWith(`40{"sid":"${id}"`);
    socket.close();
  });

  test('what plain clients send before the answer comes behind it', async () => {
    const auth = authOf(newUser());
    let comer = await opened(node, 'websocket', { auth });
    await comer.ask('enter', newRoom());
    const { recovery = '' } = comer.connect ?? {};
    const query = new URLSearchParams({ auth: JSON.stringify(auth), recovery });
    const hasty = async (message: object): Promise<RawWebSocket> => {
      await cut(node, comer);
      const socket = new RawWebSocket(node.url, { path: '/ws', wholeQuery: query.toString() });
      await socket.opened;
      socket.send(JSON.stringify(message));
      const told = JSON.parse(await socket.text()) as { type: string; recovered: boolean };
      expect(told).toMatchObject({ type: 'connect', recovered: true });
      return socket;
    };
    const about = await hasty({ type: 'event', event: 'about', id: 1 });
    expect(JSON.parse(await about.text())).toMatchObject({ type: 'ack', id: 1 });
    // Whoever has it taken from a client that is still there has it, and ends it.
    comer = await opened(node, 'websocket', { auth, recovery });
    expect(comer.connect?.recovered).toBe(true);
    await about.end();
    const over = await hasty({ type: 'disconnect' });
    await over.end();
    expect((await opened(node, 'websocket', { auth, recovery })).connect?.recovered).toBe(false);
  });

  test('who is gone again before an answer may still come back', async () => {
    const { auth, id } = await left(newRoom());
    for (let at = 0; at < 10; at++) {
      const socket = await engine();
      socket.send(`40${auth}`);
      if (at % 2 === 1) await Bun.sleep(1);
      socket.close();
      await socket.closed;
    }
    await Bun.sleep(100);
    const socket = await engine();
    socket.send(`40${auth}`);
    expect(await socket.text()).toStartWith(`40{"sid":"${id}"`);
    socket.close();
  });
});

describe.each(['refuse', 'endOldest'] as const)('one session a user, %s', (sessionsOverLimit) => {
  let node: HoldfastProcess;
  beforeAll(async () => {
    const config = { ...CONFIG, maxSessionsPerUser: 1, sessionsOverLimit };
    node = await HoldfastProcess.start({ app: APP, workers: 3, config });
  });
  afterAll(async () => {
    closeAll(comers.splice(0));
    await node.stop();
  });

  test('many that come back at once', async () => {
    const auth = authOf('ada');
    const waits: Comer[] = [];
    for (let at = 0; at < 6; at++) {
      const comer = await opened(node, at % 2 === 0 ? 'websocket' : 'io-websocket', { auth });
      await comer.ask('enter', 'kept:race');
      await cut(node, comer);
      waits.push(comer);
    }
    let all: readonly Comer[] = waits;
    for (let round = 0; round < 8; round++) {
      const tried = await Promise.allSettled(all.map((comer) => back(comer)));
      const inside = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      await Bun.sleep(150);
      const left = inside.filter(({ over }) => over === undefined);
      expect(left).toHaveLength(1);
      if (sessionsOverLimit === 'endOldest') all = inside;
      closeAll(left);
      await eventually(
        'nobody is in',
        () => asked(node, '/users/ada') as Promise<{ count: number }>,
        ({ count }) => count === 0,
      );
    }
    expect((await opened(node, 'websocket', { auth })).over).toBeUndefined();
  });
});
