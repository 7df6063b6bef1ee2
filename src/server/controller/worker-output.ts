/**
 * Reads what a worker says: its log from a socket pair, and from its pipes what the app or a crash
 * printed past that.
 *
 *     log ──▶ frames ─▶ lines, and what the app printed by the usual ways
 *     stdout, stderr ─▶ text ─▶ lines, cut and bounded
 *
 * It reads on whatever comes, so that a worker never waits, and nothing that comes ends it. Pipes
 * may outlive their worker in the hands of processes that the app started; they are let go of soon.
 */

import { LIMITS } from '../core/limits/limits.ts';
import { AppText } from '../core/log/app-text.ts';
import type { WriteLine } from '../core/log/bounded-log.ts';
import { followLog } from '../links/bus/log-channel.ts';
import { OUTPUTS, type Output } from '../links/bus/log-line.ts';

/** Where it goes; nothing here may throw. */
export interface WorkerOutputSink {
  readonly line: WriteLine;
  /** One line of what the app printed. */
  text(output: Output, text: string): void;
  /** Bytes that were printed beyond what is logged in a second. */
  dropped(output: Output, bytes: number): void;
}

export interface WorkerOutput {
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** The controller's end of the socket pair. */
  readonly logFd: number | null | undefined;
  readonly exited: Promise<unknown>;
}

const BROKEN =
  'what comes by the log of a worker comes from elsewhere, such as an app that writes to ' +
  'descriptors by number: its log goes to standard error from now on';

/** What a process wrote before its end is still read. */
const AFTERWARDS_MS = 1_000;

export function followWorker(worker: WorkerOutput, sink: WorkerOutputSink): void {
  for (const output of OUTPUTS) void followText(worker, output, sink);
  void followWords(worker, sink);
}

async function followText(
  worker: WorkerOutput,
  output: Output,
  sink: WorkerOutputSink,
): Promise<void> {
  const text = new AppText(
    {
      line: (line) => sink.text(output, line),
      dropped: (bytes) => sink.dropped(output, bytes),
    },
    {
      lineLength: LIMITS.appLineLength,
      lines: LIMITS.appLines,
      characters: LIMITS.appCharacters,
    },
  );
  const reader = worker[output].getReader();
  void worker.exited.then(async () => {
    await Bun.sleep(AFTERWARDS_MS);
    await reader.cancel().catch(() => {});
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text.writeBytes(value);
    }
  } catch {
    // A pipe that breaks has no more to say.
  }
  text.end();
}

async function followWords({ logFd, exited }: WorkerOutput, sink: WorkerOutputSink): Promise<void> {
  if (typeof logFd !== 'number') return;
  const letGo = await followLog(
    logFd,
    (word) => {
      if (word.kind === 'line') sink.line(word.level, word.message, word.fields);
      else sink.text(word.output, word.text);
    },
    () => sink.line('warn', BROKEN, undefined),
  );
  await exited;
  await Bun.sleep(AFTERWARDS_MS);
  letGo();
}
