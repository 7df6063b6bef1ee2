/**
 * Sessions from the first packet to the last, with fakes for the socket and the requests of the
 * client: what they are told, in what order, and how they end.
 */

import { beforeEach, describe, expect, test } from 'bun:test';
import { MAX_ROOMS } from '../../../../test/support/fake-core.ts';
import {
  ENGINE_SETTINGS,
  FakeEngine,
  FakeSocket,
  settle,
} from '../../../../test/support/fake-engine.ts';
import { replyTo } from '../../../../test/support/reply-to.ts';
import type { App, Session } from '../../core/app/app.ts';
import type { WorkerCore } from '../../core/worker-core.ts';
import type { ClientTable } from '../session/client-table.ts';
import type { LocalOwner } from '../session/local-owner.ts';
import type { EngineSession } from './engine-session.ts';
import { OfferToSession } from './socket-openers.ts';

const UPGRADE_TIMEOUT_MS = ENGINE_SETTINGS.upgradeTimeoutMs;

let fake: FakeEngine;
let core: WorkerCore;
let context: ClientTable;
let owner: LocalOwner;
let ended: readonly string[];
let logged: readonly string[];

function start(app: App): void {
  fake = new FakeEngine(app);
  ({ core, context, owner, ended, logged } = fake);
}

beforeEach(() => start(ECHO));

const ECHO: App = {
  on: {
    echo: (_session, ...args: unknown[]) => args[0],
    back: (session, ...args: unknown[]) => session.emit('back', ...args),
  },
};

describe('over a WebSocket', () => {
  test('events, acks and binary data, both ways', async () => {
    const socket = await fake.openSocket();
    const placeholder = '{"_placeholder":true,"num":0}';
    socket.bring('420["echo","é"]', '42["back",1,null]', '427["unknown"]');
    socket.bring(`451-8["echo",{"a":${placeholder}}]`, Buffer.from([1, 2]));
    expect(socket.news()).toEqual([
      '430["é"]',
      '42["back",1,null]',
      `461-8[{"a":${placeholder}}]`,
      Buffer.from([1, 2]),
    ]);
  });

  test('a client that takes no binary frames gets and gives base64', async () => {
    const socket = await fake.openSocket(true);
    socket.bring('451-["back",{"_placeholder":true,"num":0}]', 'bAQI=');
    expect(socket.news()).toEqual(['451-["back",{"_placeholder":true,"num":0}]', 'bAQI=']);
  });

  test.each<[string, (string | Buffer)[]]>([
    ['an unknown packet', ['7']],
    ['an empty packet', ['']],
    ['an event for a namespace not joined', ['42/other,["x"]']],
    ['joining twice', ['40']],
    ['leaving a namespace not joined', ['41/other,']],
    ['bytes that nobody announced', [Buffer.from([1])]],
    ['text where bytes are due', ['451-["x",{"_placeholder":true,"num":0}]', '42["x"]']],
    ['broken base64', ['451-["x",{"_placeholder":true,"num":0}]', 'b%%%']],
    ['a placeholder too many', ['451-["x",{"_placeholder":true,"num":1}]', Buffer.from([1])]],
  ])('%s ends the session, and only this one', async (_name, frames) => {
    const [socket, other] = [await fake.openSocket(), await fake.openSocket()];
    socket.bring(...frames, '42["back"]');
    expect([socket.news(), socket.closes, ended]).toEqual([[], [1008], ['parse error']]);
    other.bring('42["back"]');
    expect(other.news()).toEqual(['42["back"]']);
    expect(context.size).toBe(1);
  });

  test('what was said to all comes before the end of one', async () => {
    const sockets = [await fake.openSocket(), await fake.openSocket(), await fake.openSocket()];
    core.server.emit('bye');
    core.server.disconnect();
    await settle();
    for (const socket of sockets) expect(socket.news()).toEqual(['42["bye"]', '41']);
  });

  test('what was said to all comes before the end of the connection', async () => {
    const sockets = [await fake.openSocket(), await fake.openSocket()];
    core.server.emit('bye');
    core.server.disconnect(true);
    await settle();
    for (const socket of sockets) {
      expect(socket.news()[0]).toBe('42["bye"]');
      expect(socket.closes).toEqual([1000]);
    }
    expect(context.size).toBe(0);
  });

  test('a ping takes along what is on its way, in one go, and nothing twice', async () => {
    const socket = await fake.openSocket();
    let corks = 0;
    socket.cork = (callback) => {
      corks++;
      callback();
    };
    core.server.emit('1');
    (socket.data as EngineSession).ping();
    expect([socket.news(), corks]).toEqual([['42["1"]', '2'], 1]);
    await settle();
    (socket.data as EngineSession).ping();
    expect([socket.news(), corks]).toEqual([['2'], 1]);
  });

  test('a client that does not keep up is ended after the call, and holds up nobody', async () => {
    const [slow, other] = [await fake.openSocket(), await fake.openSocket()];
    slow.isFull = true;
    core.server.emit('1');
    core.server.emit('2');
    await settle();
    expect(other.news()).toEqual(['42["1"]', '42["2"]']);
    expect([slow.closes, ended, context.size]).toEqual([[1008], ['transport error'], 1]);
  });

  test('a volatile event is dropped for a client that is behind', async () => {
    const socket = await fake.openSocket();
    socket.bufferedBytes = 1;
    core.server.volatile.emit('v');
    core.server.emit('x');
    await settle();
    expect(socket.news()).toEqual(['42["x"]']);
  });

  test('a lost connection ends the session once', async () => {
    const socket = await fake.openSocket();
    socket.lose();
    socket.lose();
    expect([ended, context.size, core.server.localCount]).toEqual([['transport close'], 0, 0]);
  });

  test('an app that disconnects others when one is gone', async () => {
    start({ disconnected: ({ server }) => server.disconnect(true) });
    const sockets = [await fake.openSocket(), await fake.openSocket(), await fake.openSocket()];
    (sockets[1] as FakeSocket).lose();
    await settle();
    expect(context.size).toBe(0);
    expect(sockets[0]?.closes).toEqual([1000]);
    expect(logged).toEqual([]);
  });
});

