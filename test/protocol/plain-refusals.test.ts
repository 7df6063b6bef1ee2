/** The plain protocol: what is refused, and how sessions end, by the table on the page. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Config } from '../../src/host/config/schema.ts';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import {
  HTTP_KINDS,
  type HttpKind,
  openingRequest,
  openPlain,
  PLAIN_KINDS,
  type PlainClient,
  plainRequest,
  poll,
} from '../support/plain-client.ts';
import { OPCODE, PlainFrames } from '../support/plain-frames.ts';
import { event, type Message } from '../support/plain-messages.ts';
import { expectRefusal, expectRefused, refusedUpgrade } from '../support/plain-refusal.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { eventually } from '../system/eventually.ts';
import {
  ALLOWED_ORIGIN,
  asked,
  describePlain,
  endpointOf,
  expectAlive,
  Opened,
  startPlain,
} from './plain-target.ts';

const FOREIGN = 'https://other.example';

/** The first request of a kind, for what is refused before a session is there. */
function opening(endpoint: Endpoint, kind: HttpKind, headers: Record<string, string> = {}) {
  const [path, init] = openingRequest(kind, { headers });
  return plainRequest(endpoint, path, init);
}

describePlain('what the plain protocol refuses', (endpoint) => {
  declareOpenings(endpoint);
  declareOrigins(endpoint);
  declareMethods(endpoint);
  declareEnds(endpoint);
});

function declareOpenings(endpoint: Endpoint): void {
  describe.each([...PLAIN_KINDS])('over %s', (kind) => {
    test.each(['/unknown', '/custom/', 'custom2', '__proto__', '/__proto__', '/constructor'])(
      'the namespace %s is not there',
      async (namespace) => {
        const refused = { status: 404, reason: 'namespaceUnknown' };
        await expectRefused(endpoint, kind, { namespace }, refused);
      },
    );

    test('the words of the app come along', async () => {
      const refused = { status: 401, reason: 'notAuthenticated', data: { asked: 'no ✓' } };
      await expectRefused(endpoint, kind, { auth: { refuse: 'no ✓' } }, refused);
    });

    test('what is refused leaves nothing behind', async () => {
      await using opened = new Opened(endpoint);
      const room = crypto.randomUUID();
      for (const rooms of [
        [room, 'forbidden'],
        ['forbidden', room],
      ]) {
        await expectRefused(endpoint, kind, { rooms }, { status: 403, reason: 'joinForbidden' });
      }
      const client = await opened.open(kind, { rooms: [room] });
      await client.send(event('tell', room, 'told', 1));
      expect(await client.next()).toEqual(event('told', 1));
      await expectAlive(client);
    });
  });
}

