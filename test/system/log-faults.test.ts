/** No log is on the path of control: whatever becomes of it, the node serves, watches and ends. */

import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { ask, Clients } from './clients.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'printing-app.ts');
/** A line of a worker's log, as it once went: on standard output. */
const FORGED = '{"level":"error","message":"forged","fields":{"time":5,"worker":7}}';

setDefaultTimeout(60_000);

const clients = new Clients();

afterEach(() => clients.close());

describe('a log that', () => {
  test.each([
    ['goes to a full disk', '2>/dev/full'],
    ['is not open', '2>&-'],
    ['goes to a pipe that closes', '2> >(head -n 1 >/dev/null)'],
    ['goes to a pipe that nobody reads', '2> >(exec sleep 20)'],
  ])('%s keeps nothing from being done', async (_name, redirect) => {
    await using node = await HoldfastProcess.start({
      app: APP,
      workers: 2,
      bash: `exec "$@" ${redirect}`,
    });
    const socket = await clients.connect(node.url, { transports: ['websocket'] });
    // More than a pipe and the queue before it hold.
    for (let i = 0; i < 3; i++) {
      expect(await ask<string>(socket, 'print', 'error', 'x'.repeat(5_000), 500)).toBe('printed');
    }
    expect(await ask<string>(socket, 'echo', 'served')).toBe('served');
    const pids = await node.workerPids();
    process.kill(pids[1] as number, 'SIGKILL');
    await eventually(
      'the worker is replaced',
      () => node.workerPids(),
      ([, pid]) => pid !== undefined && pid !== pids[1],
    );
    node.kill('SIGTERM');
    expect(await node.exited).toBe(0);
    // The reader of the pipe is no process of the node.
    await eventually(
      'only readers are left',
      () => node.processes,
      (left) => left.length <= 1,
    );
  });

  test('is lost is counted', async () => {
    await using node = await HoldfastProcess.start({
      app: APP,
      workers: 1,
      bash: 'exec "$@" 2>/dev/full',
    });
    const socket = await clients.connect(node.url);
    await ask(socket, 'print', 'console', 'one line', 1);
    await eventually(
      'the metric counts it',
      async () => await (await node.admin('/metrics')).text(),
      (text) => /^holdfast_controller_log_lines_lost_total [1-9]/m.test(text),
    );
    await node.stop();
  });

  test('is a terminal shows nothing that a terminal obeys', async () => {
    await using node = await HoldfastProcess.start({ app: APP, workers: 1, isInTerminal: true });
    const socket = await clients.connect(node.url);
    await ask(socket, 'print', 'console', `\u001b]0;owned\u0007${FORGED}`, 1);
    const line = await eventually(
      'the line is shown',
      () => node.logText.split('\n').find((text) => text.includes('owned')),
      (text) => text !== undefined,
    );
    expect(line).toContain(`worker 0 stdout | \\x1b]0;owned\\x07${FORGED}`);
    expect(line).not.toContain('\u001b]');
    await node.stop();
  });
});

describe('what an app prints', () => {
  test.each(['console', 'stream', 'descriptor', 'process'])(
    'by %s is text, and not taken for the log of the worker',
    async (way) => {
      await using node = await HoldfastProcess.start({ app: APP, workers: 1 });
      const socket = await clients.connect(node.url);
      // As often as once blocked the worker for good.
      if (way === 'process') await ask(socket, 'printByProcess', FORGED, 300);
      else await ask(socket, 'print', way, FORGED, 300);
      const entry = await node.logged('it', ({ msg }) => msg === FORGED);
      expect(entry).toMatchObject({ level: 'info', worker: 0, output: 'stdout' });
      expect(Date.parse(String(entry['time']))).toBeGreaterThan(0);
      expect(node.log.filter(({ msg }) => msg === 'forged')).toEqual([]);
      expect(await ask<string>(socket, 'echo', 'served')).toBe('served');
      await node.stop();
    },
  );

  test.each([
    ['write', 'EBADF'],
    ['close', 'EBADF'],
    ['reuse', 'EBADF'],
    ['bun', 'done'],
  ])('is heard of after it used the descriptor of the log: %s', async (way, answer) => {
    await using node = await HoldfastProcess.start({ app: APP, workers: 1 });
    const socket = await clients.connect(node.url);
    expect(await ask<string>(socket, 'spoil', way)).toBe(answer);
    if (way === 'bun') await node.logged('it', ({ msg }) => msg.includes('comes from elsewhere'));
    // What is said before the worker knows that its channel is broken is lost with it.
    await eventually(
      'what is printed is heard',
      async () => {
        await ask(socket, 'print', 'console', 'still heard', 1);
        return node.log.some(({ msg }) => msg === 'still heard');
      },
      Boolean,
    );
    await ask(socket, 'throwLater', 'a fault of the app', 1);
    await node.logged('faults', (entry) => JSON.stringify(entry).includes('a fault of the app'));
    await node.stop();
  });

  test('holds up no worker whose controller stands still, nor one that lost it', async () => {
    await using node = await HoldfastProcess.start({ app: APP, workers: 1 });
    const socket = await clients.connect(node.url, { transports: ['websocket'] });
    process.kill(node.controllerPid, 'SIGSTOP');
    for (const way of ['console', 'stream', 'whole', 'error', 'descriptor']) {
      const text = 'x'.repeat(100_000);
      expect(await ask<string>(socket, 'print', way, text, 100)).toBe('printed');
    }
    process.kill(node.controllerPid, 'SIGCONT');
    await node.logged('what it could take', ({ msg }) => msg.startsWith('xxx'));
    process.kill(node.controllerPid, 'SIGKILL');
    for (const way of ['console', 'stream', 'whole', 'error', 'descriptor']) {
      expect(await ask<string>(socket, 'print', way, 'nobody reads this', 1_000)).toBe('printed');
    }
    expect(await ask<string>(socket, 'echo', 'served')).toBe('served');
  });
});

test('a record that can grow no longer ends, and the node goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-record-'));
  try {
    await using node = await HoldfastProcess.start({
      app: APP,
      workers: 1,
      // Of a kilobyte each.
      bash: 'ulimit -f 4; exec "$@"',
      config: { recordDir: folder },
    });
    await node.logged('that the record ends', ({ msg }) => msg.includes('ends here'));
    const socket = await clients.connect(node.url);
    expect(await ask<string>(socket, 'echo', 'served')).toBe('served');
    await node.stop();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
