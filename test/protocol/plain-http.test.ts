/** The plain protocol as HTTP: other methods and versions, and clients that leave in odd ways. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import { HTTP_KINDS, type HttpKind, plainRequest, poll, postTo } from '../support/plain-client.ts';
import { PlainFrames } from '../support/plain-frames.ts';
import { event, question } from '../support/plain-messages.ts';
import { expectRefusal } from '../support/plain-refusal.ts';
import { RawStream, requestText } from '../support/plain-stream.ts';
import { SETTLE_MS } from '../support/raw-deadline.ts';
import { RawConnection, upgradeRequest } from '../support/raw-http.ts';
import { RawPeer } from '../support/raw-peer.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { eventually } from '../system/eventually.ts';
import {
  ALLOWED_ORIGIN,
  asked,
  describePlain,
  endpointOf,
  expectAlive,
  MAX_PAYLOAD_BYTES,
  Opened,
  startPlain,
  whyGone,
} from './plain-target.ts';

const TARGETS: Readonly<Record<HttpKind, string>> = {
  sse: '/sse',
  stream: '/poll?stream=1',
  polling: '/poll',
};
const TYPES: Readonly<Record<HttpKind, string>> = {
  sse: 'text/event-stream',
  stream: 'application/x-ndjson',
  polling: 'application/json',
};

/** Times a megabyte: more than the kernel's buffers on both sides may take. */
const FLOOD = 60;

async function rawPeer({ url }: Endpoint): Promise<RawPeer> {
  return await RawPeer.open(Number(new URL(url).port));
}

/** The session that an answer in plain sight has opened. */
async function sessionIn(peer: RawPeer, member: 'session' | 'id' = 'session'): Promise<string> {
  const pattern = /\{"type":"connect",[^}]*\}/;
  await peer.until('the first message', ({ text }) => pattern.test(text));
  const connect = JSON.parse(pattern.exec(peer.text)?.[0] ?? '{}') as Record<string, string>;
  return connect[member] ?? '';
}

/** How often a node has cut somebody for a reason. */
async function cutsOf(node: HoldfastProcess, reason: string): Promise<number> {
  const metrics = await (await node.admin('/metrics')).text();
  const line = new RegExp(`^holdfast_refusals_total\\{.*reason="${reason}"\\} (\\d+)$`, 'gm');
  return [...metrics.matchAll(line)].reduce((sum, [, count]) => sum + Number(count), 0);
}

describePlain('the plain protocol over HTTP', (endpoint) => {
  describe.each([...HTTP_KINDS])('over %s', (kind) => {
    declareHead(endpoint, kind);
    declareLeaving(endpoint, kind);
    declareVersions(endpoint, kind);
    // A poll that is gone may be asked for again; its session ends later, if at all.
    if (kind !== 'polling') declareGone(endpoint, kind);
  });
  declarePreflights(endpoint);
  declareSockets(endpoint);
});

function declareHead(endpoint: Endpoint, kind: HttpKind): void {
  test('HEAD is answered like the first request would be, without a session', async () => {
    await using opened = new Opened(endpoint);
    const room = crypto.randomUUID();
    const query = `${TARGETS[kind].includes('?') ? '&' : '?'}room=${room}`;
    const target = `${TARGETS[kind]}${query}`;
    const peer = await rawPeer(endpoint);
    peer.send(requestText({ target, method: 'HEAD' }));
    await peer.untilText('\r\n\r\n');
    expect(peer.text).toStartWith('HTTP/1.1 200 ');
    const head = peer.text.toLowerCase();
    for (const part of [`content-type: ${TYPES[kind]}`, 'no-store']) expect(head).toContain(part);
    expect(head.includes('x-accel-buffering: no')).toBe(kind !== 'polling');
    expect(head).not.toContain('content-length');
    await Bun.sleep(SETTLE_MS);
    expect(peer.text.split('\r\n\r\n')[1]).toBe('');
    peer.leave();
    // Nobody is in the room but who came for real.
    const client = await opened.open('websocket');
    await client.send(question(1, 'tell', room, 'told'));
    expect(await client.next()).toMatchObject({ type: 'ack', id: 1 });
  });

  test('after a HEAD the connection serves the next request', async () => {
    const peer = await rawPeer(endpoint);
    const target = TARGETS[kind];
    peer.send(requestText({ target, method: 'HEAD' }) + requestText({ target: '/page' }));
    await peer.untilText('a page').catch(() => {});
    // A stream's answer may end the connection; what it must not do is send a body.
    const rest = peer.text.slice(peer.text.indexOf('\r\n\r\n') + 4);
    expect(rest === '' || rest.startsWith('HTTP/1.1 200 ')).toBe(true);
    peer.leave();
  });
}

