/** The clock of an agent, and its API over HTTP. */

import { afterEach, beforeEach, describe, expect, spyOn, test } from 'bun:test';
import { ScriptedServer, socketIoScript } from '../../../test/support/scripted-server.ts';
import { ORDER } from '../../../test/support/swarm-run.ts';
import { Agent } from './agent.ts';
import { serveAgent } from './agent-server.ts';
import { type AgentOrder, type AgentSample, ORDER_TIMEOUT_MS } from './contract.ts';

const TOKEN = 'a-token-of-a-test';
const OPEN_FILES = 5_000;

let agent: Agent;
let server: Bun.Server<undefined>;

beforeEach(() => {
  agent = new Agent(OPEN_FILES);
  agent.start();
  server = serveAgent(agent, { host: '127.0.0.1', port: 0, token: TOKEN });
});

afterEach(async () => {
  agent.stop();
  await server.stop(true);
});

describe('the API', () => {
  test('tells anyone that it is alive', async () => {
    const answer = await ask('/health', { token: undefined });
    expect(answer.status).toBe(200);
  });

  test.each([
    ['no token', undefined],
    ['another token', 'wrong'],
    ['an empty token', ''],
    ['a longer token', `${TOKEN}x`],
    ['a part of the token', TOKEN.slice(0, -1)],
  ])('refuses %s with 401, whatever is asked', async (_what, token) => {
    for (const [method, path] of [
      ['GET', '/sample'],
      ['GET', '/brief'],
      ['POST', '/order'],
      ['GET', '/'],
    ] as const) {
      const answer = await ask(path, { method, token, body: ORDER });
      expect(answer.status).toBe(401);
      expect(answer.error).toMatch(/^[A-Z].*\.$/);
    }
    expect(agent.sample().run).toBe('');
  });

  test('gives a brief account of itself, and keeps its lag for the next sample', async () => {
    // A loop that is held up, as seen by whoever asks first.
    const untilMs = performance.now() + 400;
    while (performance.now() < untilMs);
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`http://127.0.0.1:${server.port}/brief`, { headers });
    expect(await response.json()).toEqual({ open: 0, connecting: 0, capacity: OPEN_FILES - 64 });
    expect(agent.sample().usage.loopLagMs).toBeGreaterThan(100);
  });

  test.each([
    ['GET', '/order'],
    ['POST', '/sample'],
    ['GET', '/'],
    ['DELETE', '/order'],
  ])('has nothing at %s %s', async (method, path) => {
    const answer = await ask(path, { method });
    expect(answer.status).toBe(404);
    expect(answer.error).toMatch(/^[A-Z].*\.$/);
  });

  test('an order is answered with a sample of the run', async () => {
    const { status, sample } = await ask('/order', { method: 'POST', body: ORDER });
    expect(status).toBe(200);
    expect(sample).toMatchObject({
      run: ORDER.run,
      pid: process.pid,
      open: 0,
      connecting: 0,
      broadcasts: [],
      latencies: { connect: [], delivery: [], echo: [] },
      usage: { openFileLimit: OPEN_FILES },
    });
    expect(sample.counters).toEqual({
      attempts: 0,
      established: 0,
      left: 0,
      dropped: 0,
      failures: {},
      losses: {},
      deliveries: 0,
      deliveryBytes: 0,
      duplicates: 0,
      heartbeats: 0,
      echoesSent: 0,
      echoesAnswered: 0,
    });
    expect(Math.abs(sample.atMs - Date.now())).toBeLessThan(5_000);
    expect(sample.usage.capacity).toBeGreaterThan(OPEN_FILES - 200);
    expect(sample.usage.capacity).toBeLessThan(OPEN_FILES);
    expect(sample.usage.rssBytes).toBeGreaterThan(1_000_000);
    expect(sample.usage.cpuSeconds).toBeGreaterThan(0);
    expect((await ask('/sample')).sample.run).toBe(ORDER.run);
  });

  const largeAuth = JSON.stringify({ ...ORDER, auth: 'x'.repeat(1_100_000) });
  test.each([
    ['text that is not JSON', '{"run":'],
    ['an empty body', ''],
    ['a list', '[]'],
    ['a field that is missing', JSON.stringify({ ...ORDER, rate: undefined })],
    ['a field that is wrong', JSON.stringify({ ...ORDER, run: 'other', connections: -1 })],
    ['a body that is too large', largeAuth],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00])],
  ])('%s is refused with 400 and one sentence; the order before stays', async (_what, body) => {
    using target = new ScriptedServer(socketIoScript());
    const order = { ...ORDER, targets: [target.url], connections: 3 };
    await ask('/order', { method: 'POST', body: order });
    await until('3 sessions', () => agent.sample().open === 3);
    const answer = await ask('/order', { method: 'POST', body });
    expect(answer.status).toBe(400);
    expect(answer.error).toMatch(/^[A-Z`].*\.$/);
    expect(answer.error).not.toContain('\n');
    await Bun.sleep(30);
    expect(agent.sample()).toMatchObject({ run: ORDER.run, open: 3 });
  });

  test('each run that begins is told apart, also one of the same name', async () => {
    expect((await ask('/sample')).sample.beginning).toBe('');
    const beginnings: string[] = [];
    for (const run of ['one', 'one', 'other', 'one']) {
      const { sample } = await ask('/order', { method: 'POST', body: { ...ORDER, run } });
      beginnings.push(sample.beginning);
    }
    expect(beginnings[1]).toBe(beginnings[0] as string);
    expect(new Set(beginnings).size).toBe(3);
  });

  test('orders of a second apart, the same again, change nothing', async () => {
    using target = new ScriptedServer(socketIoScript());
    const order = { ...ORDER, targets: [target.url], connections: 5, auth: '{"a":{n}}' };
    for (let i = 0; i < 20; i++) {
      await ask('/order', { method: 'POST', body: order });
      await Bun.sleep(10);
    }
    await until('5 sessions', () => agent.sample().open === 5);
    expect(agent.sample().counters).toMatchObject({ attempts: 5, established: 5, left: 0 });
  });
});

describe('the clock', () => {
  test('a coordinator that is silent for too long loses its load, and may come back', async () => {
    using target = new ScriptedServer(socketIoScript());
    const order = { ...ORDER, targets: [target.url], connections: 10 };
    const clock = spyOn(performance, 'now');
    const now = performance.now.bind(performance);
    let skewMs = 0;
    const real = clock.getMockImplementation() ?? now;
    try {
      const startMs = Bun.nanoseconds() / 1e6;
      const offsetMs = real() - startMs;
      clock.mockImplementation(() => Bun.nanoseconds() / 1e6 + offsetMs + skewMs);
      agent.obey(order);
      await until('10 sessions', () => agent.sample().open === 10);
      skewMs = ORDER_TIMEOUT_MS - 2_000;
      await Bun.sleep(450);
      expect(agent.sample().open).toBe(10);
      skewMs = ORDER_TIMEOUT_MS + 1_000;
      await until('all are dropped', () => agent.sample().open === 0);
      await until('the server sees them go', () => target.sockets.size === 0);
      await Bun.sleep(250);
      const { counters } = agent.sample();
      expect(counters).toMatchObject({ attempts: 10, left: 10, dropped: 10, losses: {} });
      agent.obey(order);
      await until('they are back', () => agent.sample().open === 10);
      // Whoever gives orders may not have noticed yet.
      expect(agent.sample().counters.dropped).toBe(10);
      expect(agent.sample()).toMatchObject({ run: ORDER.run, counters: { attempts: 20 } });
    } finally {
      clock.mockRestore();
    }
  });

  test('a loop that was held up shows in the next sample, and in no other', async () => {
    agent.obey(ORDER);
    await Bun.sleep(60);
    agent.sample();
    block(600);
    await until('the delay is seen', () => agent.sample().usage.loopLagMs >= 200, 1_000);
    // A busy machine may hold it up again, but not for as long.
    await Bun.sleep(60);
    expect(agent.sample().usage.loopLagMs).toBeLessThan(200);
  });

  test('also when the order comes before the clock had its turn', async () => {
    agent.obey(ORDER);
    await Bun.sleep(60);
    agent.sample();
    block(500);
    // In the same turn, as a request does that waited in the kernel.
    agent.obey(ORDER);
    expect(agent.sample().usage.loopLagMs).toBeGreaterThan(200);
  });

  test('what held it up before a run is no delay of the run', async () => {
    await Bun.sleep(60);
    block(600);
    agent.obey(ORDER);
    expect(agent.sample().usage.loopLagMs).toBeLessThan(200);
    block(600);
    agent.obey({ ...ORDER, run: 'the next one' });
    expect(agent.sample().usage.loopLagMs).toBeLessThan(200);
  });

  test('what a turn of its own takes is a delay too, for messages wait meanwhile', async () => {
    using target = new ScriptedServer(socketIoScript());
    const collector = spyOn(Bun, 'gc').mockImplementation(() => block(300));
    try {
      agent.obey({ ...ORDER, targets: [target.url], connections: 1 });
      await until('garbage was collected', () => collector.mock.calls.length > 0);
      await Bun.sleep(250);
      expect(agent.sample().usage.loopLagMs).toBeGreaterThanOrEqual(80);
    } finally {
      collector.mockRestore();
    }
  });

  test('without any order it does nothing', async () => {
    await Bun.sleep(50);
    expect(agent.sample()).toMatchObject({ run: '', open: 0, counters: { attempts: 0 } });
  });

  test('stopped, it drops its connections and opens no more', async () => {
    using target = new ScriptedServer(socketIoScript());
    agent.obey({ ...ORDER, targets: [target.url], connections: 5 });
    await until('5 sessions', () => agent.sample().open === 5);
    agent.stop();
    await until('the server sees them go', () => target.sockets.size === 0);
    await Bun.sleep(250);
    expect(target.visitors).toBe(5);
  });
});

interface Answer {
  readonly status: number;
  readonly sample: AgentSample;
  readonly error: string;
}

async function ask(
  path: string,
  options: {
    readonly method?: string;
    readonly token?: string | undefined;
    readonly body?: AgentOrder | string | Uint8Array<ArrayBuffer>;
  } = {},
): Promise<Answer> {
  const { method = 'GET', body } = options;
  const token = 'token' in options ? options.token : TOKEN;
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const answer = await fetch(`${server.url.origin}${path}`, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(method === 'POST' ? { body: isRaw ? body : JSON.stringify(body ?? {}) } : {}),
  });
  const fields: unknown = await answer.json();
  const { error } = fields as { error?: unknown };
  return {
    status: answer.status,
    sample: fields as AgentSample,
    error: typeof error === 'string' ? error : '',
  };
}

async function until(what: string, condition: () => boolean, withinMs = 10_000): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await Bun.sleep(5);
  }
}

function block(milliseconds: number): void {
  const endMs = Date.now() + milliseconds;
  while (Date.now() < endMs) Math.sqrt(endMs);
}
