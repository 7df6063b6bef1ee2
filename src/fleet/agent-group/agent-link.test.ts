import { afterEach, describe, expect, test } from 'bun:test';
import { eventually } from '../../../test/system/eventually.ts';
import { Agent } from '../agent/agent.ts';
import { serveAgent } from '../agent/agent-server.ts';
import type { AgentOrder } from '../agent/contract.ts';
import { AgentLink } from './agent-link.ts';

const TOKEN = 'a-token-of-a-test';

const ORDER: AgentOrder = {
  run: 'r',
  connections: 0,
  rate: 1,
  targets: ['ws://127.0.0.1:1/'],
  sources: [],
  mix: [{ protocol: 'websocket', weight: 1 }],
  firstNumber: 1,
  churnPerMinute: 0,
  storms: 0,
  coalesceMs: 0,
  clockOffsetMs: 0,
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean();
});

function startAgent(): string {
  const agent = new Agent(1_000);
  const server = serveAgent(agent, { host: '127.0.0.1', port: 0, token: TOKEN });
  agent.start();
  cleanups.push(
    () => agent.stop(),
    () => server.stop(true),
  );
  return `http://127.0.0.1:${server.port}`;
}

function serve(fetch: (request: Request) => Response | Promise<Response>): string {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch });
  cleanups.push(() => server.stop(true));
  return `http://127.0.0.1:${server.port}`;
}

const linkTo = (url: string, token: string = TOKEN, isLocal = false): AgentLink =>
  new AgentLink({ name: 'host:8710', url, token, isLocal });

/** A real agent whose samples are changed on their way. */
function serveChanged(
  change: (sample: Record<string, unknown>) => object,
  url: string = startAgent(),
): string {
  return serve(async (request) => {
    const { pathname } = new URL(request.url);
    const body = request.method === 'POST' ? await request.text() : null;
    const answer = await fetch(url + pathname, {
      method: request.method,
      headers: { authorization: `Bearer ${TOKEN}` },
      body,
    });
    return Response.json(change((await answer.json()) as Record<string, unknown>));
  });
}

/** The message of the error that it ends with; empty when there is none. */
function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
}

test('orders are answered with samples', async () => {
  const link = linkTo(startAgent());
  await link.greet();
  expect(link.capacity).toBeGreaterThan(0);
  await link.order(ORDER);
  expect(link.sample?.run).toBe('r');
  expect(link.lost).toBeUndefined();
});

describe('an agent that cannot be used is told in one sentence', () => {
  test('nobody answers', async () => {
    expect(await failureOf(linkTo('http://127.0.0.1:1').greet())).toMatch(
      /^No agent answers at host:8710 \(.+\): start one there/,
    );
  });

  test('another token', async () => {
    expect(await failureOf(linkTo(startAgent(), 'another').greet())).toContain(
      'The agent at host:8710 refuses the token: give its own with --token-file',
    );
  });

  test('something else answers', async () => {
    const url = serve(() => new Response('<html>'));
    expect(await failureOf(linkTo(url).greet())).toContain('is no agent of Holdfast');
  });

  test('it is busy with another run', async () => {
    const url = serveChanged((sample) => ({ ...sample, open: 12 }));
    expect(await failureOf(linkTo(url).greet())).toContain('busy with another run (12 sessions)');
  });
});

test('while an order is under way, only the newest of those after it is sent', async () => {
  const url = startAgent();
  const rates: number[] = [];
  const slow = Promise.withResolvers<void>();
  const proxy = serve(async (request) => {
    const text = request.method === 'POST' ? await request.text() : null;
    if (text !== null) rates.push((JSON.parse(text) as AgentOrder).rate);
    if (rates.length === 1) await slow.promise;
    const { pathname } = new URL(request.url);
    return fetch(url + pathname, { method: request.method, headers: request.headers, body: text });
  });
  const link = linkTo(proxy);
  await link.greet();
  const orders = [1, 2, 3, 4].map((rate) => link.order({ ...ORDER, rate }));
  await eventually(
    'the first is there',
    () => rates.length,
    (count) => count === 1,
  );
  slow.resolve();
  await Promise.all(orders);
  expect(rates).toEqual([1, 4]);
});

test('a process that took the place of another one has lost its sessions', async () => {
  let pid = 1;
  const link = linkTo(serveChanged((sample) => ({ ...sample, pid: pid++ })));
  await link.greet();
  await link.order(ORDER);
  expect(link.lost).toBe('its process was replaced by another one');
});

test('so has one that began anew, though its process id is the same', async () => {
  const url = startAgent();
  const link = linkTo(url);
  await link.greet();
  await link.order(ORDER);
  await link.order(ORDER);
  expect(link.lost).toBeUndefined();
  // Of the same run, yet to itself each of the two begins it.
  const other = linkTo(url);
  await other.order({ ...ORDER, run: 'of another coordinator' });
  await link.order(ORDER);
  expect(link.lost).toStartWith('it began anew: another coordinator gave it orders');
  await other.order({ ...ORDER, run: 'of another coordinator' });
  expect(other.lost).toStartWith('it began anew');
});

test('what an agent counted, and how late it was, before the run is of no matter', async () => {
  const url = startAgent();
  const before = linkTo(url);
  await before.order({ ...ORDER, run: 'before' });
  const proxy = serveChanged(
    (sample) => ({
      ...sample,
      usage: { ...(sample['usage'] as object), capacity: 936, loopLagMs: 9_000 },
    }),
    url,
  );
  const link = linkTo(proxy);
  await link.greet();
  expect([link.capacity, link.sample, link.takeLongestLagMs()]).toEqual([936, undefined, 0]);
});

