import { afterEach, describe, expect, test } from 'bun:test';
import { FakeNode } from '../../../test/support/fake-node.ts';
import { listenAs } from '../../../test/support/strange-listener.ts';
import { LIMITS } from '../core/limits/limits.ts';
import { type Admin, type AdminOptions, startAdmin } from './admin.ts';
import { StartError } from './start-error.ts';

const TOKEN = 'a token of sixteen and more'.replaceAll(' ', '-');

const LEFT = { token: 'left-for-the-user-of-the-node', path: 'the/token', remove: () => {} };

const running: Admin[] = [];
afterEach(async () => {
  for (const admin of running.splice(0)) await admin.stop();
});

function setUp(options: Partial<AdminOptions> = {}) {
  const node = new FakeNode();
  const lines: string[] = [];
  const say = (message: string, fields?: unknown): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log = { debug: say, info: say, warn: say, error: say };
  const host = '127.0.0.1';
  const common = {
    host,
    port: 0,
    maxBodyBytes: 1_000,
    maxJsonKeys: 1_000,
    log,
    tls: undefined,
    leaveToken: () => LEFT,
  };
  const admin = startAdmin(node, { ...common, ...options });
  running.push(admin);
  const url = `http://127.0.0.1:${admin.port}`;
  const authorization = `Bearer ${LEFT.token}`;
  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url + path, { headers });
  const send = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/send`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { node, admin, url, get, send, lines };
}

test.if(process.platform === 'linux')('a taken port is no wrong host, whoever has it', async () => {
  await using other = await listenAs('has no address');
  expect(() => setUp({ port: other.port })).toThrow(
    /has no address listens there \(process \d+\); choose another with --admin-port\.$/,
  );
});

async function errorOf(response: Response | Promise<Response>): Promise<string> {
  return ((await (await response).json()) as { error: string }).error;
}

describe('reports', () => {
  test('/health and /ready', async () => {
    const { get, node } = setUp();
    expect((await get('/health')).status).toBe(200);
    expect((await get('/ready')).status).toBe(200);
    node.ready = false;
    expect((await get('/ready')).status).toBe(503);
    expect((await get('/health')).status).toBe(200);
  });

  test('/load counts connections by worker and transport', async () => {
    const { get } = setUp();
    expect(await (await get('/load')).json()).toEqual({
      connections: 46,
      capacity: 19_744,
      transports: { polling: 3, websocket: 40, sse: 2, stream: 1 },
      // The second worker is down, so the sums are not whole.
      missing: [1],
      workers: [
        {
          index: 0,
          pid: 4242,
          port: 8501,
          connections: 46,
          capacity: 19_744,
          transports: { polling: 3, websocket: 40, sse: 2, stream: 1 },
          sampleAgeMs: expect.any(Number),
        },
        {
          index: 1,
          pid: null,
          port: null,
          connections: 0,
          capacity: 0,
          transports: { polling: 0, websocket: 0, sse: 0, stream: 0 },
          sampleAgeMs: null,
        },
      ],
    });
  });

  test('/process tells how nodes and workers stand', async () => {
    const { get } = setUp();
    expect(await (await get('/process')).json()).toMatchObject({
      nodes: [{ id: 'n1', pid: process.pid, ready: true, publicPort: 8500, workers: 2 }],
      workers: [
        {
          ...{ node: 'n1', index: 0, pid: 4242, state: 'running', restarts: 1, loopLagMaxMs: 2 },
          ...{ collections: 6, collectionPauseMaxMs: 12.5 },
        },
        { node: 'n1', index: 1, pid: null, state: 'backing-off', restarts: 7, rssBytes: null },
      ],
      bus: { framesRelayed: 11, queueBytes: [5, 6] },
    });
  });

  test('/metrics is Prometheus text', async () => {
    const { get } = setUp();
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).toStartWith('text/plain; version=0.0.4');
    expect(await response.text()).toContain('websocket_connections 40');
  });

  test('HEAD is answered like GET, without a body', async () => {
    const { url } = setUp();
    const response = await fetch(`${url}/load`, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });
});

describe('/send', () => {
  test('passes the message on and answers with its id', async () => {
    const { send, node } = setUp();
    const message = { event: 'score', args: [1, { a: null }], room: ['a', 'b'], except: 'c' };
    const response = await send({ ...message, user: 'u1', namespace: '/chat' });
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ accepted: true, id: 'm1' });
    expect(node.published).toEqual([{ ...message, user: 'u1', namespace: '/chat' }]);
  });

  test('needs no more than an event', async () => {
    const { send, node } = setUp();
    await send({ event: 'tick' }, { 'content-type': 'application/json; charset=utf-8' });
    expect(node.published).toEqual([{ event: 'tick', args: [], namespace: '/' }]);
  });

  test.each([
    ['no JSON', '{', 'Send a JSON object such as'],
    ['nothing', '', 'Send a JSON object such as'],
    ['brackets without end', '['.repeat(900), 'Send a JSON object such as'],
    ['a list', [], 'The body must be a JSON object.'],
    ['no event', {}, '"event" must be text of 1 to 256 characters, without halves of'],
    ['a reserved event', { event: 'disconnect' }, '"event" must be'],
    ['args that are no list', { event: 'a', args: 'x' }, '"args" must be a list'],
    ['an empty room', { event: 'a', room: '' }, '"room" must be'],
    ['half a character as room', { event: 'a', room: ['b', 'c\ud800'] }, '"room" must be'],
    ['… as event', { event: '\udc00' }, 'without halves of surrogate pairs'],
    ['… as user', { event: 'a', user: '\udc00' }, '"user" must be'],
    ['… to leave out', { event: 'a', except: '\udc00' }, '"except" must be'],
    ['… as namespace', { event: 'a', namespace: '/\udc00' }, '"namespace" must be'],
    ['no room in a list', { event: 'a', room: [] }, '"room" must be'],
    ['a user that is no text', { event: 'a', user: 1 }, '"user" must be'],
    ['a namespace without slash', { event: 'a', namespace: 'x' }, '"namespace" must be'],
    ['an unknown key', { event: 'a', rooms: 'x' }, 'no key of a message; the nearest is "room".'],
  ])('refuses %s', async (_, body, error) => {
    const { send, node } = setUp();
    const response = await send(body);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toContain(error);
    expect(node.published).toEqual([]);
  });

  test('refuses values nested too deep', async () => {
    const { send } = setUp({ maxBodyBytes: 10_000 });
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    const most = LIMITS.argumentDepth;
    expect((await send(`{"event":"a","args":${nested(most)}}`)).status).toBe(202);
    expect((await send(`{"event":"a","args":${nested(most + 1)}}`)).status).toBe(400);
  });

  test('refuses a body that is too large, announced or not', async () => {
    const { send, url } = setUp();
    expect((await send({ event: 'a', args: ['x'.repeat(1_000)] })).status).toBe(413);
    const chunks = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode('x'.repeat(600)));
      },
    });
    const response = await fetch(`${url}/send`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${LEFT.token}` },
      body: chunks,
    });
    expect(response.status).toBe(413);
    expect(await errorOf(response)).toBe('Send at most 1000 bytes.');
  });

  test('refuses what a form on a web page could send', async () => {
    const { send } = setUp();
    const response = await send('{"event":"a"}', { 'content-type': 'text/plain' });
    expect(response.status).toBe(415);
  });

  test('says when the bus is full, and hides what is none of the caller’s business', async () => {
    const { send, node, lines } = setUp();
    node.fault = 'full';
    const full = await send({ event: 'a' });
    expect([full.status, full.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await errorOf(full)).toStartWith('Worker 1 takes no more messages');
    expect(lines).toEqual([]);
    node.fault = 'broken';
    const broken = await send({ event: 'a' });
    expect(broken.status).toBe(500);
    expect(await broken.text()).not.toContain('hidden detail');
    expect(lines.at(-1)).toContain('hidden detail');
  });
});

