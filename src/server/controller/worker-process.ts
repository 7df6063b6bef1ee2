/**
 * Starts the process of a worker and brings what it prints into the node's log.
 *
 * The token of the admin API stays with the controller: workers run the app's code.
 */

import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { Log } from '../core/log/log.ts';
import { parseLogLine } from '../links/bus/log-line.ts';
import { WORKER_VARIABLE, type WorkerSettings } from '../links/bus/worker-settings.ts';
import type { WorkerProcess } from './supervisor.ts';

const MAIN = Bun.fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export function spawnWorker(settings: WorkerSettings, log: Log): WorkerProcess {
  const { HOLDFAST_ADMIN_TOKEN: _secret, ...inherited } = process.env;
  const child = Bun.spawn([process.execPath, MAIN, 'worker'], {
    env: { ...inherited, [WORKER_VARIABLE]: JSON.stringify(settings) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { worker } = settings;
  followLines(child.stdout, (text) => logOutput(log, worker, text));
  followLines(child.stderr, (text) => log.warn(text, { worker }));
  return {
    pid: child.pid,
    exited: child.exited,
    kill: (signal) => child.kill(signal),
  };
}

function followLines(stream: ReadableStream<Uint8Array>, onLine: (text: string) => void): void {
  createInterface({ input: Readable.fromWeb(stream as never) }).on('line', onLine);
}

function logOutput(log: Log, worker: number, text: string): void {
  const line = parseLogLine(text);
  if (line === undefined) log.info(text, { worker });
  else log[line.level](line.message, { worker, ...line.fields });
}
