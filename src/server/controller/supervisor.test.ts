import { afterEach, describe, expect, test } from 'bun:test';
import type { Log } from '../core/log/log.ts';
import { StartError } from './start-error.ts';
import { type Clock, Supervisor, type WorkerProcess } from './supervisor.ts';

/** Time that moves when told to. */
class FakeClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async advance(byMs: number): Promise<void> {
    this.#nowMs += byMs;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs);
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#nowMs);
    for (const timer of due) timer.run();
    await settle();
  }

  get pending(): number {
    return this.#timers.length;
  }
}

/** A process that ends when told to, on SIGKILL, and on SIGTERM unless it is deaf. */
class FakeProcess implements WorkerProcess {
  readonly pid: number;
  readonly exited: Promise<number>;
  readonly signals: string[] = [];
  readonly #end: (code: number) => void;
  isDeaf = false;
  isAlive = true;

  constructor(pid: number) {
    this.pid = pid;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.exited = promise;
    this.#end = resolve;
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(signal);
    if (signal === 'SIGKILL' || !this.isDeaf) void this.end(signal === 'SIGKILL' ? 137 : 0);
  }

  end(code: number): Promise<void> {
    this.isAlive = false;
    this.#end(code);
    return settle();
  }
}

/** Lets promises that are already settled run their callbacks. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** What the start failed with; the type guards against any other error. */
async function failureOf(start: Promise<void>): Promise<string> {
  const error = await start.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartError);
  return (error as StartError).message;
}

function setUp(count: number) {
  const clock = new FakeClock();
  const spawned: FakeProcess[] = [];
  const lines: string[] = [];
  const say = (message: string): void => {
    lines.push(message);
  };
  const log: Log = { debug: say, info: say, warn: say, error: say };
  const faults = { spawn: undefined as (() => void) | undefined };
  const supervisor = new Supervisor({
    count,
    clock,
    log,
    spawn(index) {
      faults.spawn?.();
      const process = new FakeProcess(100 * index + spawned.length);
      spawned.push(process);
      return process;
    },
  });
  const last = (): FakeProcess => spawned.at(-1)!;
  const states = (): string[] => supervisor.workers().map(({ state }) => state);
  return { supervisor, clock, spawned, lines, last, states, faults };
}

async function started(count: number) {
  const all = setUp(count);
  const start = all.supervisor.start();
  for (let index = 0; index < count; index += 1) all.supervisor.markReady(index);
  await start;
  return all;
}

describe('start', () => {
  test('resolves when every worker is ready', async () => {
    const { supervisor, states, clock } = setUp(2);
    const start = supervisor.start();
    supervisor.markReady(1);
    expect(states()).toEqual(['starting', 'running']);
    expect(Bun.peek.status(start)).toBe('pending');
    supervisor.markReady(0);
    await start;
    expect(clock.pending).toBe(0);
  });

  test('rejects with the reason of the worker that failed, and ends the others', async () => {
    const { supervisor, spawned } = setUp(3);
    const start = supervisor.start();
    supervisor.markReady(0);
    supervisor.reportFailure(1, 'the app file /a.ts does not exist');
    void spawned[1]!.end(1);
    expect(await failureOf(start)).toBe(
      'Worker 1 did not start: the app file /a.ts does not exist.',
    );
    expect(spawned.map(({ isAlive }) => isAlive)).toEqual([false, false, false]);
  });

  test('rejects with the exit code of a worker that said nothing', async () => {
    const { supervisor, spawned } = setUp(1);
    const start = supervisor.start();
    void spawned[0]!.end(7);
    expect(await failureOf(start)).toBe('Worker 0 did not start: exited with code 7.');
  });

  test('kills the others by force when they do not listen', async () => {
    const { supervisor, spawned, clock } = setUp(2);
    const start = supervisor.start();
    spawned[1]!.isDeaf = true;
    await spawned[0]!.end(1);
    expect(Bun.peek.status(start)).toBe('pending');
    await clock.advance(2_000);
    await failureOf(start);
    expect(spawned[1]!.isAlive).toBe(false);
  });

  test('rejects when a worker does not get ready, or cannot be spawned', async () => {
    const late = setUp(1);
    const start = late.supervisor.start();
    await late.clock.advance(60_000);
    expect(await failureOf(start)).toContain('was not ready within 60000 ms');

    const impossible = setUp(2);
    impossible.faults.spawn = () => {
      throw new Error('no memory');
    };
    expect(await failureOf(impossible.supervisor.start())).toContain('no memory');
    expect(impossible.spawned).toHaveLength(0);
  });
});

