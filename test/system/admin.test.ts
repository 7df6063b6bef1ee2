/** The admin API and the commands of operators, against a node of four workers with clients. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { HoldfastProcess, runHoldfast } from '../support/holdfast-process.ts';
import { byWorker, Clients, heard, operate, record } from './clients.ts';
import { eventually } from './eventually.ts';

const WORKERS = 4;
/** So many that each worker gets some. */
const CLIENTS = 60;
const POLLING_CLIENTS = 10;
const TOKEN = 'a-token-of-sixteen-and-more';

setDefaultTimeout(60_000);

const clients = new Clients();
let node: HoldfastProcess;
let sockets: readonly Socket[];
/** Clients by worker. */
let groups: Map<number, Socket[]>;

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'system-app.ts'),
    workers: WORKERS,
  });
  sockets = await clients.connectMany(node.url, CLIENTS, (number) => ({
    transports: [number < POLLING_CLIENTS ? 'polling' : 'websocket'],
    auth: { user: `user-${number % 5}`, rooms: [`room-${number % 3}`], data: { number } },
  }));
  groups = await byWorker(sockets);
  expect(groups.size).toBe(WORKERS);
  // Reports tell what workers said of themselves last, which is once a second.
  await eventually(
    'all clients are counted',
    () => node.load(),
    ({ connections }) => connections === CLIENTS,
  );
});

afterAll(async () => {
  clients.close();
  await node.stop();
});

describe('reports', () => {
  test('/health and /ready answer', async () => {
    const [health, ready] = await Promise.all([node.admin('/health'), node.admin('/ready')]);
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true }]);
    for (const path of ['/health', '/ready']) {
      expect((await fetch(`${node.url}${path}`)).status).toBe(200);
    }
  });

  test('/load counts connections by worker and transport', async () => {
    const load = await node.load();
    expect(load.transports).toEqual({
      polling: POLLING_CLIENTS,
      websocket: CLIENTS - POLLING_CLIENTS,
      sse: 0,
      stream: 0,
    });
    for (const { index, connections, capacity } of load.workers) {
      expect(connections).toBe(groups.get(index)?.length as number);
      expect(capacity).toBeGreaterThan(0);
    }
  });

  test('/process says how node and workers stand', async () => {
    const { nodes, workers } = await node.process();
    expect(nodes).toHaveLength(1);
    expect(nodes[0]).toMatchObject({
      pid: node.controllerPid,
      ready: true,
      publicPort: node.publicPort,
      workers: WORKERS,
    });
    expect(new Set(workers.map(({ pid }) => pid)).size).toBe(WORKERS);
    for (const worker of workers) {
      expect(worker).toMatchObject({ state: 'running', restarts: 0, node: nodes[0]?.id as string });
      expect(worker.rssBytes).toBeGreaterThan(1_000_000);
    }
  });

  test('/metrics is for Prometheus', async () => {
    const answer = await node.admin('/metrics');
    expect(answer.headers.get('content-type')).toStartWith('text/plain');
    const text = await answer.text();
    expect(valueOf(text, 'websocket_connections')).toBe(CLIENTS - POLLING_CLIENTS);
    expect(valueOf(text, 'holdfast_ready')).toBe(1);
    for (let worker = 0; worker < WORKERS; worker++) {
      expect(valueOf(text, `holdfast_worker_up{worker="${worker}"}`)).toBe(1);
    }
  });

  test('`holdfast status` shows them to people and machines', async () => {
    const human = await node.command('status');
    expect(human).toMatchObject({ code: 0, err: '' });
    expect(human.out).toMatch(new RegExp(`^Node \\w+ is ready: port ${node.publicPort}, `));
    expect(human.out).toMatch(new RegExp(`│ +total │.*${WORKERS} running +│ +${CLIENTS} │`));
    const machine = await node.command('status', '--json');
    expect(JSON.parse(machine.out)).toMatchObject({
      nodes: [{ pid: node.controllerPid }],
      load: { connections: CLIENTS },
    });
  });
});