describe('admission', () => {
  test('is given what the client presented', async () => {
    const seen: unknown[] = [];
    start({
      authenticate: ({ auth, headers, query, address }) =>
        void seen.push([auth, headers, query.get('token'), address]),
      namespaces: {
        '/b': {
          authenticate: ({ headers, query }) => void seen.push([headers, query.get('token')]),
        },
      },
    });
    const socket = fake.openUnjoined(false, '40{"t":1}');
    await settle();
    socket.bring('40/b,');
    await settle();
    expect(seen).toEqual([
      [{ t: 1 }, { cookie: 'a=b' }, 'x', '127.0.0.1'],
      [{ cookie: 'a=b' }, 'x'],
    ]);
  });

  test.each<[string, () => never, string]>([
    [
      'an error',
      () => {
        throw new Error('not today');
      },
      '{"message":"not today"}',
    ],
    [
      'with data',
      () => {
        throw Object.assign(new Error('no'), { data: [1] });
      },
      '{"message":"no","data":[1]}',
    ],
    [
      'with data that JSON cannot hold',
      () => {
        throw Object.assign(new Error('no'), { data: 1n });
      },
      '{"message":"no"}',
    ],
    [
      'a type error',
      () => {
        throw new TypeError('secret');
      },
      '{"message":"internal error"}',
    ],
  ])('that fails by %s refuses, at once or later', async (_name, refuse, told) => {
    for (const authenticate of [refuse, async () => refuse()]) {
      start({ authenticate });
      const socket = fake.openUnjoined();
      await settle();
      expect(socket.news().at(-1)).toBe(`44${told}`);
      expect([core.server.localCount, ended]).toEqual([0, []]);
    }
  });

  test.each<[string, App['authenticate']]>([
    [
      'more rooms than allowed',
      () => ({ rooms: Array.from({ length: MAX_ROOMS + 1 }, (_, i) => `${i}`) }),
    ],
    ['a room without a name', () => ({ rooms: ['a', ''] })],
    ['a user that is a number', () => ({ user: 7 as unknown as string })],
  ])('that gives %s refuses and leaves nothing behind', async (_name, authenticate) => {
    start({ authenticate: authenticate as NonNullable<App['authenticate']> });
    const socket = fake.openUnjoined();
    await settle();
    expect(socket.news().at(-1)).toBe('44{"message":"internal error"}');
    const home = core.namespaces.get('/');
    expect([home?.everyone.members.length, home?.rooms.size, home?.users.size]).toEqual([0, 0, 0]);
  });

  test('that comes after the client has gone lets nobody in', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    start({ authenticate: () => promise });
    const socket = fake.openUnjoined();
    socket.lose();
    resolve();
    await settle();
    expect([core.server.localCount, context.size, ended]).toEqual([0, 0, []]);
  });

  test('of many in one turn tells each of the rooms it is in', async () => {
    const names: string[][] = [];
    start({
      authenticate: () => ({ rooms: ['a'] }),
      connected: (session: Session) => {
        session.to('a').emit('came', session.id);
        names.push([...session.rooms]);
      },
    });
    const sockets = [fake.openUnjoined(), fake.openUnjoined(), fake.openUnjoined()];
    await settle();
    expect(names).toEqual([['a'], ['a'], ['a']]);
    for (const socket of sockets) {
      const [, joined, ...came] = socket.news();
      expect([joined, came.length]).toEqual(['40{"sid":…}', 2]);
    }
  });
});