function declareOrigins(endpoint: Endpoint): void {
  test.each([...HTTP_KINDS])('a page of another origin opens nothing over %s', async (kind) => {
    for (const origin of [FOREIGN, 'null', 'http://allowed.example']) {
      const answer = await opening(endpoint, kind, { origin });
      expectRefusal(answer, { status: 403, reason: 'originForbidden' });
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('nor a WebSocket', async () => {
    const answer = await refusedUpgrade(endpoint, '', [`Origin: ${FOREIGN}`]);
    expect(answer?.status).toBe(403);
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({
      type: 'error',
      reason: 'originForbidden',
    });
  });

  test.each([...PLAIN_KINDS])('a page that may asks over %s', async (kind) => {
    await using opened = new Opened(endpoint);
    for (const origin of [ALLOWED_ORIGIN, endpoint.url]) {
      const client = await opened.open(kind, { headers: { origin } });
      expect(client.connect.type).toBe('connect');
    }
  });

  test('and can read what it is answered, refusals too', async () => {
    const headers = { origin: ALLOWED_ORIGIN };
    const init = { headers, method: 'POST', body: '{}' };
    for (const answer of [
      await plainRequest(endpoint, '/poll', { headers }),
      await plainRequest(endpoint, '/poll?namespace=%2Funknown', { headers }),
      await plainRequest(endpoint, '/sse?room=forbidden', { headers }),
      await plainRequest(endpoint, '/poll?since=x.y', { headers }),
      await plainRequest(endpoint, '/sse?session=unknown', init),
      await plainRequest(endpoint, '/poll', { ...init, method: 'PUT' }),
      await plainRequest(endpoint, '/ws', { headers }),
    ]) {
      const allowed = answer.headers.get('access-control-allow-origin');
      expect([answer.status, allowed]).toEqual([answer.status, ALLOWED_ORIGIN]);
    }
  });
}

function declareMethods(endpoint: Endpoint): void {
  test.each(['PUT', 'DELETE', 'PATCH'])('%s is refused', async (method) => {
    for (const [path, methods] of [
      ['/sse', ['GET', 'POST']],
      ['/poll', ['GET', 'POST']],
      ['/ws', ['GET']],
    ] as const) {
      const answer = await plainRequest(endpoint, path, { method });
      expectRefusal(answer, { status: 405, reason: 'badRequest' });
      const allowed = answer.headers.get('allow')?.split(/, */) ?? [];
      for (const allows of methods) expect(allowed).toContain(allows);
      expect(allowed).not.toContain(method);
    }
  });

  test('a WebSocket without an upgrade is told to upgrade', async () => {
    const answer = await plainRequest(endpoint, '/ws?room=a');
    expectRefusal(answer, { status: 426, reason: 'badRequest' });
  });

  test('paths beside those of the protocol are the app’s', async () => {
    const page = await plainRequest(endpoint, '/page');
    expect([page.status, page.body]).toEqual([200, 'a page']);
    for (const path of ['/sse/', '/ws2', '/polls', '/poll/x']) {
      expect([path, (await plainRequest(endpoint, path)).status]).toEqual([path, 404]);
    }
  });
}

function declareEnds(endpoint: Endpoint): void {
  test('a WebSocket that the app ends hears why, and is closed by 1000', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    socket.text(event('kick'));
    expect(await socket.message()).toEqual(event('bye'));
    const disconnect = { type: 'disconnect', reason: 'server namespace disconnect' };
    expect(await socket.message()).toEqual(disconnect);
    expect(await socket.closeFrame()).toMatchObject({ code: 1000 });
    await socket.peer.untilEnd();
  });

  test.each([...PLAIN_KINDS])('over %s there is no time to come back then', async (kind) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind);
    await client.send(event('close'));
    const disconnect = { type: 'disconnect', reason: 'server namespace disconnect' };
    expect(await client.next()).toEqual(disconnect);
    await client.ended();
  });
}

