/** What a node's clients notice when a worker dies, or when the app is at fault. */

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { ask, byWorker, Clients, type Identity, operate, record, upgraded } from './clients.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'system-app.ts');
const WORKERS = 4;
/** Half a second where nothing else runs. */
const BACK_WITHIN_MS = 6_000;
/** So many that each worker gets some. */
const CLIENTS = 60;
const QUICK_RETURN = { reconnectionDelay: 50, reconnectionDelayMax: 200 };

setDefaultTimeout(60_000);

const clients = new Clients();
let node: HoldfastProcess;

afterEach(() => clients.close());

describe('kill -9 of one worker of four', () => {
  useNode();
  // The test before may have killed one.
  beforeEach(async () => {
    await eventually(
      'all workers run',
      () => node.workerPids(),
      (pids) => pids.every((pid) => pid !== undefined),
    );
  });

  test('is not noticed by clients of the others, and heals', async () => {
    const sockets = await clients.connectMany(node.url, CLIENTS, (number) => ({
      ...QUICK_RETURN,
      transports: ['websocket'],
      auth: { user: `user-${number % 5}`, rooms: [`room-${number % 3}`] },
    }));
    const groups = await byWorker(sockets);
    expect(groups.size).toBe(WORKERS);
    const victims = groups.get(1) as Socket[];
    const others = sockets.filter((socket) => !victims.includes(socket));
    const disconnects = record<string>(sockets, 'disconnect');
    const ticks = record<number>(others, 'tick');

    // Broadcasts go on all the while; those of the other workers get every one.
    const broadcasting = new Broadcasting(node);
    await killWorker(1);
    const last = await broadcasting.stop();
    await node.logged('that it ended', ({ msg, worker }) => msg.includes('ended') && worker === 1);
    await eventually(
      'the last broadcast has reached all others',
      () => ticks,
      (all) => all.every((seen) => seen.at(-1) === last),
    );
    const whole = Array.from({ length: last + 1 }, (_, i) => i);
    expect(ticks).toEqual(others.map(() => whole));
    expect(disconnects).toEqual(
      sockets.map((socket) => (victims.includes(socket) ? ['transport close'] : [])),
    );

    await allConnected(sockets);
    await expectReaching(sockets);
  });

  test('brings back clients with the default transports, too', async () => {
    const sockets = await clients.connectMany(node.url, CLIENTS, (number) => ({
      ...QUICK_RETURN,
      ...(number % 4 === 0 ? { transports: ['polling'] } : {}),
      auth: { user: `user-${number % 5}`, rooms: [`room-${number % 3}`] },
    }));
    await Promise.all(sockets.filter((_, i) => i % 4 !== 0).map(upgraded));
    const disconnects = record<string>(sockets, 'disconnect');
    const victims = (await byWorker(sockets)).get(2) as Socket[];
    await killWorker(2);
    await eventually(
      'the clients of the dead worker have noticed',
      () => victims.map((victim) => disconnects[sockets.indexOf(victim)]),
      (reasons) => reasons.every((list) => (list?.length ?? 0) > 0),
    );
    // A session whose socket another worker held goes, too; none goes more than once.
    expect(disconnects.every((reasons) => reasons.length <= 1)).toBe(true);
    await allConnected(sockets);
    await expectReaching(sockets);
  });

  test('ends a question to the dead worker without a long wait', async () => {
    const sockets = await clients.connectMany(node.url, CLIENTS, () => ({
      ...QUICK_RETURN,
      transports: ['websocket'],
    }));
    const groups = await byWorker(sockets);
    const asker = groups.get(0)?.[0] as Socket;
    const victim = groups.get(3)?.[0] as Socket;
    victim.emit('block');
    const pid = (await node.workerPids())[3] as number;
    const startMs = performance.now();
    const counting = operate<number>(asker, [['count']]);
    // The question is with the worker that hangs once everyone else has answered one asked later.
    await operate(asker, [['local'], ['count']]);
    process.kill(pid, 'SIGKILL');
    expect((await counting) as unknown).toEqual({ error: 'no whole answer from worker 3' });
    expect(performance.now() - startMs).toBeLessThan(3000);
  });
});

describe('a worker that dies again and again', () => {
  useNode();

  test('is replaced with growing delay, and the node says so', async () => {
    for (const when of ['at once', 'in 1 s', 'in 2 s']) {
      const pid = await runningPid(0);
      process.kill(pid, 'SIGKILL');
      const { level, msg } = await node.logged(`that it starts again ${when}`, (entry) =>
        entry.msg.endsWith(`is started again ${when}`),
      );
      expect(level).toBe('warn');
      expect(msg).toStartWith('worker 0 ended (');
      if (when === 'in 1 s') {
        const { workers } = await node.process();
        expect(workers[0]).toMatchObject({ state: 'backing-off', pid: null, restarts: 2 });
        // The other three take sessions.
        expect((await node.admin('/ready')).status).toBe(200);
      }
    }
    await runningPid(0);
    const { workers } = await node.process();
    expect(workers.map(({ restarts }) => restarts)).toEqual([3, 0, 0, 0]);
  });
});