describe('POST /send', () => {
  test.each([
    ['everyone', {}, () => true],
    ['a room', { room: 'room-1' }, (n: number) => n % 3 === 1],
    ['rooms', { room: ['room-0', 'room-1'] }, (n: number) => n % 3 < 2],
    ['a user', { user: 'user-4' }, (n: number) => n % 5 === 4],
    [
      'room and user',
      { room: 'room-2', user: 'user-1' },
      (n: number) => n % 3 === 2 || n % 5 === 1,
    ],
    ['all but a room', { except: 'room-0' }, (n: number) => n % 3 !== 0],
    [
      'a user but a room',
      { user: 'user-0', except: ['room-1'] },
      (n: number) => n % 5 === 0 && n % 3 !== 1,
    ],
    ['a room without members', { room: 'room-9' }, () => false],
    ['another namespace', { namespace: '/members' }, () => false],
  ])('reaches %s', async (_name, target, isMeant) => {
    const calls = sockets.map(() => [] as unknown[][]);
    const listeners = sockets.map(
      (_, i) =>
        (...args: unknown[]) =>
          calls[i]?.push(args),
    );
    for (const [i, socket] of sockets.entries()) socket.on('sent', listeners[i] as () => void);
    const answer = await node.publish({ event: 'sent', args: ['it', { is: 1 }], ...target });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toEqual({ accepted: true, id: expect.any(String) });
    // Messages keep their order: whoever was meant has heard it before the fence.
    await fence();
    for (const [i, socket] of sockets.entries()) socket.off('sent', listeners[i] as () => void);
    expect(calls).toEqual(sockets.map((_, i) => (isMeant(i) ? [['it', { is: 1 }]] : [])));
  });

  test.each([
    ['no JSON', '{', 400, 'Send a JSON object'],
    ['no object', '[]', 400, 'must be a JSON object'],
    ['no event', '{"args":[]}', 400, '"event" must be'],
    ['a reserved event', '{"event":"disconnect"}', 400, '"event" must be'],
    ['args that are no list', '{"event":"e","args":1}', 400, '"args" must be'],
    ['an unknown key', '{"event":"e","rooms":"a"}', 400, 'the nearest is "room"'],
    ['too much', `{"event":"e","args":["${'x'.repeat(1_000_000)}"]}`, 413, 'at most 1000000'],
  ])('refuses %s in a sentence', async (_name, body, status, sentence) => {
    const answer = await node.post('/send', body);
    const { error } = (await answer.json()) as { error: string };
    expect([answer.status, error]).toEqual([status, expect.stringContaining(sentence)]);
  });

  test('refuses other methods, types and paths', async () => {
    const body = '{"event":"e"}';
    expect((await node.admin('/send')).status).toBe(405);
    expect((await node.post('/send', body, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await node.admin('/nothing')).status).toBe(404);
  });

  test('of `holdfast send` fails with a sentence and no output', async () => {
    const { code, out, err } = await node.command('send', 'x', '--event', 'connect');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^holdfast: The node refused: "event" must be .*\.\n$/);
  });
});

describe('a room whose members sit on one worker', () => {
  test('costs frames to that worker only', async () => {
    const [member] = groups.get(2) as [Socket];
    const [stranger] = groups.get(0) as [Socket];
    await operate(member, [
      ['to', member.id],
      ['join', 'lonely'],
    ]);
    const before = await busFrames();
    const lonely = record<number>(sockets, 'lonely');
    const messages = Array.from({ length: 50 }, (_, i) => i);
    for (const i of messages) await node.publish({ event: 'lonely', args: [i], room: 'lonely' });
    // And from an app's handler on another worker, and to the one session by its id.
    await operate(stranger, [
      ['to', 'lonely'],
      ['emit', 'lonely', 50],
    ]);
    await operate(stranger, [
      ['to', member.id],
      ['emit', 'lonely', 51],
    ]);
    const mine = lonely[sockets.indexOf(member)] as number[];
    await eventually(
      'the member hears all',
      () => mine.length,
      (count) => count === 52,
    );
    const after = await busFrames();
    expect(after.map((frames, worker) => frames - (before[worker] as number))).toEqual([
      0, 0, 52, 0,
    ]);
    expect(mine).toEqual([...messages, 50, 51]);
    expect(lonely.flat()).toHaveLength(52);
  });
});

