/**
 * Entry of a worker process.
 *
 * SIGTERM ends it in order. SIGINT is for the controller, which a terminal tells at the same time;
 * only a worker that has lost its controller takes it for itself.
 */

import { describeError } from '../core/log/log.ts';
import { createLineLog } from '../links/bus/log-line.ts';
import { readWorkerSettings } from '../links/bus/worker-settings.ts';
import { Worker } from './worker.ts';

async function runWorker(): Promise<void> {
  const settings = readWorkerSettings(process.env);
  const log = createLineLog(settings.config.logLevel);
  const stop = (code = 0): void => {
    worker.stop().then(
      () => process.exit(code),
      () => process.exit(1),
    );
  };
  const worker = new Worker(settings, log, () => stop(1));
  process.on('SIGTERM', () => stop());
  process.on('SIGINT', () => {
    if (process.ppid === 1) stop();
  });
  // A fault of the app outside its handlers: say it, and keep the sessions of everybody else.
  const report = (error: unknown): void =>
    log.error('uncaught error', { error: describeError(error) });
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
  // The controller may be gone: output then has nowhere to go.
  process.stdout.on('error', () => {});
  try {
    await worker.start();
  } catch (error) {
    log.error('the worker cannot start', { error: describeError(error) });
    await worker.stop();
    process.exit(1);
  }
}

await runWorker();