describe('limits of a node, seen by plain clients', () => {
  async function limited<T>(config: Partial<Config>, run: (endpoint: Endpoint) => Promise<T>) {
    const node = await startPlain(1, config);
    try {
      return await run(endpointOf(node));
    } finally {
      await node.stop();
    }
  }

  async function expectAllRefused(endpoint: Endpoint, status: number, reason: string) {
    for (const kind of HTTP_KINDS) {
      const answer = await opening(endpoint, kind);
      expectRefusal(answer, { status, reason });
      expect(answer.headers.get('retry-after')).toBe('5');
    }
    const answer = await refusedUpgrade(endpoint);
    expect([answer?.status, answer?.headers.get('retry-after')]).toEqual([status, '5']);
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ type: 'error', reason });
  }

  test('an address with all the sessions that it may have', async () => {
    await limited({ maxSessionsPerAddress: 4 }, async (endpoint) => {
      const clients: PlainClient[] = [];
      for (const kind of PLAIN_KINDS) clients.push(await openPlain(endpoint, kind));
      await expectAllRefused(endpoint, 429, 'addressSessions');
      for (const client of clients) await expectAlive(client);
      await clients[0]?.close();
      // Its place is free once the server has seen the end of it.
      await eventually(
        'the next one comes in',
        () => openPlain(endpoint, 'stream').catch(() => undefined),
        (client) => client !== undefined,
      );
    });
  }, 60_000);

  test('an address that has shaken hands too often', async () => {
    await limited({ maxHandshakesPerAddress: 2 }, async (endpoint) => {
      const answers = await Promise.all(
        Array.from({ length: 40 }, () => opening(endpoint, 'polling')),
      );
      const refused = answers.filter(({ status }) => status !== 200);
      expect(refused.length).toBeGreaterThan(20);
      for (const answer of refused) {
        expectRefusal(answer, { status: 429, reason: 'addressHandshakes' });
        expect(answer.headers.get('retry-after')).toBe('5');
      }
    });
  }, 60_000);

  test('who never says what it was to say first', async () => {
    await limited({ connectTimeoutMs: 500 }, async (endpoint) => {
      const socket = await PlainFrames.open(endpoint, 'auth=message');
      let frame = await socket.next();
      if (frame.opcode === OPCODE.text) {
        expect(JSON.parse(String(frame.payload))).toMatchObject({ type: 'error' });
        frame = await socket.next();
      }
      expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([OPCODE.close, 1008]);
    });
  }, 60_000);

  test('a worker that is full', async () => {
    await limited({ maxSessionsPerWorker: 3 }, async (endpoint) => {
      const kinds = ['websocket', 'sse', 'stream'] as const;
      const clients = await Promise.all(kinds.map((kind) => openPlain(endpoint, kind)));
      await expectAllRefused(endpoint, 503, 'atCapacity');
      for (const client of clients) await expectAlive(client);
    });
  }, 60_000);

  test('who has not joined makes place, and is told when to come back', async () => {
    await limited({ maxSessionsPerWorker: 2 }, async (endpoint) => {
      const waiting = [
        await PlainFrames.open(endpoint, 'auth=message'),
        await PlainFrames.open(endpoint, 'auth=message'),
      ];
      const client = await eventually(
        'one of them makes place',
        () => openPlain(endpoint, 'stream').catch(() => undefined),
        (opened) => opened !== undefined,
      );
      const ended = await Promise.race(
        waiting.map(async (socket) => [socket, await socket.next()]),
      );
      const [socket, frame] = ended as [PlainFrames, { opcode: number; payload: Buffer }];
      expect(frame.opcode).toBe(OPCODE.text);
      expect(JSON.parse(String(frame.payload))).toEqual({
        type: 'disconnect',
        reason: 'transport close',
        retry: expect.any(Number),
      });
      expect(await socket.closeFrame()).toMatchObject({ code: 1013 });
      await expectAlive(client as PlainClient);
    });
  }, 60_000);
});

describe('a node that stops', () => {
  let node: HoldfastProcess;
  let endpoint: Endpoint;
  const clients: PlainClient[] = [];
  let socket: PlainFrames;
  let waiting: Promise<readonly Message[]>;

  beforeAll(async () => {
    node = await startPlain(2);
    endpoint = endpointOf(node);
    for (let times = 0; times < 10; times += 1) {
      for (const kind of ['websocket', 'sse', 'stream'] as const) {
        clients.push(await openPlain(endpoint, kind));
      }
    }
    socket = await PlainFrames.open(endpoint);
    await socket.message();
    const { position } = await poll(endpoint, '');
    waiting = poll(endpoint, `since=${position}`).then(({ messages }) => messages);
    await asked(clients[0] as PlainClient, 'echo', 1);
  }, 60_000);
  afterAll(async () => {
    await Promise.allSettled(clients.map((client) => client.close()));
    await node[Symbol.asyncDispose]();
  });

  test('tells its clients when to come back, not all at once', async () => {
    node.kill('SIGTERM');
    const words = await Promise.all(clients.map((client) => client.next('the last message')));
    words.push(...(await waiting), await socket.message());
    expect(await socket.closeFrame()).toMatchObject({ code: 1012 });
    for (const word of words) {
      expect(word).toEqual({
        type: 'disconnect',
        reason: 'server shutting down',
        retry: expect.any(Number),
      });
      const retry = Number(word['retry']);
      expect(Number.isInteger(retry) && retry >= 0).toBe(true);
    }
    expect(new Set(words.map(({ retry }) => retry)).size).toBeGreaterThan(words.length / 4);
    await Promise.all(clients.map((client) => client.ended()));
    await node.ended(0);
  }, 60_000);
});