function declareLeaving(endpoint: Endpoint, kind: HttpKind): void {
  test('who is gone before the answer opens nothing that stays', async () => {
    await using opened = new Opened(endpoint);
    const watcher = await opened.open('websocket');
    for (const how of ['leave', 'reset'] as const) {
      for (let times = 0; times < 20; times += 1) {
        const peer = await rawPeer(endpoint);
        peer.send(requestText({ target: TARGETS[kind] }));
        peer[how]();
      }
    }
    await expectAlive(watcher);
  });

  test('who has said all that it will say may still listen', async () => {
    const peer = await rawPeer(endpoint);
    peer.send(requestText({ target: `${TARGETS[kind]}` }));
    await sessionIn(peer);
    peer.finish();
    // A half-closed connection is served or ended, but not kept for nobody.
    peer.leave();
    await peer.untilGone();
    expect((await poll(endpoint, '')).messages[0]).toMatchObject({ type: 'connect' });
  });

  test('half a request opens nothing', async () => {
    const peer = await rawPeer(endpoint);
    peer.send(requestText({ target: TARGETS[kind] }).slice(0, -2));
    await Bun.sleep(SETTLE_MS);
    expect(peer.text).toBe('');
    peer.finish();
    await peer.untilEnd();
    expect(peer.text).not.toContain('"connect"');
    peer.leave();
  });
}

function declareGone(endpoint: Endpoint, kind: 'sse' | 'stream'): void {
  test('the app hears of a client that is gone', async () => {
    await using opened = new Opened(endpoint);
    const watcher = await opened.open('websocket');
    await asked(watcher, 'watch');
    for (const how of ['leave', 'reset'] as const) {
      const peer = await rawPeer(endpoint);
      peer.send(requestText({ target: TARGETS[kind] }));
      const session = await sessionIn(peer);
      peer[how]();
      expect(await whyGone(watcher, await sessionIn(peer, 'id'))).toMatch(/./);
      const answer = await postTo(endpoint, session, '{"type":"ping"}');
      expectRefusal(answer, { status: 404, reason: 'sessionUnknown' });
    }
  });
}

function declareVersions(endpoint: Endpoint, kind: HttpKind): void {
  test('HTTP/1.0 is served', async () => {
    const peer = await rawPeer(endpoint);
    peer.send(requestText({ target: TARGETS[kind], version: '1.0' }));
    const session = await sessionIn(peer);
    expect(peer.text.toLowerCase()).not.toContain('transfer-encoding');
    const body = JSON.stringify(event('back', 1));
    const other = await rawPeer(endpoint);
    const target = `/poll?session=${session}`;
    other.send(requestText({ target, method: 'POST', version: '1.0', body }));
    await other.untilText('{"accepted":1}');
    await other.untilEnd();
    peer.leave();
  });

  test('a request without a host is refused in HTTP/1.1', async () => {
    const peer = await rawPeer(endpoint);
    peer.send(`GET ${TARGETS[kind]} HTTP/1.1\r\n\r\n`);
    await peer.untilText('\r\n\r\n');
    expect(peer.text).toStartWith('HTTP/1.1 400 ');
    peer.leave();
  });

  test('a body that nobody asked for does no harm to a GET', async () => {
    const peer = await rawPeer(endpoint);
    const body = JSON.stringify({ type: 'connect', auth: { user: 'by-body' } });
    peer.send(requestText({ target: TARGETS[kind], body }));
    await peer.until('an answer', ({ text }) => text.includes('\r\n\r\n'));
    expect(peer.text).not.toContain('by-body');
    peer.leave();
  });
}

