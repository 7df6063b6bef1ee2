/** Faults in the controller itself: said in the log, and the node goes on. */

import { setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { COMMAND, ServerProcess } from '../support/holdfast-process.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const [bun = '', ...rest] = COMMAND;
const FREE_PORTS = ['--json', '--port', '0', '--admin-port', '0', '--workers', '1'];

test('an error that nobody caught is said, and the controller watches on', async () => {
  const preload = `--preload=${join(import.meta.dir, 'controller-faults.ts')}`;
  await using node = await ServerProcess.launch([bun, preload, ...rest, 'start', ...FREE_PORTS]);
  const [worker] = node.processes.filter((pid) => pid !== node.pid);
  process.kill(node.pid, 'SIGUSR2');
  for (const text of ['a stray promise', 'a stray error']) {
    await node.logged(
      text,
      ({ level, error }) => level === 'error' && String(error).includes(text),
    );
  }
  process.kill(worker as number, 'SIGKILL');
  await eventually(
    'another worker takes its place',
    () => node.processes,
    (pids) => pids.length === 2 && !pids.includes(worker as number),
  );
  // A stop waits for the new worker, whatever it has got to.
  await node.stop();
});