describe('what fails for one client', () => {
  test('who cannot be let in does not keep out those of the same turn', async () => {
    start({ authenticate: ({ auth }) => ({ rooms: [String(auth['room'])] }) });
    const { link } = fake;
    const setInterest = link.setInterest.bind(link);
    link.setInterest = (key, interested) => {
      if (key.endsWith('unlucky')) throw new RangeError('no room for it');
      setInterest(key, interested);
    };
    const rooms = ['a', 'unlucky', 'b'];
    const sockets = rooms.map((room) => fake.openUnjoined(false, `40{"room":"${room}"}`));
    await settle();
    const [first, unlucky, last] = sockets.map((socket) => socket.news());
    expect(first).toContain('40{"sid":…}');
    expect(last).toContain('40{"sid":…}');
    expect(unlucky).not.toContain('40{"sid":…}');
    expect([core.server.localCount, context.size]).toEqual([2, 2]);
  });
});

describe('over polling', () => {
  test('a poll waits until there is something, and takes all there is', async () => {
    const poller = await fake.openPoller();
    poller.poll();
    expect(poller.news()).toEqual([]);
    core.server.emit('1');
    core.server.emit('2');
    await settle();
    expect(poller.news()).toEqual(['42["1"]\x1e42["2"]']);
    core.server.emit('3');
    core.server.emit('4', Buffer.from([1]));
    await settle();
    poller.poll();
    expect(poller.news()).toEqual(['42["3"]\x1e451-["4",{"_placeholder":true,"num":0}]\x1ebAQ==']);
  });

  test('posts are taken in order and answered, broken ones end the session', async () => {
    const poller = await fake.openPoller();
    const taken = await poller.posted('42["back",1]\x1e42["back",2]');
    expect(taken).toMatchObject({ status: 200, body: 'ok' });
    poller.poll();
    expect(poller.news()).toEqual(['42["back",1]\x1e42["back",2]']);
    expect(await poller.posted('42["back"]\x1e')).toMatchObject({ status: 400 });
    expect([ended, context.counts.polling]).toEqual([['parse error'], 0]);
  });

  test('a post that broke off is forgotten, and the next one is taken', async () => {
    const poller = await fake.openPoller();
    expect(poller.post(undefined)).toMatchObject({ status: 400 });
    expect(poller.post('42["back"]')).toMatchObject({ status: 200 });
  });

  test('two posts at a time end the session, both answered', async () => {
    const poller = await fake.openPoller();
    const answers: number[] = [];
    for (let i = 0; i < 2; i++) owner.beginPost(poller.sessionId);
    for (let i = 0; i < 2; i++) {
      const reply = replyTo(({ status }) => answers.push(status));
      owner.post(poller.sessionId, '42["back"]', reply);
    }
    expect([answers, ended]).toEqual([[400, 400], ['parse error']]);
  });

  test('two polls at a time end the session, both answered', async () => {
    const poller = await fake.openPoller();
    poller.poll();
    poller.poll();
    expect(poller.answers).toHaveLength(2);
    expect([ended, context.size]).toEqual([['transport error'], 0]);
  });

  test('a poll that is abandoned ends the session, one answered before does not', async () => {
    const poller = await fake.openPoller();
    const early = poller.poll();
    core.server.emit('x');
    await settle();
    owner.abandonPoll(poller.sessionId, early);
    expect(ended).toEqual([]);
    owner.abandonPoll(poller.sessionId, poller.poll());
    expect(ended).toEqual(['transport close']);
  });

  test('what was said before the end is heard by who polls after it', async () => {
    const poller = await fake.openPoller();
    core.server.emit('bye');
    core.server.disconnect(true);
    await settle();
    poller.poll();
    expect(poller.news()[0]).toStartWith('42["bye"]\x1e41');
    expect(poller.post('42["back"]')).toMatchObject({ status: 200, body: 'ok' });
    poller.poll();
    poller.poll();
    expect(poller.news()).toEqual(['1', '400']);
    expect(poller.post('42["back"]')).toMatchObject({ status: 400 });
  });

  test('a client that closes does not ask for more', async () => {
    const poller = await fake.openPoller();
    core.server.disconnect(true);
    expect(poller.post('1')).toMatchObject({ status: 200, body: 'ok' });
    poller.poll();
    expect(poller.news()).toEqual(['400']);
  });

  test('who breaks the protocol has what waits, and then the close packet', async () => {
    const poller = await fake.openPoller();
    core.server.emit('x');
    await settle();
    // A busy machine takes the second packet a little later.
    const { sessionId } = poller;
    fake.owner.beginPost(sessionId);
    const answered = new Promise((answer) => {
      fake.owner.post(sessionId, '42["back"]\x1e42', { answer });
    });
    expect(await answered).toMatchObject({ status: 200 });
    for (let i = 0; i < 3; i++) poller.poll();
    expect(poller.news()).toEqual(['42["x"]\x1e42["back"]', '1', '400']);
    expect(ended).toEqual(['parse error']);
  });
});