function declarePreflights(endpoint: Endpoint): void {
  test.each(['/sse', '/poll', '/poll?stream=1', '/sse?session=x'])(
    'the preflight of a page that may ask passes: %s',
    async (path) => {
      const answer = await plainRequest(endpoint, path, {
        method: 'OPTIONS',
        headers: {
          origin: ALLOWED_ORIGIN,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        },
      });
      expect([200, 204]).toContain(answer.status);
      expect(answer.body).toBe('');
      expect(answer.headers.get('access-control-allow-origin')).toBe(ALLOWED_ORIGIN);
      const list = (name: string): string => (answer.headers.get(name) ?? '').toLowerCase();
      expect(list('access-control-allow-methods')).toContain('post');
      expect(list('access-control-allow-headers')).toContain('content-type');
    },
  );

  test('that of another page is not granted', async () => {
    for (const path of ['/sse', '/poll']) {
      const answer = await plainRequest(endpoint, path, {
        method: 'OPTIONS',
        headers: { origin: 'https://other.example', 'access-control-request-method': 'POST' },
      });
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('caches keep answers to different pages apart', async () => {
    for (const path of ['/sse', '/poll?stream=1']) {
      const stream = await RawStream.open(endpoint, {
        target: path,
        headers: [`Origin: ${ALLOWED_ORIGIN}`],
      });
      expect(stream.header('access-control-allow-origin')).toBe(ALLOWED_ORIGIN);
      expect(stream.header('vary')?.toLowerCase()).toContain('origin');
      stream.peer.leave();
    }
  });
}

function declareSockets(endpoint: Endpoint): void {
  test('a HEAD or a POST of /ws opens nothing', async () => {
    const answer = await plainRequest(endpoint, '/ws', { method: 'POST', body: '{}' });
    expectRefusal(answer, { status: 405, reason: 'badRequest' });
    const head = await plainRequest(endpoint, '/ws', { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([426, '']);
  });

  test.each([
    ['of another version', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 8'],
    ['without a key', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n', ''],
    ['with a key that is none', 'dGhlIHNhbXBsZSBub25jZQ==', 'short'],
    ['to another protocol', 'Upgrade: websocket', 'Upgrade: h2c'],
  ])('an upgrade %s is refused', async (_what, part, by) => {
    const connection = await RawConnection.open(endpoint.url);
    connection.write(upgradeRequest('', [], '/ws').replace(part, by));
    const answer = await connection.response();
    expect([400, 426]).toContain(answer?.status ?? 0);
    connection.close();
  });

  test('a WebSocket of HTTP/1.0 is refused', async () => {
    const connection = await RawConnection.open(endpoint.url);
    connection.write(upgradeRequest('', [], '/ws').replace('HTTP/1.1', 'HTTP/1.0'));
    const answer = await connection.response();
    expect([400, 426, 505]).toContain(answer?.status ?? 0);
    connection.close();
  });

  test('who is gone before the upgrade is answered harms nobody', async () => {
    await using opened = new Opened(endpoint);
    const bystander = await opened.open('websocket');
    for (const how of ['leave', 'reset', 'finish'] as const) {
      for (let times = 0; times < 20; times += 1) {
        const peer = await rawPeer(endpoint);
        peer.send(upgradeRequest('', [], '/ws'));
        peer[how]();
        peer.leave();
      }
    }
    await expectAlive(bystander);
  });
}

describe('plain clients that stop reading', () => {
  let node: HoldfastProcess;
  let endpoint: Endpoint;

  beforeAll(async () => {
    node = await startPlain(1, { maxBackpressureBytes: 1_200_000, backpressureTimeoutMs: 1000 });
    endpoint = endpointOf(node);
  }, 60_000);
  afterAll(() => node.stop());

  test.each(['/sse', '/poll?stream=1'])(
    '%s is cut, and nobody else',
    async (path) => {
      await using opened = new Opened(endpoint);
      const room = crypto.randomUUID();
      const before = await cutsOf(node, 'slowReader');
      const [teller, other] = [
        await opened.open('websocket'),
        await opened.open('stream', { rooms: [room] }),
      ];
      const target = `${path}${path.includes('?') ? '&' : '?'}room=${room}`;
      const reader = await rawPeer(endpoint);
      reader.send(requestText({ target }));
      const session = await sessionIn(reader);
      reader.pause();
      for (let times = 0; times < FLOOD; times += 1) {
        await asked(teller, 'burst', room, times * 10, 10, 'x'.repeat(100_000));
      }
      for (let number = 0; number < 10 * FLOOD; number += 1) {
        expect(((await other.next())['args'] as [number])[0]).toBe(number);
      }
      await eventually(
        'the reader is cut',
        () => cutsOf(node, 'slowReader'),
        (count) => count > before,
        30_000,
      );
      const answer = await postTo(endpoint, session, '{"type":"ping"}');
      expectRefusal(answer, { status: 404, reason: 'sessionUnknown' });
      await expectAlive(other);
      reader.leave();
    },
    60_000,
  );

  test('a poll that is not read is cut, too, or waits for its client', async () => {
    await using opened = new Opened(endpoint);
    const bystander = await opened.open('websocket');
    const room = crypto.randomUUID();
    const { position } = await poll(endpoint, `room=${room}`);
    const reader = await rawPeer(endpoint);
    reader.pause();
    for (let times = 0; times < 8; times += 1) {
      await asked(bystander, 'burst', room, times * 10, 10, 'x'.repeat(10_000));
    }
    reader.send(requestText({ target: `/poll?since=${position}` }).repeat(20));
    await expectAlive(bystander);
    reader.leave();
    await expectAlive(bystander);
  }, 60_000);

  test('a WebSocket that is not read is not read from without bound either', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    socket.peer.pause();
    const echo = question(1, 'echo', 'x'.repeat(MAX_PAYLOAD_BYTES / 2));
    for (let times = 0; times < 20; times += 1) socket.text(echo);
    await Bun.sleep(SETTLE_MS);
    const { workers } = await node.process();
    expect(workers.every(({ state }) => state === 'running')).toBe(true);
    socket.peer.leave();
  }, 60_000);
});

describe('plain clients that hold much', () => {
  test('are cut when all that waits is over the memory budget', async () => {
    await using node = await startPlain(1, {
      maxBackpressureBytes: 1_500_000,
      memoryBudgetBytes: 3_000_000,
      backpressureTimeoutMs: 60_000,
    });
    const endpoint = endpointOf(node);
    await using opened = new Opened(endpoint);
    const teller = await opened.open('websocket');
    for (const path of ['/sse?room=much', '/poll?stream=1&room=much']) {
      const before = await cutsOf(node, 'memoryBudget');
      const reader = await rawPeer(endpoint);
      reader.send(requestText({ target: path }));
      await sessionIn(reader);
      reader.pause();
      for (let times = 0; times < FLOOD; times += 1) {
        await asked(teller, 'burst', 'much', 0, 10, 'x'.repeat(100_000));
      }
      await eventually(
        'the reader is cut',
        () => cutsOf(node, 'memoryBudget'),
        (count) => count > before,
      );
      await expectAlive(teller);
      reader.leave();
    }
  }, 60_000);
});

describe('plain paths below another one', () => {
  test('stand below plainPath, and nowhere else', async () => {
    await using node = await startPlain(2, { plainPath: '/live/' });
    const endpoint = endpointOf(node);
    const { messages, session } = JSON.parse(
      (await plainRequest(endpoint, '/live/poll?room=a')).body,
    ) as { messages: unknown[]; session: string };
    expect(messages).toMatchObject([{ type: 'connect', rooms: ['a'] }]);
    const init = { method: 'POST', body: '{"type":"ping"}' };
    const posted = await plainRequest(endpoint, `/live/sse?session=${session}`, init);
    expect(JSON.parse(posted.body)).toEqual({ accepted: 1 });
    const stream = await RawStream.open(endpoint, { target: '/live/sse' });
    expect([stream.status, stream.header('content-type')]).toEqual([
      200,
      expect.stringContaining('text/event-stream'),
    ]);
    stream.peer.leave();
    const peer = await rawPeer(endpoint);
    peer.send(upgradeRequest('', [], '/live/ws'));
    await peer.untilText('"type":"connect"');
    peer.leave();
    for (const path of ['/poll', '/sse', '/ws', '/live/', '/live/polls']) {
      expect([path, (await plainRequest(endpoint, path)).status]).toEqual([path, 404]);
    }
  }, 60_000);
});