describe('an app at fault', () => {
  let socket: Socket;
  let pids: readonly (number | undefined)[];
  let failures = 0;

  useNode();
  beforeAll(async () => {
    pids = await node.workerPids();
  });

  test.each([
    ['throwing', 'thrown on purpose', 'thrown on purpose'],
    ['rejecting', 'rejected on purpose', 'rejected on purpose'],
    // What the language throws tells of the inside of the app.
    ['faulty', 'internal error', 'TypeError'],
  ])("answers the ack of '%s' with an error, and logs it", async (event, told, logged) => {
    socket = await clients.connect(node.url);
    expect(await ask<{ error: string }>(socket, event)).toEqual({ error: told });
    failures++;
    const entry = await node.logged(event, ({ msg }) => msg === `handler '${event}' failed`);
    expect(entry).toMatchObject({ level: 'error', event, worker: expect.any(Number) });
    expect(String(entry['error'])).toContain(logged);
    expect(await ask<string>(socket, 'echo', 'alive')).toBe('alive');
  });

  test('keeps its clients when a timer throws and a promise is left to reject', async () => {
    socket = await clients.connect(node.url);
    socket.emit('failLater');
    for (const fault of ['thrown by a timer', 'rejected by nobody']) {
      const entry = await node.logged(fault, ({ msg, error }) => {
        return msg === 'uncaught error' && String(error).includes(fault);
      });
      expect(entry.level).toBe('error');
    }
    expect(await ask<string>(socket, 'echo', 'alive')).toBe('alive');
  });

  test("has what it prints in the node's log", async () => {
    socket = await clients.connect(node.url);
    socket.emit('print', 'printed by the app');
    const entry = await node.logged('it', ({ msg }) => msg === 'printed by the app');
    expect(entry).toMatchObject({ level: 'info', worker: expect.any(Number) });
  });

  test('costs no worker and counts its failures', async () => {
    socket = await clients.connect(node.url);
    await ask(socket, 'throwing');
    failures++;
    expect(await node.workerPids()).toEqual(pids);
    const metrics = await eventually(
      'the failures are counted',
      async () => (await node.admin('/metrics')).text(),
      (text) => sumOf(text, 'holdfast_handler_errors_total') === failures,
    );
    expect(sumOf(metrics, 'holdfast_worker_restarts_total')).toBe(0);
  });
});

/** A node for the tests of one group; a supervisor remembers what died. */
function useNode(): void {
  beforeAll(async () => {
    node = await HoldfastProcess.start({
      app: APP,
      workers: WORKERS,
      config: { pingIntervalMs: 5000, pingTimeoutMs: 5000 },
    });
  });
  afterAll(() => node.stop());
}

/** Numbered broadcasts, each sent when the one before has been accepted. */
class Broadcasting {
  #isGoingOn = true;
  readonly #done: Promise<number>;

  constructor(on: HoldfastProcess) {
    this.#done = this.#run(on);
  }

  /** @returns the number of the last broadcast */
  stop(): Promise<number> {
    this.#isGoingOn = false;
    return this.#done;
  }

  async #run(on: HoldfastProcess): Promise<number> {
    for (let number = 0; ; number++) {
      const { status } = await on.publish({ event: 'tick', args: [number] });
      if (status !== 202) throw new Error(`a broadcast was refused with ${status}`);
      if (!this.#isGoingOn) return number;
    }
  }
}

/** Kills a worker; resolves when another runs in its place, which must be soon. */
async function killWorker(index: number): Promise<void> {
  const pid = await runningPid(index);
  process.kill(pid, 'SIGKILL');
  await eventually(
    'another worker runs in its place and the node is ready',
    async () => ({
      pid: (await node.workerPids())[index],
      ready: (await node.admin('/ready')).status,
    }),
    (now) => now.pid !== undefined && now.pid !== pid && now.ready === 200,
    BACK_WITHIN_MS,
  );
}

async function runningPid(index: number): Promise<number> {
  const pids = await eventually(
    `worker ${index} is running`,
    () => node.workerPids(),
    (all) => all[index] !== undefined,
  );
  return pids[index] as number;
}

async function allConnected(sockets: readonly Socket[]): Promise<void> {
  await eventually(
    'all clients are connected',
    () => sockets.filter(({ connected }) => connected).length,
    (count) => count === sockets.length,
  );
}

/** Broadcasts, rooms and users reach exactly their own, wherever they are now. */
async function expectReaching(sockets: readonly Socket[]): Promise<void> {
  const heard = record<string>(sockets, 'reach');
  const messages = [
    { args: ['all'] },
    { args: ['room-1'], room: 'room-1' },
    { args: ['user-2'], user: 'user-2' },
    { args: ['end'] },
  ];
  for (const message of messages) await node.publish({ event: 'reach', ...message });
  await eventually(
    'all clients hear the end',
    () => heard,
    (all) => all.every((words) => words.includes('end')),
  );
  const identities = await Promise.all(sockets.map((it) => ask<Identity>(it, 'whoami')));
  const expected = identities.map(({ rooms, user }) => [
    'all',
    ...(rooms.includes('room-1') ? ['room-1'] : []),
    ...(user === 'user-2' ? ['user-2'] : []),
    'end',
  ]);
  expect(heard).toEqual(expected);
  for (const socket of sockets) socket.off('reach');
}

function sumOf(metrics: string, name: string): number {
  const values = metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}
