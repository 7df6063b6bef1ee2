/** How a node starts, and how it ends: as told, by force, or when its controller is killed. */

import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { openWebSocket, type RawWebSocket } from '../support/raw-websocket.ts';
import { ask, byWorker, Clients, heard, operate, upgraded, workerOf } from './clients.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'system-app.ts');
const SERVICE_RESTART = 1012;
const CTRL_C = '\x03';

setDefaultTimeout(60_000);

const clients = new Clients();
const scratch = mkdtempSync(join(tmpdir(), 'holdfast-system-'));
/** Where nodes keep their sockets, to see that they leave nothing behind. */
const temporary = join(scratch, 'tmp');
const env = { TMPDIR: temporary };

beforeEach(() => mkdirSync(temporary));

afterEach(() => {
  clients.close();
  rmSync(temporary, { recursive: true });
});

afterAll(() => rmSync(scratch, { recursive: true }));

describe('a node that is told to stop', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)(
    'by %s closes its clients and leaves',
    async (signal) => {
      await using node = await HoldfastProcess.start({
        withLauncher: true,
        app: APP,
        workers: 4,
        env,
      });
      const raw = await joinRaw(node.url, 8);
      const sockets = await connectSome(node);
      const told = sockets.map((socket) => heard<string>(socket, 'disconnect'));
      await node.stop({ signal });
      const codes = await Promise.all(raw.map(({ closed }) => closed));
      expect(codes.map(({ code }) => code)).toEqual(raw.map(() => SERVICE_RESTART));
      for (const reason of await Promise.all(told)) expect(reason).toStartWith('transport');
      expect(node.log.map(({ msg }) => msg)).toEqual(['stopping']);
      expect(readdirSync(temporary)).toEqual([]);
      expect(await fetch(`${node.url}/health`).catch(() => 'refused')).toBe('refused');
    },
  );

  test('by Ctrl-C in a terminal leaves, though every process gets the signal', async () => {
    await using node = await HoldfastProcess.start({
      withLauncher: true,
      app: APP,
      env,
      isInTerminal: true,
    });
    const raw = await joinRaw(node.url, 8);
    node.type(CTRL_C);
    await node.ended(0);
    const codes = await Promise.all(raw.map(({ closed }) => closed));
    expect(codes.map(({ code }) => code)).toEqual(raw.map(() => SERVICE_RESTART));
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('while it starts leaves nothing behind', async () => {
    const app = join(temporary, 'slow-app.ts');
    await Bun.write(
      app,
      `export default { started() { console.log('starting'); return new Promise(() => {}); } };`,
    );
    await using node = await HoldfastProcess.spawn({ withLauncher: true, app, workers: 2, env });
    await node.logged('that the app starts', ({ msg }) => msg === 'starting');
    node.kill('SIGTERM');
    await node.exited;
    expect(node.processes).toEqual([]);
    expect(readdirSync(temporary)).toEqual(['slow-app.ts']);
  });
});

