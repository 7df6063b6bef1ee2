/** Which transport is tried when, when the client comes back, and when it stays away. */

import { describe, expect, spyOn, test } from 'bun:test';
import { PlainScript, type Script } from '../../test/support/plain-script.ts';
import { WatchedClient } from '../../test/support/watched-client.ts';
import { type ClientOptions, connect } from './index.ts';

const LONG_MS = 30_000;

/** Answers some paths with a refusal, each as often as told. */
function refusing(refusals: Readonly<Record<string, [times: number, answer: () => Response]>>) {
  const left = new Map(Object.entries(refusals).map(([path, [times]]) => [path, times]));
  return {
    answer: (request: Request) => {
      const { pathname } = new URL(request.url);
      const times = left.get(pathname) ?? 0;
      left.set(pathname, times - 1);
      return times > 0 ? refusals[pathname]?.[1]() : undefined;
    },
  } satisfies Script;
}

const nothing = () => new Response('nothing here', { status: 502 });
const refusal = (status: number, reason: string, headers = {}) =>
  Response.json({ type: 'error', reason, message: 'no', data: 1 }, { status, headers });

describe('transports', () => {
  test('WebSocket comes first', async () => {
    await using server = new PlainScript();
    using one = new WatchedClient(server.url);
    expect((await one.reached('open')).transport).toBe('websocket');
    expect(server.requests).toEqual(['GET /ws']);
  });

  test('what fails to open gives way to the next at once, and is tried again later', async () => {
    await using server = new PlainScript(refusing({ '/ws': [2, nothing], '/sse': [1, nothing] }));
    using one = new WatchedClient(server.url);
    expect((await one.reached('open')).transport).toBe('polling');
    expect(one.states).toEqual(['open']);
    server.session.cut();
    expect((await one.reached('open', 2)).transport).toBe('sse');
    server.session.cut();
    expect((await one.reached('open', 3)).transport).toBe('websocket');
  });

  test('a WebSocket that was open and closes does not give way', async () => {
    await using server = new PlainScript();
    using one = new WatchedClient(server.url);
    for (const count of [1, 2, 3]) {
      expect((await one.reached('open', count)).transport).toBe('websocket');
      server.session.cut();
    }
    expect(server.count('/sse') + server.count('/poll')).toBe(0);
  });

  test('one that opens and says nothing in time gives way', async () => {
    await using server = new PlainScript({
      isMute: true,
      answer: (request) => {
        if (!request.url.includes('/poll')) return undefined;
        const connectMessage = { type: 'connect', session: 's' };
        if (request.url.includes('since')) return new Promise<Response>(() => {});
        return Response.json({ session: 's', position: 's.1', messages: [connectMessage] });
      },
    });
    using one = new WatchedClient(server.url, { connectTimeoutMs: 50 });
    expect((await one.reached('open')).transport).toBe('polling');
    expect(server.sessions.map(({ transport }) => transport)).toEqual(['websocket', 'sse']);
  });

  test('an option orders and restricts them', async () => {
    await using server = new PlainScript(refusing({ '/poll': [1, nothing] }));
    using one = new WatchedClient(server.url, { transports: ['polling', 'stream'] });
    expect((await one.reached('open')).transport).toBe('stream');
    expect(server.requests).toEqual(['GET /poll', 'GET /poll?stream=1']);
  });

  test('where the runtime has no WebSocket, or one that throws, the next is taken', async () => {
    await using server = new PlainScript();
    class Throwing {
      constructor() {
        throw new Error('not from this page');
      }
    }
    const options = { WebSocket: Throwing } as unknown as ClientOptions;
    using one = new WatchedClient(server.url, options);
    expect((await one.reached('open')).transport).toBe('sse');
  });

  test('all are tried again after a while when none opens', async () => {
    let port: number;
    {
      await using closed = new PlainScript();
      port = closed.port;
    }
    using one = new WatchedClient(`http://127.0.0.1:${port}`);
    await one.reached('waiting', 2);
    await using server = new PlainScript({ port });
    await one.reached('open');
    expect(server.sessions).toHaveLength(1);
  });
});