describe('an admin token', () => {
  let guarded: HoldfastProcess;

  beforeAll(async () => {
    guarded = await HoldfastProcess.start({ workers: 1, env: { HOLDFAST_ADMIN_TOKEN: TOKEN } });
  });
  afterAll(() => guarded.stop());

  test('is wanted for everything but probes', async () => {
    for (const path of ['/load', '/process', '/metrics']) {
      const refused = await guarded.admin(path);
      expect([path, refused.status, refused.headers.get('www-authenticate')]).toEqual([
        path,
        401,
        'Bearer',
      ]);
      const headers = { authorization: `Bearer ${TOKEN}` };
      expect((await guarded.admin(path, { headers })).status).toBe(200);
    }
    expect((await guarded.publish({ event: 'e' })).status).toBe(401);
    expect((await guarded.admin('/health')).status).toBe(200);
    expect((await guarded.admin('/ready')).status).toBe(200);
    const wrong = { authorization: `Bearer ${TOKEN.slice(1)}x` };
    expect((await guarded.admin('/load', { headers: wrong })).status).toBe(401);
  });

  test('is presented by the commands', async () => {
    const refused = await guarded.command('send', 'x');
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('--token')]);
    expect((await guarded.command('send', 'x', '--token', TOKEN)).code).toBe(0);
    expect((await guarded.command('status', '--token', TOKEN)).code).toBe(0);
  });

  test('stays out of the workers, and of the log', async () => {
    const [pid] = guarded.processes.filter(isWorker);
    const environment = await Bun.file(`/proc/${pid}/environ`).text();
    expect(environment).not.toContain(TOKEN);
    expect(guarded.logText).not.toContain(TOKEN);
  });
});

describe('without a configured token', () => {
  test('another user of the host may look, but neither send nor profile', async () => {
    const headers = { 'content-type': 'application/json' };
    const acts = [
      ['/send', '{"event":"e"}'],
      ['/profile', '{"worker":0,"seconds":1}'],
    ] as const;
    for (const [path, body] of acts) {
      expect((await node.admin(path, { method: 'POST', headers, body })).status).toBe(401);
    }
    expect((await node.admin('/load')).status).toBe(200);
    const args = ['send', 'x', '--admin-port', String(node.adminPort)];
    const other = await runHoldfast(args, { uid: 65_534, env: { XDG_RUNTIME_DIR: '' } });
    expect([other.code, other.out]).toEqual([1, '']);
    expect((await node.command('send', 'x')).code).toBe(0);
  });
});

test('without a token, other host names are refused', async () => {
  const answer = await node.admin('/load', { headers: { host: 'rebound.example' } });
  expect(answer.status).toBe(403);
});

function isWorker(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').endsWith('\0worker\0');
}

/** Sends everyone an event, and waits until all have heard it. */
async function fence(): Promise<void> {
  const name = crypto.randomUUID();
  const all = Promise.all(sockets.map((socket) => heard(socket, name)));
  await node.publish({ event: name });
  await all;
}

/** Frames that came to each worker over the bus, from samples that are newer than this call. */
async function busFrames(): Promise<readonly number[]> {
  const startMs = performance.now();
  await eventually(
    'every worker has reported since',
    () => node.process(),
    ({ workers }) =>
      workers.every(({ sampleAgeMs }) => (sampleAgeMs ?? Infinity) < performance.now() - startMs),
  );
  const text = await (await node.admin('/metrics')).text();
  return Array.from({ length: WORKERS }, (_, worker) =>
    valueOf(text, `holdfast_bus_frames_received_total{worker="${worker}"}`),
  );
}

function valueOf(metrics: string, name: string): number {
  const line = metrics.split('\n').find((text) => text.startsWith(`${name} `));
  if (line === undefined) throw new Error(`there is no metric ${name}`);
  return Number(line.slice(name.length + 1));
}