describe('/profile', () => {
  const ask = (url: string, body: unknown): Promise<Response> =>
    fetch(`${url}/profile`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${LEFT.token}` },
      body: JSON.stringify(body),
    });

  test('profiles a worker and passes its answer on', async () => {
    const { url, node } = setUp();
    node.profileAnswer = { worker: 1, profile: { nodes: [] } };
    const response = await ask(url, { worker: 1, seconds: 120 });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ worker: 1, profile: { nodes: [] } });
    expect(node.profiled).toEqual([[1, 120]]);
  });

  test.each([
    [{ worker: 0, seconds: 0 }, '"seconds" must be a whole number from 1 to 120.'],
    [{ worker: 0, seconds: 121 }, '"seconds" must be a whole number from 1 to 120.'],
    [{ worker: -1, seconds: 1 }, '"worker" must be the number of a worker, such as 0.'],
    [{ seconds: 1 }, '"worker" must be the number of a worker, such as 0.'],
    [
      { worker: 0, seconds: 1, second: 2 },
      '"second" is no key of the body; the nearest is "seconds".',
    ],
    ['x', 'The body must be a JSON object.'],
  ])('refuses %j', async (body, error) => {
    const { url, node } = setUp();
    const response = await ask(url, body);
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toBe(error);
    expect(node.profiled).toEqual([]);
  });

  test('tells a worker that is busy from one that failed', async () => {
    const { url, node } = setUp();
    node.fault = 'full';
    const busy = await ask(url, { worker: 0, seconds: 1 });
    expect([busy.status, await errorOf(busy)]).toEqual([409, 'Worker 0 is being profiled.']);
    node.fault = 'broken';
    const failed = await ask(url, { worker: 0, seconds: 1 });
    expect([failed.status, await errorOf(failed)]).toEqual([503, 'Worker 0 ended.']);
  });

  test('asks for the token', async () => {
    const { url, node } = setUp({ token: TOKEN });
    expect((await ask(url, { worker: 0, seconds: 1 })).status).toBe(401);
    expect(node.profiled).toEqual([]);
  });
});

describe('other requests', () => {
  test('get 404 and 405 that say what to do', async () => {
    const { get, send, url } = setUp();
    expect(await errorOf(get('/laod'))).toContain('/load');
    expect((await get('/laod')).status).toBe(404);
    const wrong = await get('/send');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await fetch(`${url}/load`, { method: 'DELETE' })).status).toBe(405);
    expect((await send({ event: 'a' })).status).toBe(202);
  });
});

describe('without a token', () => {
  test.each([
    ['localhost:8600', 200],
    ['127.0.0.1:1', 200],
    ['[::1]:8600', 200],
    ['10.0.0.7', 200],
    ['app.localhost', 200],
    ['evil.example', 403],
    ['localhost.evil.example:8600', 403],
    ['', 403],
  ])('Host %p is answered %i', async (host, status) => {
    const { get } = setUp();
    expect((await get('/load', { host })).status).toBe(status);
    expect((await get('/health', { host })).status).toBe(200);
  });
});

describe('without a configured token', () => {
  test('all may look, and who acts presents the token that was left', async () => {
    const { get, send, node, url } = setUp();
    for (const path of ['/load', '/process', '/metrics']) {
      expect((await get(path)).status).toBe(200);
    }
    const stranger = await send({ event: 'a' }, { authorization: '' });
    expect([stranger.status, stranger.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await errorOf(stranger)).toContain('the/token');
    expect((await send({ event: 'a' }, { authorization: 'Bearer x' })).status).toBe(401);
    const profile = await fetch(`${url}/profile`, { method: 'POST', body: '{}' });
    expect(profile.status).toBe(401);
    expect([node.published, node.profiled]).toEqual([[], []]);
    expect((await send({ event: 'a' })).status).toBe(202);
  });

  test('where none could be left nobody acts', async () => {
    const { send, get } = setUp({ leaveToken: () => undefined });
    expect((await send({ event: 'a' })).status).toBe(403);
    expect((await get('/load')).status).toBe(200);
  });

  test('the token is taken away when the port is closed', async () => {
    let isLeft = true;
    const { admin } = setUp({ leaveToken: () => ({ ...LEFT, remove: () => (isLeft = false) }) });
    await admin.stop();
    expect(isLeft).toBeFalse();
  });
});

describe('the audit', () => {
  test('says who acted and who was refused, and no token', async () => {
    const { send, lines } = setUp();
    await send({ event: 'score', room: ['a', 'b'] });
    await send({ event: 'score' }, { authorization: 'Bearer wrong' });
    expect(lines).toEqual([
      expect.stringMatching(/^send through .*"audit":"send","address":"127.0.0.1".*"room":"a, b"/),
      expect.stringMatching(/^a caller .* refused .*"path":"\/send","status":401/),
    ]);
    expect(lines.join()).not.toContain(LEFT.token);
  });

  test('a flood of callers is a few lines', async () => {
    const { get, lines } = setUp({ token: TOKEN });
    for (let i = 0; i < 200; i++) await get(`/load?${'x'.repeat(500)}`);
    expect(lines.length).toBeLessThan(100);
    expect(lines.every((line) => line.length < 400)).toBeTrue();
  });
});

test('answers are no pages, whatever a browser makes of them', async () => {
  const { get } = setUp();
  for (const path of ['/load', '/metrics', '/health', '/nothing']) {
    const { headers } = await get(path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  }
});

test('a client that wants no more is told that the answer is the last', async () => {
  const { get } = setUp();
  expect((await get('/health', { connection: 'close' })).headers.get('connection')).toBe('close');
  expect((await get('/health')).headers.get('connection')).not.toBe('close');
});

describe('with a token', () => {
  test('everything but /health and /ready asks for it', async () => {
    const { get, send } = setUp({ token: TOKEN });
    expect((await get('/health')).status).toBe(200);
    expect((await get('/ready')).status).toBe(200);
    for (const path of ['/load', '/process', '/metrics']) {
      const refused = await get(path);
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      const headers = { authorization: `Bearer ${TOKEN}`, host: 'any.example' };
      expect((await get(path, headers)).status).toBe(200);
    }
    expect((await send({ event: 'a' }, { authorization: '' })).status).toBe(401);
    expect((await send({ event: 'a' }, { authorization: `bearer ${TOKEN}` })).status).toBe(202);
  });

  test.each(['', 'Bearer', 'Bearer ', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, TOKEN])(
    '%p is not it',
    async (authorization) => {
      const { get } = setUp({ token: TOKEN });
      expect((await get('/load', { authorization })).status).toBe(401);
    },
  );
});

describe('the port', () => {
  test('that is taken makes a StartError with one sentence', () => {
    const { admin } = setUp();
    expect(() => setUp({ port: admin.port })).toThrow(StartError);
    expect(() => setUp({ port: admin.port })).toThrow(
      new RegExp(
        `^The admin API cannot listen on port ${admin.port} of 127.0.0.1: \\S+ listens there ` +
          `\\(process ${process.pid}\\); choose another with --admin-port\\.$`,
      ),
    );
  });

  test('is free again after stop', async () => {
    const { admin } = setUp();
    await admin.stop();
    expect(setUp({ port: admin.port }).admin.port).toBe(admin.port);
  });
});