test('sessions that were dropped for want of orders are not forgiven', async () => {
  let dropped = 0;
  const link = linkTo(
    serveChanged((sample) => ({
      ...sample,
      counters: { ...(sample['counters'] as object), dropped },
    })),
  );
  await link.greet();
  await link.order(ORDER);
  expect(link.lost).toBeUndefined();
  dropped = 1_200;
  for (let i = 0; i < 2; i++) {
    await link.order(ORDER);
    expect(link.lost).toBe('no order reached it for 30 s, and it dropped 1,200 sessions');
  }
});

test('an agent whose process has ended stays lost, whatever it still answers', async () => {
  const url = startAgent();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const proxy = serve(async (request) => {
    const body = await request.text();
    asked.resolve();
    await answer.promise;
    const { pathname } = new URL(request.url);
    return fetch(url + pathname, { method: 'POST', headers: request.headers, body });
  });
  const link = linkTo(proxy);
  const ordered = link.order(ORDER);
  await asked.promise;
  link.gone('its process ended (SIGKILL)');
  answer.resolve();
  await ordered;
  expect(link.sample?.run).toBe('r');
  expect(link.lost).toBe('its process ended (SIGKILL)');
});

test('an order that the agent does not understand is a loss with its reason', async () => {
  const link = linkTo(startAgent());
  await link.greet();
  await link.order({ ...ORDER, rate: 0 });
  expect(link.lost).toContain('it refused an order (');
  await link.order(ORDER);
  expect(link.lost).toBeUndefined();
});

describe('what an agent answers is judged before it counts', () => {
  const many = (length: number) => Array.from({ length }, () => 0);
  const named = (count: number, name = 'n') =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}${index}`, 1]));
  const within = (field: string, changes: object) => (sample: Record<string, unknown>) => ({
    ...sample,
    [field]: { ...(sample[field] as object), ...changes },
  });

  test.each<[string, (sample: Record<string, unknown>) => unknown, string]>([
    ['nothing', () => null, ''],
    ['a list', () => [], ''],
    ['a text for a number', (sample) => ({ ...sample, open: '5' }), ' at "open"'],
    ['less than nothing', (sample) => ({ ...sample, open: -1 }), ' at "open"'],
    ['more than there are', (sample) => ({ ...sample, connecting: 1e12 }), ' at "connecting"'],
    ['a time after all dates', (sample) => ({ ...sample, atMs: 1e300 }), ' at "atMs"'],
    ['a long name of a run', (sample) => ({ ...sample, run: 'x'.repeat(100) }), ' at "run"'],
    ['a counter missing', within('counters', { left: undefined }), ' at "counters.left"'],
    ['too many names', within('counters', { failures: named(1_000) }), ' at "counters.failures"'],
    [
      'a name without end',
      within('counters', { losses: named(1, 'x'.repeat(10_000)) }),
      ' at "counters.losses.',
    ],
    ['counts of texts', within('counters', { losses: { closed: '1' } }), ' at "counters.losses.'],
    ['half a pair in a histogram', within('latencies', { echo: [1] }), ' at "latencies.echo"'],
    ['a bucket that is none', within('latencies', { echo: [9_999, 1] }), ' at "latencies.echo"'],
    ['a histogram without end', within('latencies', { echo: many(9_998) }), ' at "latencies.echo'],
    ['no capacity', within('usage', { capacity: 0 }), ' at "usage.capacity"'],
    [
      'more receipts than are kept',
      (sample) => ({ ...sample, broadcasts: many(100).map(() => ({ sequence: 1, received: 1 })) }),
      ' at "broadcasts"',
    ],
  ])('%s', async (_name, change, place) => {
    let isHostile = false;
    const link = linkTo(serveChanged((sample) => (isHostile ? change(sample) : sample) as object));
    await link.greet();
    await link.order(ORDER);
    const { sample } = link;
    isHostile = true;
    await link.order(ORDER);
    expect(link.lost).toStartWith(
      `it gave no account of itself (its answer is of another shape${place}`,
    );
    expect(link.sample).toBe(sample);
    expect(
      await failureOf(linkTo(serveChanged((one) => change(one) as object)).greet()),
    ).toStartWith(
      `What answers at host:8710 is no agent of Holdfast (its answer is of another shape${place}`,
    );
    isHostile = false;
    await link.order(ORDER);
    expect(link.lost).toBeUndefined();
  });

  test('an answer without end', async () => {
    const chunk = new Uint8Array(65_536).fill(0x20);
    const url = serve(
      () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) })),
    );
    expect(await failureOf(linkTo(url).greet())).toContain('longer than 1048576 bytes');
  });

  test('a refusal that is a book', async () => {
    const link = linkTo(serve(() => Response.json({ error: 'x'.repeat(1e6) }, { status: 400 })));
    await link.order(ORDER);
    expect(link.lost).toBe('it refused an order (HTTP 400)');
  });
});

test('the clock of an agent elsewhere is measured, that of one here is the same', async () => {
  const behindMs = 5_000;
  const change = (sample: Record<string, unknown>) => ({
    ...sample,
    atMs: Number(sample['atMs']) - behindMs,
  });
  const [there, here] = [linkTo(serveChanged(change)), linkTo(serveChanged(change), TOKEN, true)];
  await Promise.all([there.greet(), here.greet()]);
  await Promise.all([there.order(ORDER), here.order(ORDER)]);
  expect(Math.abs(there.clockOffsetMs - behindMs)).toBeLessThan(2_000);
  expect(here.clockOffsetMs).toBe(0);
});
