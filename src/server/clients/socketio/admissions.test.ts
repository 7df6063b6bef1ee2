/** Clients on their way in: asked about again, twice at a time, or for too long. */

import { describe, expect, test } from 'bun:test';
import {
  ENGINE_SETTINGS,
  FakeEngine,
  type FakeSocket,
  settle,
} from '../../../../test/support/fake-engine.ts';
import type { Admission, App, Handshake } from '../../core/app/app.ts';
import { HandshakeReads, HeaderNames } from '../session/handshake-reads.ts';
import type { EngineSession } from './engine-session.ts';

const IN = '40{"sid":…}';

async function joined(fake: FakeEngine, connect = '40'): Promise<FakeSocket> {
  const socket = fake.openUnjoined(false, connect);
  await settle();
  expect(socket.news().at(-1)).toBe(IN);
  return socket;
}

async function joinAgain(socket: FakeSocket, connect = '40'): Promise<(string | Buffer)[]> {
  socket.bring('41', connect);
  await settle();
  return socket.news();
}

/** What was sent, as soon as the client is in. */
async function admitted(socket: FakeSocket): Promise<(string | Buffer)[]> {
  while (!socket.sent.some((frame) => String(frame).startsWith('40'))) await Bun.sleep(1);
  return socket.news();
}

describe('a client that leaves the one namespace of an app and joins it again', () => {
  test.each<[string, (handshake: Handshake) => unknown, unknown]>([
    ['auth', ({ auth }) => auth, { t: 1 }],
    ['a header', ({ headers }) => headers['cookie'], 'a=b'],
    ['a header that is not there', ({ headers }) => headers['authorization'] ?? 'none', 'none'],
    ['all headers', ({ headers }) => ({ ...headers }), { cookie: 'a=b' }],
    ['headers as JSON', ({ headers }) => JSON.stringify(headers), '{"cookie":"a=b"}'],
    ['a clone of them', ({ headers }) => structuredClone(headers), { cookie: 'a=b' }],
    ['the query', ({ query }) => query.get('token'), 'x'],
    ['the address', ({ address }) => address, '127.0.0.1'],
    ['all of it', (handshake) => JSON.parse(JSON.stringify(handshake)), expect.anything()],
    ['nothing', () => 'nothing', 'nothing'],
  ])('is asked about with %s as before, at once or later', async (_name, read, told) => {
    for (const wait of [false, true]) {
      const seen: unknown[] = [];
      const look = (handshake: Handshake): void => void seen.push(read(handshake));
      const later = async (handshake: Handshake): Promise<void> => {
        await Bun.sleep(0);
        look(handshake);
      };
      const fake = new FakeEngine({ authenticate: wait ? later : look });
      const socket = fake.openUnjoined(false, '40{"t":1}');
      await admitted(socket);
      for (let times = 0; times < 2; times++) {
        socket.bring('41', '40{"t":1}');
        expect(await admitted(socket)).toEqual([IN]);
      }
      expect(seen).toEqual([told, told, told]);
      expect(seen[1]).toEqual(seen[0]);
      expect(fake.ended).toEqual(['client namespace disconnect', 'client namespace disconnect']);
    }
  });

  test('has nothing kept of it where only its auth is looked at', async () => {
    const fake = new FakeEngine({ authenticate: ({ auth }) => ({ user: String(auth['t']) }) });
    const socket = await joined(fake, '40{"t":1}');
    const engine = socket.data as EngineSession;
    expect([engine.handshake, engine.kept]).toEqual([undefined, undefined]);
  });

  test('has kept of it what was read, and the names of headers once for all', async () => {
    const fake = new FakeEngine({ authenticate: ({ headers }) => void headers['cookie'] });
    const kept = [await joined(fake), await joined(fake)].map(
      ({ data }) => (data as EngineSession).kept,
    );
    expect(kept[0]).toEqual({
      address: undefined,
      query: undefined,
      headerNames: ['cookie'],
      headers: { cookie: 'a=b' },
    });
    expect(kept[1]?.headerNames).toBe(kept[0]?.headerNames as readonly string[]);
  });

  test('has kept of it headers by whatever name', () => {
    const names = ['__proto__', 'constructor', 'tostring'];
    const headers = new Headers(names.map((name) => [name, `its ${name}`]));
    const whole = {
      headers,
      query: '',
      transport: 'websocket',
      address: '',
      addressKey: 1,
      connection: 0,
    } as const;
    const first = new HandshakeReads(whole);
    const auth = {};
    const one = first.handshake('/', auth, 'websocket').headers;
    expect(names.slice(0, 2).map((name) => one[name])).toEqual([
      'its __proto__',
      'its constructor',
    ]);
    const again = new HandshakeReads(undefined, first.keep(new HeaderNames()));
    const other = again.handshake('/', auth, 'websocket').headers;
    expect(Object.keys(other)).toEqual([...headers.keys()]);
    expect(names.slice(0, 2).map((name) => other[name])).toEqual([
      'its __proto__',
      'its constructor',
    ]);
    expect(() => other['tostring']).toThrow('no longer there');
  });

  test.each<[string, (handshake: Handshake) => unknown]>([
    ['the query', ({ query }) => query],
    ['the address', ({ address }) => address],
    ['the headers', ({ headers }) => headers],
  ])('is sent away to come anew when %s was not read the first time', async (_name, read) => {
    for (const isSwallowed of [false, true]) {
      let times = 0;
      const authenticate = (handshake: Handshake): undefined => {
        if (times++ === 0) return;
        try {
          read(handshake);
        } catch (error) {
          if (!isSwallowed) throw error;
        }
      };
      const fake = new FakeEngine({ authenticate });
      const socket = await joined(fake);
      expect(await joinAgain(socket)).toEqual([]);
      expect([socket.closes, fake.context.size]).toEqual([[1008], 0]);
    }
  });

  test('is sent away when another header is asked for, and not when there was none', async () => {
    let name = 'authorization';
    const fake = new FakeEngine({ authenticate: ({ headers }) => void headers[name] });
    const socket = await joined(fake);
    name = 'x-none';
    expect(await joinAgain(socket)).toEqual([IN]);
    name = 'cookie';
    expect(await joinAgain(socket)).toEqual([]);
    expect(socket.closes).toEqual([1008]);
  });

  test('can be refused, and come once more', async () => {
    const fake = new FakeEngine({
      authenticate: ({ auth }) => {
        if (auth['t'] === 2) throw new Error('no');
      },
    });
    const socket = await joined(fake);
    expect(await joinAgain(socket, '40{"t":2}')).toEqual(['44{"message":"no"}']);
    socket.bring('40');
    await settle();
    expect(socket.news()).toEqual([IN]);
  });
});

