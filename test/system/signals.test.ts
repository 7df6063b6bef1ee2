/** Signals to each of the processes of a node, and what starts it being killed. */

import { expect, setDefaultTimeout, test } from 'bun:test';
import { HoldfastProcess, ServerProcess } from '../support/holdfast-process.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const CTRL_BACKSLASH = '\x1c';
const FREE_PORTS = ['--json', '--port', '0', '--admin-port', '0', '--workers', '2'];

test.concurrent('SIGUSR1 and SIGUSR2 disturb no process, and open no debugger', async () => {
  await using node = await HoldfastProcess.start({ withLauncher: true, workers: 2 });
  const before = node.processes;
  for (const pid of before) {
    process.kill(pid, 'SIGUSR1');
    process.kill(pid, 'SIGUSR2');
  }
  const { status } = await node.post('/send', '{"event":"still there"}');
  expect(status).toBe(202);
  expect((await fetch(`${node.url}/ready`)).status).toBe(200);
  expect(node.processes).toEqual(before);
  expect(node.logText).not.toContain('ebugger');
  await node.stop();
});

test.concurrent.each(['SIGHUP', 'SIGQUIT', 'SIGINT'] as const)(
  'a worker leaves %s to its controller',
  async (signal) => {
    await using node = await HoldfastProcess.start({ withLauncher: true, workers: 2 });
    const pids = await node.workerPids();
    for (const pid of pids) process.kill(pid as number, signal);
    expect((await fetch(`${node.url}/ready`)).status).toBe(200);
    expect(await node.workerPids()).toEqual(pids);
    await node.stop();
  },
);

test.concurrent('Ctrl-\\ in a terminal stops a node, though every process gets it', async () => {
  await using node = await HoldfastProcess.start({
    withLauncher: true,
    workers: 2,
    isInTerminal: true,
  });
  node.type(CTRL_BACKSLASH);
  await node.ended(0);
});

test.concurrent('a controller whose launcher is killed stops the node', async () => {
  await using node = await HoldfastProcess.start({ withLauncher: true, workers: 2 });
  node.kill('SIGKILL');
  await allEnded(node);
});

for (const [name, command, signals] of [
  ['npm start', ['npm', 'start', '--'], ['SIGTERM', 'SIGINT', 'SIGKILL']],
  // The shell of npx passes no SIGINT on; a terminal sends it to the launcher as well.
  ['npx holdfast start', ['npx', 'holdfast', 'start'], ['SIGTERM', 'SIGKILL']],
] as const) {
  // One after another: each starts npm, Node.js, and a node with its workers.
  test.each(signals)(`${name} that gets %s leaves no process`, async (signal) => {
    await using server = await ServerProcess.launch([...command, ...FREE_PORTS]);
    server.kill(signal);
    await allEnded(server);
  });
}

async function allEnded(server: ServerProcess): Promise<void> {
  await eventually(
    'all processes have ended',
    () => server.processes,
    (left) => left.length === 0,
  );
  expect(await fetch(`${server.url}/health`).catch(() => 'refused')).toBe('refused');
}
