/**
 * Starts the process of a worker.
 *
 * The token of the admin API stays with the controller: workers run the app's code.
 */

import { bunCommand } from '../../host/foreign/bun-command.ts';
import { WORKER_VARIABLE, type WorkerSettings } from '../links/bus/worker-settings.ts';
import type { WorkerProcess } from './supervisor.ts';
import { followWorker, type WorkerOutputSink } from './worker-output.ts';

const MAIN = Bun.fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export function spawnWorker(settings: WorkerSettings, sink: WorkerOutputSink): WorkerProcess {
  const { HOLDFAST_ADMIN_TOKEN: _secret, ...inherited } = process.env;
  const child = Bun.spawn([...bunCommand(MAIN, settings.app), 'worker'], {
    env: { ...inherited, [WORKER_VARIABLE]: JSON.stringify(settings) },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  followWorker(
    { stdout: child.stdout, stderr: child.stderr, logFd: child.stdio[3], exited: child.exited },
    sink,
  );
  return {
    pid: child.pid,
    exited: child.exited,
    kill: (signal) => child.kill(signal),
  };
}