describe('a worker that dies', () => {
  test('is replaced at once and counted', async () => {
    const { supervisor, spawned, clock, states, lines } = await started(2);
    await clock.advance(15_000);
    await spawned[1]!.end(9);
    expect(spawned).toHaveLength(3);
    expect(states()).toEqual(['running', 'starting']);
    supervisor.markReady(1);
    expect(supervisor.workers()[1]).toMatchObject({ pid: 102, state: 'running', restarts: 1 });
    expect(lines).toEqual([
      'worker 1 ended (exited with code 9) and is started again at once',
      'worker 1 is running again',
    ]);
  });

  test('again and again waits 0, 1, 2, 4 … 30 s', async () => {
    const { spawned, last, clock, states } = await started(1);
    for (const seconds of [0, 1, 2, 4, 8, 16, 30, 30]) {
      const before = spawned.length;
      await last().end(1);
      if (seconds > 0) {
        expect(states()).toEqual(['backing-off']);
        await clock.advance(seconds * 1000 - 1);
        expect(spawned).toHaveLength(before);
        await clock.advance(1);
      }
      expect(spawned).toHaveLength(before + 1);
    }
  });

  test('after a minute of running starts over without delay', async () => {
    const { supervisor, spawned, last, clock } = await started(1);
    await last().end(1);
    await last().end(1);
    await clock.advance(1_000);
    supervisor.markReady(0);
    await clock.advance(60_000);
    await last().end(1);
    expect(spawned).toHaveLength(4);
    await last().end(1);
    await clock.advance(1_000);
    expect(spawned).toHaveLength(5);
  });

  test('and cannot be spawned again is tried later', async () => {
    const { spawned, last, clock, states, faults } = await started(1);
    faults.spawn = () => {
      throw new Error('no processes left');
    };
    await last().end(1);
    expect(states()).toEqual(['backing-off']);
    faults.spawn = undefined;
    await clock.advance(1_000);
    expect(spawned).toHaveLength(2);
  });

  test('or hangs while it is started again is killed and replaced', async () => {
    const { spawned, last, clock } = await started(1);
    await last().end(1);
    await clock.advance(60_000);
    expect(spawned[1]!.signals).toEqual(['SIGKILL']);
    expect(spawned).toHaveLength(3);
  });
});

describe('stop', () => {
  test('ends all workers and resolves true', async () => {
    const { supervisor, spawned, states, clock } = await started(2);
    expect(await supervisor.stop(1_000)).toBe(true);
    expect(spawned.map(({ signals }) => signals)).toEqual([['SIGTERM'], ['SIGTERM']]);
    expect(states()).toEqual(['stopping', 'stopping']);
    expect(clock.pending).toBe(0);
    expect(spawned).toHaveLength(2);
  });

  test('kills after the timeout and resolves false', async () => {
    const { supervisor, spawned, clock } = await started(2);
    spawned[0]!.isDeaf = true;
    const stop = supervisor.stop(1_000);
    await clock.advance(999);
    expect(Bun.peek.status(stop)).toBe('pending');
    await clock.advance(1);
    expect(await stop).toBe(false);
    expect(spawned[0]!.signals).toEqual(['SIGTERM', 'SIGKILL']);
    expect(spawned[1]!.signals).toEqual(['SIGTERM']);
  });

  test('waits only 2 s for a worker that is not ready, and so has no sessions', async () => {
    const { clock, supervisor, spawned } = setUp(2);
    const failure = failureOf(supervisor.start());
    supervisor.markReady(0);
    for (const process of spawned) process.isDeaf = true;
    const stopped = supervisor.stop(30_000);
    await clock.advance(2_000);
    expect(spawned.map(({ isAlive }) => isAlive)).toEqual([true, false]);
    await spawned[0]?.end(0);
    expect(await stopped).toBe(true);
    expect(await failure).toContain('was stopped');
    expect(clock.pending).toBe(0);
  });

  test('called again with less time hurries, for both callers', async () => {
    const { supervisor, spawned, clock } = await started(1);
    spawned[0]!.isDeaf = true;
    const patient = supervisor.stop(30_000);
    const hurried = supervisor.stop(0);
    await clock.advance(0);
    expect(await Promise.all([patient, hurried])).toEqual([false, false]);
  });

  test('starts nothing that waited in back-off', async () => {
    const { supervisor, spawned, last, clock } = await started(1);
    await last().end(1);
    await last().end(1);
    expect(await supervisor.stop(1_000)).toBe(true);
    await clock.advance(60_000);
    expect(spawned).toHaveLength(2);
  });

  test('ends a worker that is spawned in the same moment', async () => {
    const { supervisor, last, faults } = await started(1);
    let stop: Promise<boolean> | undefined;
    faults.spawn = () => {
      stop = supervisor.stop(1_000);
    };
    await last().end(1);
    expect(await stop).toBe(true);
    expect(last().isAlive).toBe(false);
  });

  test('before all are ready rejects the start', async () => {
    const { supervisor, spawned } = setUp(2);
    const start = supervisor.start();
    const failure = failureOf(start);
    expect(await supervisor.stop(1_000)).toBe(true);
    expect(await failure).toContain('stopped before');
    expect(spawned.every(({ isAlive }) => !isAlive)).toBe(true);
  });
});

