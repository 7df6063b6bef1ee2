/**
 * Starts the process of a worker.
 *
 * Secrets of the controller stay with it (the token of the admin API, the URL of the broker, the
 * secret of the cluster): workers run the app's code.
 */

import { ownCommand } from '../../host/foreign/bun-command.ts';
import { WORKER_VARIABLE, type WorkerSettings } from '../links/bus/worker-settings.ts';
import type { WorkerProcess } from './supervisor.ts';
import { followWorker, type WorkerOutputSink } from './worker-output.ts';

/**
 * JavaScriptCore compiles a function for the last time, and best, when it has run thirty times as
 * often as it would: a worker's own functions are short and wait for the kernel, and each such
 * compilation costs CPU and memory in every worker. Loops of the app that compute for long still
 * get there. A variable of the operator's wins.
 */
const ENGINE_VARIABLES: Readonly<Record<string, string>> = {
  BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: '3000000',
};

/** Variables by which an operator may have given them. */
const SECRETS = ['HOLDFAST_ADMIN_TOKEN', 'HOLDFAST_BROKER', 'HOLDFAST_CLUSTER_SECRET'] as const;

export function spawnWorker(settings: WorkerSettings, sink: WorkerOutputSink): WorkerProcess {
  const inherited = { ...process.env };
  for (const name of SECRETS) delete inherited[name];
  const { words, variables } = ownCommand(settings.app);
  const own = { ...variables, [WORKER_VARIABLE]: JSON.stringify(settings) };
  const child = Bun.spawn([...words, 'worker'], {
    env: { ...ENGINE_VARIABLES, ...inherited, ...own },
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
