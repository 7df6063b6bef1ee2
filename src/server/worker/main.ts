/**
 * Entry of a worker process.
 *
 * SIGTERM ends it in order. What a terminal sends to every process of a node is for the controller;
 * only a worker that has lost its controller takes it for itself.
 */

import { type Counters, createCounters } from '../core/limits/counters.ts';
import { LIMITS } from '../core/limits/limits.ts';
import { BoundedLog } from '../core/log/bounded-log.ts';
import type { Log, LogLevel } from '../core/log/log.ts';
import { LogChannel } from '../links/bus/log-channel.ts';
import { LOG_FD } from '../links/bus/log-line.ts';
import { readWorkerSettings } from '../links/bus/worker-settings.ts';
import { type AppOutputSink, type FileWrites, takeOverOutput } from './app-output.ts';
import { endWithController } from './unborn.ts';
import type { Worker } from './worker.ts';

const TERMINAL_SIGNALS = ['SIGINT', 'SIGHUP', 'SIGQUIT'] as const;
const STDERR = 2;
/** Would end a process that does not listen. */
const IDLE_SIGNALS = ['SIGUSR1', 'SIGUSR2'] as const;

async function runWorker(): Promise<void> {
  const settings = readWorkerSettings(process.env);
  const counters = createCounters();
  const { writeSync } = process.getBuiltinModule('node:fs');
  const channel = new LogChannel(counters, (text) => void writeSync(STDERR, text));
  const log = createLog(channel, settings.config.logLevel);
  takeOver(channel, log, counters);
  await channel.open(LOG_FD);
  const goOnAlone = await endWithController();
  // Loaded only now: who imports a function of `node:fs` by name gets what it is at that moment.
  const { Worker } = await import('./worker.ts');
  const worker: Worker = new Worker(settings, log, counters, () => stop(1));
  const stop = (code = 0): void => {
    worker.stop().then(
      () => process.exit(code),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', () => stop());
  const controller = process.ppid;
  for (const signal of TERMINAL_SIGNALS) {
    process.on(signal, () => {
      if (process.ppid !== controller) stop();
    });
  }
  for (const signal of IDLE_SIGNALS) process.on(signal, () => {});
  // A fault of the app outside its handlers: say it, and keep the sessions of everybody else.
  const report = (error: unknown): void => log.error('uncaught error', { error });
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
  try {
    await worker.start();
    goOnAlone();
  } catch (error) {
    log.error('the worker cannot start', { error });
    await worker.stop();
    process.exit(1);
  }
}

function createLog(channel: LogChannel, lowest: LogLevel): Log {
  const bounds = {
    linesOfAKind: LIMITS.logLinesOfAKind,
    lines: LIMITS.logLines,
    charactersOfAKind: LIMITS.logCharactersOfAKind,
    characters: LIMITS.logCharacters,
    textLength: LIMITS.logTextLength,
  };
  return new BoundedLog(channel.line, bounds, lowest);
}

function takeOver(channel: LogChannel, log: Log, counters: Counters): void {
  const fs = process.getBuiltinModule('node:fs') as unknown as FileWrites;
  const sink: AppOutputSink = {
    line: (output, text) => channel.text(output, text),
    dropped(output, characters) {
      counters.appOutputDropped += characters;
      log.warn('the app prints more than is logged', { output, characters });
    },
  };
  const bounds = {
    lineLength: LIMITS.appLineLength,
    lines: LIMITS.appLines,
    characters: LIMITS.appCharacters,
  };
  takeOverOutput({ console, process, fs }, sink, bounds);
}

await runWorker();