describe('a CONNECT that comes before the answer to another', () => {
  /** Answers by what was presented, when it is told to. */
  function slow(): { app: App; asked: unknown[]; answer: (admission: Admission | Error) => void } {
    const asked: unknown[] = [];
    const waiting: ((admission: Admission | Error) => void)[] = [];
    return {
      asked,
      answer: (admission) => waiting.shift()?.(admission),
      app: {
        authenticate: ({ auth }) => {
          asked.push(auth['t']);
          return new Promise((resolve, reject) => {
            waiting.push((admission) =>
              admission instanceof Error ? reject(admission) : resolve(admission),
            );
          });
        },
      },
    };
  }

  test.each<[string, Admission | Error]>([
    ['admitted', { user: 'first' }],
    ['refused', new Error('no')],
  ])('takes its place, though that would be %s', async (_name, first) => {
    const { app, asked, answer } = slow();
    const fake = new FakeEngine(app);
    const socket = fake.openUnjoined(false, '40{"t":1}');
    socket.bring('40{"t":2}', '40{"t":3}');
    await settle();
    expect(asked).toEqual([1]);
    answer(first);
    await settle();
    expect(asked).toEqual([1, 3]);
    answer({ user: 'third' });
    await Bun.sleep(1);
    expect(socket.news().slice(1)).toEqual([IN]);
    const [session] = fake.core.namespaces.get('/')?.everyone.members ?? [];
    expect([session?.user, fake.core.server.localCount]).toEqual(['third', 1]);
  });

  test('in the same turn does so as well', async () => {
    const fake = new FakeEngine({ authenticate: ({ auth }) => ({ user: String(auth['t']) }) });
    const socket = fake.openUnjoined(false, '40{"t":1}');
    socket.bring('40{"t":2}');
    await settle();
    expect(socket.news().slice(1)).toEqual([IN]);
    const members = fake.core.namespaces.get('/')?.everyone.members ?? [];
    expect(members.map(({ user }) => user)).toEqual(['2']);
  });

  test('is none of the protocol once the client is in', async () => {
    const fake = new FakeEngine({});
    const socket = await joined(fake);
    socket.bring('40');
    expect([socket.closes, fake.ended]).toEqual([[1008], ['parse error']]);
  });
});

describe('an `authenticate` that takes too long', () => {
  const beat = (fake: FakeEngine, milliseconds: number): void => {
    for (let passed = 0; passed < milliseconds; passed += fake.heartbeat.tickMs) {
      fake.heartbeat.beat(performance.now());
      fake.admissions.sweep();
      // Whoever joins with it pending answers pings meanwhile.
      for (const engine of fake.context.allSessions()) engine.receive('3');
      fake.context.sweep();
    }
  };

  test('refuses, is logged, and lets nobody in when it is done after all', async () => {
    const { promise, resolve } = Promise.withResolvers<Admission>();
    const fake = new FakeEngine({ authenticate: () => promise });
    // The first beat of a heartbeat that was not started makes up for a whole round.
    fake.heartbeat.beat(performance.now());
    const socket = fake.openUnjoined();
    beat(fake, ENGINE_SETTINGS.connectTimeoutMs * 0.9);
    expect(socket.news().filter((frame) => frame !== '2')).toHaveLength(1);
    beat(fake, ENGINE_SETTINGS.connectTimeoutMs * 0.3);
    expect(socket.news()).toContain('44{"message":"internal error"}');
    expect(fake.logged).toEqual(["handler 'authenticate' failed"]);
    resolve({ user: 'late' });
    await settle();
    expect(fake.core.server.localCount).toBe(0);
  });

  test('in a second namespace leaves the first alone', async () => {
    const fake = new FakeEngine({
      namespaces: { '/b': { authenticate: () => new Promise(() => {}) } },
    });
    const socket = await joined(fake);
    socket.bring('40/b,');
    beat(fake, ENGINE_SETTINGS.connectTimeoutMs * 1.1);
    expect(socket.news().filter((frame) => frame !== '2')).toEqual([
      '44/b,{"message":"internal error"}',
    ]);
    expect([fake.core.server.localCount, fake.ended]).toEqual([1, []]);
  });
});