describe('coming back', () => {
  test('is at random, within a time that doubles up to its bound', async () => {
    await using server = new PlainScript({ answer: nothing });
    const random = spyOn(Math, 'random').mockReturnValue(0.5);
    try {
      const delays = { reconnectDelayMs: 4, maxReconnectDelayMs: 20 };
      using one = new WatchedClient(server.url, { transports: ['sse'], ...delays });
      await one.reached('waiting', 6);
      const waits = one.changes.filter(({ state }) => state === 'waiting');
      expect(waits.slice(0, 6).map((change) => 'delayMs' in change && change.delayMs)).toEqual([
        2, 4, 8, 10, 10, 10,
      ]);
      expect(waits[0]).toMatchObject({ reason: 'HTTP 502' });
      random.mockReturnValue(0);
      await one.until('there is no wait', () =>
        one.changes.some((change) => 'delayMs' in change && change.delayMs === 0),
      );
    } finally {
      random.mockRestore();
    }
  });

  test('to a server that lets in and drops at once takes longer and longer', async () => {
    await using server = new PlainScript();
    const delays = { reconnectDelayMs: 2, maxReconnectDelayMs: LONG_MS };
    const random = spyOn(Math, 'random').mockReturnValue(1);
    try {
      using one = new WatchedClient(server.url, {
        ...delays,
        onState: ({ state }) => state === 'open' && queueMicrotask(() => server.session.cut()),
      });
      await one.reached('waiting', 5);
      const waits = one.changes.flatMap((change) => ('delayMs' in change ? change.delayMs : []));
      expect(waits.slice(0, 5)).toEqual([2, 4, 8, 16, 32]);
    } finally {
      random.mockRestore();
    }
  });

  test('begins with short times anew for who was open for long', async () => {
    await using server = new PlainScript();
    const delays = { reconnectDelayMs: 2, maxReconnectDelayMs: 1_000 };
    let opened = 0;
    const random = spyOn(Math, 'random').mockReturnValue(1);
    try {
      using one = new WatchedClient(server.url, {
        ...delays,
        onState({ state }) {
          if (state === 'open') setTimeout(() => server.session.cut(), ++opened === 3 ? 1_500 : 0);
        },
      });
      await one.reached('waiting', 4);
      const waits = one.changes.flatMap((change) => ('delayMs' in change ? change.delayMs : []));
      expect(waits.slice(0, 4)).toEqual([2, 4, 2, 4]);
    } finally {
      random.mockRestore();
    }
  });

  test.each([429, 503])('after %d it is when Retry-After says', async (status) => {
    const busy = () => refusal(status, 'atCapacity', { 'retry-after': '1' });
    await using server = new PlainScript(refusing({ '/ws': [1, busy], '/sse': [1, busy] }));
    using one = new WatchedClient(server.url);
    const { delayMs, reason } = await one.reached('waiting');
    expect(delayMs).toBeWithin(1000, 1021);
    expect(reason).toBe('atCapacity');
    // The server is full: to ask it by another way is of no use.
    expect(server.count('/poll')).toBe(0);
    await one.reached('open');
  });

  test('with a room that is refused by then is told, and the room is given up', async () => {
    let joins = 0;
    await using server = new PlainScript({
      take: (session, { type, id }) => {
        if (type !== 'join' || ++joins === 1) return false;
        session.say({ type: 'error', id, reason: 'joinForbidden' });
        return true;
      },
    });
    using one = new WatchedClient(server.url);
    await one.client.join('members');
    server.session.cut();
    await one.until('the refusal is told', () => one.errors.length === 1);
    expect(one.errors[0]).toMatchObject({ code: 'refused', reason: 'joinForbidden' });
    server.session.cut();
    await one.reached('open', 3);
    await one.client.emitWithAck('fence');
    expect([joins, one.errors.length]).toEqual([2, 1]);
  });

  test('is tried when the function for auth throws, too', async () => {
    await using server = new PlainScript();
    let calls = 0;
    using one = new WatchedClient(server.url, {
      auth: () => {
        if (++calls < 3) throw new Error('no token');
        return { calls };
      },
    });
    expect(await one.reached('waiting')).toMatchObject({ reason: 'Error: no token' });
    await one.reached('open');
    expect(server.sessions.map(({ auth }) => auth)).toEqual([{ calls: 3 }]);
  });
});