describe('with real processes', () => {
  const children: Bun.ReadableSubprocess[] = [];
  afterEach(() => {
    for (const { pid } of children.splice(0)) expect(isRunning(pid)).toBe(false);
  });

  function supervise(count: number, command: readonly string[]): Supervisor {
    const quiet = (): void => {};
    return new Supervisor({
      count,
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      spawn() {
        const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
        children.push(child);
        return child;
      },
    });
  }

  test('a killed one is replaced, and stop leaves none', async () => {
    const supervisor = supervise(2, ['sleep', '60']);
    const start = supervisor.start();
    supervisor.markReady(0);
    supervisor.markReady(1);
    await start;
    const killed = supervisor.workers()[0]!.pid!;
    process.kill(killed, 'SIGKILL');
    while (children.length < 3) await Bun.sleep(5);
    expect(supervisor.workers()[0]).toMatchObject({ state: 'starting', restarts: 1 });
    expect(await supervisor.stop(5_000)).toBe(true);
  });

  test('one that ignores SIGTERM is killed', async () => {
    const supervisor = supervise(1, ['sh', '-c', 'trap "" TERM; echo deaf; exec sleep 60']);
    const start = supervisor.start();
    supervisor.markReady(0);
    await start;
    await children[0]!.stdout.getReader().read();
    expect(await supervisor.stop(50)).toBe(false);
  });

  test('one that exits at once makes the start fail', async () => {
    const supervisor = supervise(2, ['sh', '-c', 'exit 3']);
    expect(await failureOf(supervisor.start())).toContain('exited with code 3');
  });

  function isRunning(pid: number): boolean {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  }
});

describe('a worker that stands still', () => {
  test('is stalled until it answers, counted, and still replaced when it dies', async () => {
    const { supervisor, spawned, clock, states } = await started(2);
    supervisor.markStalled(0);
    supervisor.markStalled(0);
    expect(states()).toEqual(['stalled', 'running']);
    supervisor.markAnswering(0);
    supervisor.markAnswering(1);
    expect(states()).toEqual(['running', 'running']);
    supervisor.markStalled(0);
    expect(supervisor.workers()[0]).toMatchObject({ state: 'stalled', stalls: 2 });
    await clock.advance(15_000);
    await spawned[0]!.end(9);
    expect(states()).toEqual(['starting', 'running']);
  });

  test('is killed for its reason and replaced; one that starts is not', async () => {
    const { supervisor, spawned, clock, lines } = await started(1);
    await clock.advance(15_000);
    supervisor.markStalled(0);
    supervisor.replace(0, 'it stood still');
    await spawned[0]!.end(137);
    expect(lines).toContain('worker 0 ended (it stood still) and is started again at once');
    supervisor.replace(0, 'not yet');
    await spawned[1]!.end(1);
    expect(lines.filter((line) => line.includes('not yet'))).toEqual([]);
  });
});