describe('the upgrade', () => {
  test('takes over when the client says so, and what was queued goes first', async () => {
    const poller = await fake.openPoller();
    poller.poll();
    const socket = poller.offer();
    expect(poller.news()).toEqual([]);
    socket.bring('2probe');
    expect([socket.news(), poller.news()]).toEqual([['3probe'], []]);
    for (let polls = 0; polls < 2; polls++) {
      while (poller.answers.length === 0) await Bun.sleep(1);
      expect(poller.news()).toEqual(['6']);
      if (polls === 0) poller.poll();
    }
    core.server.emit('1');
    await settle();
    socket.bring('5');
    core.server.emit('2', Buffer.from([7]));
    await settle();
    socket.bring('42["back"]');
    expect(socket.news()).toEqual([
      '42["1"]',
      '451-["2",{"_placeholder":true,"num":0}]',
      Buffer.from([7]),
      '42["back"]',
    ]);
    expect([context.counts.polling, context.size, ended]).toEqual([0, 1, []]);
    poller.poll();
    expect(poller.news()).toEqual(['400']);
    await Bun.sleep(UPGRADE_TIMEOUT_MS * 2);
    expect(socket.closes).toEqual([]);
    socket.lose();
    expect(ended).toEqual(['transport close']);
  });

  test.each<[string, string[]]>([
    ['without a probe', ['5']],
    ['with another packet first', ['2']],
    ['with two probes', ['2probe', '2probe']],
    ['with a message instead', ['2probe', '42["back"]']],
  ])('%s is given up, and the session goes on polling', async (_name, frames) => {
    const poller = await fake.openPoller();
    const socket = poller.offer();
    socket.bring(...frames);
    expect(socket.closes).toEqual([1008]);
    socket.lose();
    poller.news();
    core.server.emit('x');
    await settle();
    poller.poll();
    expect(poller.news()).toEqual(['42["x"]']);
    poller.offer().bring('2probe');
    expect(ended).toEqual([]);
  });

  test('that dawdles is given up', async () => {
    const poller = await fake.openPoller();
    const socket = poller.offer();
    socket.bring('2probe');
    await Bun.sleep(UPGRADE_TIMEOUT_MS * 2);
    expect(socket.closes).toEqual([1008]);
    poller.poll();
    expect([poller.news(), ended]).toEqual([[], []]);
    expect(poller.offer().closes).toEqual([]);
  });

  test('there is one at a time', async () => {
    const poller = await fake.openPoller();
    const first = poller.offer();
    expect(() => poller.offer()).toThrow('refused');
    first.lose();
    poller.offer();
    expect(() => poller.offer()).toThrow('refused');
  });

  // A close handshake takes its time: the next socket may be there before it is over.
  test('one that was given up does not disturb the next when it is gone at last', async () => {
    const poller = await fake.openPoller();
    const first = poller.offer();
    first.bring('nonsense');
    const second = poller.offer();
    second.bring('2probe');
    first.lose();
    expect(() => poller.offer()).toThrow('refused');
    first.bring('2probe', '5');
    second.bring('5');
    second.bring('42["back"]');
    expect(second.news()).toEqual(['3probe', '42["back"]']);
    expect([context.counts.polling, context.size]).toEqual([0, 1]);
  });

  test.each([
    ['bytes as they are', false, Buffer.from([7])],
    ['as text', true, 'bBw=='],
  ] as const)(
    'has the last words of a session that ended before it was done, %s',
    async (_name, isTextOnly, bytes) => {
      const poller = await fake.openPoller();
      const socket = poller.offer(isTextOnly);
      socket.bring('2probe');
      core.server.emit('bye', Buffer.from([7]));
      core.server.disconnect(true);
      expect(poller.post('42["back"]')).toMatchObject({ status: 200, body: 'ok' });
      socket.bring('5');
      expect(socket.news()).toEqual([
        '3probe',
        '451-["bye",{"_placeholder":true,"num":0}]',
        bytes,
        '41',
      ]);
      expect([socket.closes, ended]).toEqual([[1000], ['server namespace disconnect']]);
      poller.poll();
      expect(poller.news()).toEqual(['400']);
    },
  );

  test('finds nothing to say where a poll has taken the last words', async () => {
    const poller = await fake.openPoller();
    const socket = poller.offer();
    socket.bring('2probe');
    core.server.disconnect(true);
    poller.poll();
    expect(poller.news()).toEqual(['41']);
    socket.bring('5');
    expect([socket.news(), socket.closes]).toEqual([['3probe'], [1000]]);
  });

  test('that comes to a session on a WebSocket is known and not taken', async () => {
    const poller = await fake.openPoller();
    const socket = poller.offer();
    socket.bring('2probe', '5');
    expect(owner.knows(poller.sessionId)).toBe(true);
    expect(() => poller.offer()).toThrow('refused');
    socket.lose();
    expect(owner.knows(poller.sessionId)).toBe(false);
    await fake.openSocket();
    expect(owner.knows(poller.sessionId)).toBe(false);
  });

  test('of a session that has ended is closed', async () => {
    const poller = await fake.openPoller();
    const socket = poller.offer();
    socket.bring('2probe');
    expect(poller.post('1')).toMatchObject({ status: 200 });
    expect(ended).toEqual(['transport close']);
    socket.bring('5');
    expect(socket.closes).toHaveLength(1);
    expect([context.counts.polling, context.size]).toEqual([0, 0]);
  });

  test('of an unknown session is refused', () => {
    expect(owner.knows('AAAAAAAAAAAAAAAAAAAAAAAA')).toBe(false);
    expect(owner.knows('')).toBe(false);
    const opener = new OfferToSession(owner, 'AAAAAAAAAAAAAAAAAAAAAAAA', false, 3);
    expect(opener.open(new FakeSocket())).toBeUndefined();
  });
});