describe('staying away', () => {
  test.each([
    [400, 'badRequest'],
    [401, 'notAuthenticated'],
    [403, 'joinForbidden'],
    [404, 'namespaceUnknown'],
    [429, 'userSessions'],
  ])('after a refusal with %d', async (status, reason) => {
    const refused = () => refusal(status, reason);
    await using server = new PlainScript(refusing({ '/ws': [1, refused], '/sse': [1, refused] }));
    using one = new WatchedClient(server.url);
    const waiting = one.client.emitWithAck('early').catch((error: unknown) => error);
    const closed = await one.reached('closed');
    expect(closed).toEqual({ state: 'closed', reason, message: 'no', data: 1 });
    expect(await waiting).toMatchObject({ code: 'closed', reason, data: 1 });
    await Bun.sleep(150);
    expect(server.requests).toHaveLength(2);
  });

  test('after an error in place of the first message of a WebSocket', async () => {
    await using server = new PlainScript({
      connect: { type: 'error', reason: 'notAuthenticated', message: 'wrong token' },
    });
    using one = new WatchedClient(server.url);
    expect(await one.reached('closed')).toMatchObject({
      reason: 'notAuthenticated',
      message: 'wrong token',
    });
    expect(one.states).toEqual(['closed']);
  });

  test('but not when a proxy says no, whose page is no message', async () => {
    const page = () => new Response('<h1>Not found</h1>', { status: 404 });
    await using server = new PlainScript(refusing({ '/ws': [1, page], '/sse': [1, page] }));
    using one = new WatchedClient(server.url);
    expect((await one.reached('open')).transport).toBe('polling');
  });

  test('when it closes between two attempts, or before the first', async () => {
    await using server = new PlainScript();
    using one = new WatchedClient(server.url);
    one.client.close();
    one.client.close();
    await Bun.sleep(50);
    using two = new WatchedClient(server.url, { reconnectDelayMs: 50 });
    await two.reached('open');
    server.session.cut();
    await two.reached('waiting');
    two.client.close();
    await Bun.sleep(150);
    expect(one.states).toEqual(['closed']);
    expect(two.states).toEqual(['open', 'waiting', 'closed']);
    expect(server.sessions).toHaveLength(1);
  });

  test.each([
    ['http://a.example', 'ws://a.example/ws?'],
    ['https://a.example:8443/', 'wss://a.example:8443/ws?'],
    ['ws://a.example/live', 'ws://a.example/live/ws?'],
    ['wss://a.example/live/?club=7#top', 'wss://a.example/live/ws?club=7'],
  ])('%s is where the node is', async (address, expected) => {
    const urls: string[] = [];
    class Recorder {
      constructor(url: string) {
        urls.push(url);
        throw new Error('not really');
      }
    }
    const options = { transports: ['websocket'], WebSocket: Recorder } as unknown as ClientOptions;
    using one = new WatchedClient(address, options);
    await one.reached('waiting');
    expect(urls[0]).toBe(expected);
  });

  test('an address that is none is the fault of the caller', () => {
    expect(() => connect('no address')).toThrow(TypeError);
  });
});

describe('handlers', () => {
  test('come and go, for once or for good', async () => {
    await using server = new PlainScript();
    using one = new WatchedClient(server.url, {}, ['end']);
    const heard: string[] = [];
    const always = (): unknown => heard.push('always');
    const gone = (): unknown => heard.push('gone');
    one.client
      .on('a', always)
      .on('a', always)
      .on('a', gone)
      .on('b', always)
      .off('a', gone)
      .off('b');
    one.client.once('a', () => heard.push('once'));
    await one.reached('open');
    for (const event of ['a', 'a', 'b', 'end']) server.session.say({ type: 'event', event });
    await one.until('the end is heard', () => one.heard.length > 0);
    expect(heard).toEqual(['always', 'once', 'always']);
  });

  test('one that closes the client hears nothing more', async () => {
    await using server = new PlainScript();
    using one = new WatchedClient(server.url, { transports: ['polling'] }, ['a']);
    one.client.on('a', () => one.client.close());
    await one.reached('open');
    for (let i = 0; i < 3; i++) server.session.say({ type: 'event', event: 'a' });
    await one.reached('closed');
    await Bun.sleep(20);
    expect(one.heard).toEqual([['a']]);
  });
});