describe('a worker that is stuck', () => {
  test('is killed when its time is over, and the exit code says so', async () => {
    await using node = await HoldfastProcess.start({
      withLauncher: true,
      app: APP,
      workers: 2,
      config: { shutdownTimeoutMs: 500 },
      env,
    });
    await block(node);
    await node.stop({ code: 1 });
    expect(node.logText).toContain('holdfast: Workers did not stop in time and were killed');
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('is killed at a second Ctrl-C', async () => {
    await using node = await HoldfastProcess.start({
      withLauncher: true,
      app: APP,
      workers: 2,
      env,
    });
    await block(node);
    node.kill('SIGINT');
    let hasEnded = false;
    const ended = node.ended(1).finally(() => {
      hasEnded = true;
    });
    // What comes at once counts as an echo of the first, so it is said until it is understood.
    await eventually(
      'the node ends',
      () => {
        if (!hasEnded) node.kill('SIGINT');
        return hasEnded;
      },
      (is) => is,
    );
    await ended;
  });
});

describe('a controller that is killed', () => {
  test('leaves workers that go on serving, until they are told to stop', async () => {
    await using node = await HoldfastProcess.start({
      withLauncher: true,
      app: APP,
      workers: 2,
      env,
    });
    const raw = await joinRaw(node.url, 4);
    const sockets = await connectSome(node);
    const lost: string[] = [];
    for (const socket of sockets) socket.on('disconnect', (reason) => lost.push(reason));
    const pids = (await node.workerPids()) as number[];
    process.kill(node.controllerPid, 'SIGKILL');
    await node.exited;
    await eventually(
      'only the workers are left',
      () => new Set(node.processes),
      (left) => left.symmetricDifference(new Set(pids)).size === 0,
    );

    // Old and new clients are served, as far as their worker reaches.
    const late = await clients.connect(node.url, { transports: ['websocket'] });
    for (const socket of [...sockets, late]) {
      expect(await ask<string>(socket, 'echo', 'still here')).toBe('still here');
      // The log has nowhere to go; that must not matter.
      expect(await ask(socket, 'throwing')).toEqual({ error: 'thrown on purpose' });
      expect(await operate<number>(socket, [['local'], ['count']])).toBeGreaterThan(0);
    }
    const neighbours = [...(await byWorker(sockets)).values()].find(({ length }) => length > 1);
    const [sender, receiver] = neighbours as [Socket, Socket];
    const news = heard<string>(receiver, 'news');
    await operate(sender, [['emit', 'news', 'from next door']]);
    expect(await news).toBe('from next door');
    expect(lost).toEqual([]);

    for (const pid of pids) process.kill(pid, 'SIGTERM');
    const codes = await Promise.all(raw.map(({ closed }) => closed));
    expect(codes.map(({ code }) => code)).toEqual(raw.map(() => SERVICE_RESTART));
    await eventually(
      'the workers have ended',
      () => node.processes,
      (left) => left.length === 0,
    );
  });
});

describe('a controller that is killed while its workers start', () => {
  test.each([
    ['stand in a loop', 'console.log("starting"); for (;;);'],
    ['wait in `started`', 'started() { console.log("starting"); return new Promise(() => {}); }'],
  ])('leaves none of those that %s', async (_name, source) => {
    const app = join(temporary, 'slow-app.ts');
    const isHook = source.startsWith('started');
    await Bun.write(
      app,
      isHook ? `export default { ${source} };` : `${source}\nexport default {};`,
    );
    await using node = await HoldfastProcess.spawn({ app, workers: 2, env });
    await eventually(
      'both workers load the app',
      () => node.log.filter(({ msg }) => msg === 'starting').length,
      (count) => count === 2,
    );
    node.kill('SIGKILL');
    await node.exited;
    await eventually(
      'no worker is left',
      () => node.processes,
      (left) => left.length === 0,
    );
  });
});

describe('a node can be started', () => {
  test('with a port for each worker beside the shared one', async () => {
    const workers = 3;
    const config = { workerPorts: true, workerPortBase: await freePorts(workers) };
    await using node = await HoldfastProcess.start({
      withLauncher: true,
      app: APP,
      workers,
      config,
      env,
    });
    for (let worker = 0; worker < workers; worker++) {
      const port = config.workerPortBase + worker;
      for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
        const socket = await clients.connect(`http://127.0.0.1:${port}`, { transports });
        expect(await workerOf(socket)).toBe(worker);
        if (transports.length === 2) await upgraded(socket);
      }
      expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200);
    }
    const { workers: loads } = await node.load();
    expect(loads.map(({ port }) => port)).toEqual([0, 1, 2].map((n) => config.workerPortBase + n));
    const shared = await clients.connect(node.url);
    expect(await operate<number>(shared, [['count']])).toBe(3 * workers + 1);
    await node.stop();
  });

  test('with a worker for each core', async () => {
    await using node = await HoldfastProcess.start({
      withLauncher: true,
      app: APP,
      workers: 'auto',
      env,
    });
    expect(node.workerCount).toBe(availableParallelism());
    expect((await node.process()).workers).toHaveLength(availableParallelism());
    await node.stop();
  });

  test('with an app file that lies anywhere', async () => {
    const app = join(temporary, 'elsewhere', 'app.ts');
    await Bun.write(join(temporary, 'elsewhere', 'answer.ts'), 'export const answer: number = 42;');
    await Bun.write(
      app,
      `import { ack, defineApp, type Session } from 'holdfast';
       import { answer } from './answer.ts';
       export default defineApp({ on: { ask: (_session: Session) => ack(answer, 'sure') } });`,
    );
    await using node = await HoldfastProcess.start({ withLauncher: true, app, workers: 2, env });
    const socket = await clients.connect(node.url);
    const { promise, resolve } = Promise.withResolvers<unknown[]>();
    socket.emit('ask', (...values: unknown[]) => resolve(values));
    expect(await promise).toEqual([42, 'sure']);
    await node.stop();
  });

  test('by variables alone', async () => {
    const variables = { HOLDFAST_APP: APP, HOLDFAST_PATH: '/live/', HOLDFAST_LOG_LEVEL: 'error' };
    await using node = await HoldfastProcess.start({
      withLauncher: true,
      workers: 1,
      env: { ...env, ...variables },
    });
    const socket = await clients.connect(node.url, { path: '/live/' });
    expect(await ask<string>(socket, 'echo', 'configured')).toBe('configured');
    await node.stop();
    expect(node.logText).not.toContain('stopping');
  });
});

/** Clients that poll, that use WebSocket, and that upgrade, perhaps from one worker to another. */
async function connectSome(node: HoldfastProcess): Promise<Socket[]> {
  const choices = [['polling'], ['websocket'], ['polling', 'websocket']];
  const sockets = await clients.connectMany(node.url, 12, (number) => ({
    transports: choices[number % 3] as string[],
    reconnection: false,
  }));
  await Promise.all(sockets.filter((_, number) => number % 3 === 2).map(upgraded));
  return sockets;
}

/** Clients that see the close code. */
function joinRaw(url: string, count: number): Promise<RawWebSocket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const { socket } = await openWebSocket(url);
      socket.send('40');
      await socket.text('the answer to CONNECT');
      return socket;
    }),
  );
}

/** Sends one worker into an endless loop; resolves when it no longer answers. */
async function block(node: HoldfastProcess): Promise<void> {
  const socket = await clients.connect(node.url, { transports: ['websocket'] });
  const worker = await workerOf(socket);
  const sampleAge = async (): Promise<number | null | undefined> =>
    (await node.process()).workers[worker]?.sampleAgeMs;
  await eventually('the worker has reported', sampleAge, (age) => typeof age === 'number');
  socket.emit('block');
  await eventually(
    'the worker is stuck',
    sampleAge,
    // It would report once a second.
    (age) => (age ?? 0) > 1500,
  );
}

/**
 * The first of some ports in a row that nobody uses now; below those that the kernel hands out, so
 * that no client of another test gets one before the node does.
 */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const base = 10_000 + Math.floor(20_000 * Math.random());
    const servers: Bun.Server<undefined>[] = [];
    try {
      for (let i = 0; i < count; i++) {
        servers.push(Bun.serve({ port: base + i, reusePort: false, fetch: () => new Response() }));
      }
      return base;
    } catch {
      // Another one begins elsewhere.
    } finally {
      await Promise.all(servers.map((server) => server.stop(true)));
    }
  }
}
