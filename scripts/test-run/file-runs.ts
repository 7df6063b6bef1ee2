/**
 * Runs test files, each in a `bun test` of its own, and ends what they started.
 *
 * Everything below this process carries a mark in its environment, by which it is found again when
 * the run is cut short, whoever its parent is by then. Each `bun test` has a session of its own: a
 * Ctrl-C reaches this process only, which then ends the others.
 */

import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { killMarked, markedEnvironment, newMark } from '../../test/support/process-mark.ts';
import type { TestRequest } from './arguments.ts';
import { orderFlags } from './plan.ts';
import { type FileResult, resultOf } from './report.ts';

/**
 * The limit is there to end a test that hangs, not to measure: a system test starts a cluster and a
 * browser, on two cores that may be busy with other work.
 */
const TEST_TIMEOUT_MS = 60_000;

/**
 * A test in an endless loop hears of no time limit, and may take all memory of the machine. The
 * longest file takes a minute.
 */
const FILE_TIMEOUT_MS = 240_000;

const MARK_NAME = 'TEST_RUN_MARK';

export class FileRuns {
  readonly #folder: string;
  readonly #request: TestRequest;
  readonly #fileTimeoutMs: number;
  readonly #mark = newMark(MARK_NAME);
  readonly #running: Set<Bun.Subprocess> = new Set();
  #count = 0;

  constructor(folder: string, request: TestRequest, fileTimeoutMs: number = FILE_TIMEOUT_MS) {
    this.#folder = folder;
    this.#request = request;
    this.#fileTimeoutMs = fileTimeoutMs;
  }

  async run(file: string): Promise<FileResult> {
    const number = this.#count++;
    const reportPath = join(this.#folder, `${number}.xml`);
    const outputPath = join(this.#folder, `${number}.txt`);
    // One file for both streams, so that lines stay in the order in which they were written.
    const output = openSync(outputPath, 'a');
    const startMs = performance.now();
    const child = Bun.spawn([process.execPath, ...this.#command(file, reportPath)], {
      stdio: ['ignore', output, output],
      env: markedEnvironment(process.env, this.#mark),
      detached: true,
    });
    closeSync(output);
    this.#running.add(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#fileTimeoutMs);
    await child.exited;
    clearTimeout(timer);
    this.#running.delete(child);
    return resultOf({
      file,
      seconds: (performance.now() - startMs) / 1000,
      cpuSeconds: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6,
      end: child.signalCode ?? child.exitCode ?? 'nothing',
      output: readFileSync(outputPath, 'utf8'),
      report: readIfThere(reportPath),
    });
  }

  /** Ends all that was started, at once. */
  kill(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    killMarked(this.#mark);
  }

  #command(file: string, reportPath: string): readonly string[] {
    const { flags, seed } = this.#request;
    return [
      ...['test', `./${file}`, '--no-orphans', `--timeout=${TEST_TIMEOUT_MS}`],
      // A name given by `-t` is in few of the files.
      ...['--pass-with-no-tests', '--reporter=junit', `--reporter-outfile=${reportPath}`],
      ...orderFlags(file, seed),
      ...flags,
    ];
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
