/**
 * `npm test`: installs what the tests need, runs them, and sums up in one line.
 *
 * Arguments go to `bun test` as they are (`npm test -- test/protocol -t polling`); without any, all
 * tests of `src`, `bench` and `test` run, except the tidy rules, which are part of `npm run check`.
 * Bun runs test files one after another, and so they should be: system tests start real servers,
 * and tests of load and memory measure the machine. What a test has started ends with it, even when
 * it is cut short (`--no-orphans`). The last line is `N passed, N failed, N skipped`, taken
 * from Bun's JUnit report; the exit code is 0 only when tests ran and none failed.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPrograms } from './install-programs.ts';

interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * The limit is there to end a test that hangs, not to measure: a system test starts a cluster and a
 * browser, on two cores that may be busy with other work.
 */
const TEST_TIMEOUT_MS = 60_000;

const ALL_TESTS = ['./src', './bench', './test', '--path-ignore-patterns=test/tidy/**'];

const args = process.argv.slice(2);
installPrograms(selectFiles(args));
const summary = runTests(args);
console.log(`${summary.passed} passed, ${summary.failed} failed, ${summary.skipped} skipped`);
process.exitCode = summary.failed === 0 && summary.passed > 0 ? 0 : 1;

/** The test files that the arguments name; all of them when they name none. */
function selectFiles(args: readonly string[]): readonly string[] {
  const all = [...new Bun.Glob('{src,bench,test}/**/*.test.ts').scanSync()];
  const paths = args.filter((arg) => !arg.startsWith('-')).map((arg) => arg.replace(/^\.\//, ''));
  const named = all.filter((file) => paths.some((path) => file.includes(path)));
  return named.length > 0 ? named : all;
}

function runTests(args: readonly string[]): Summary {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  try {
    const report = join(folder, 'junit.xml');
    const run = Bun.spawnSync(
      [
        process.execPath,
        'test',
        '--no-orphans',
        `--timeout=${TEST_TIMEOUT_MS}`,
        '--reporter=junit',
        `--reporter-outfile=${report}`,
        ...(args.length > 0 ? args : ALL_TESTS),
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    return readSummary(report, run);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Sums up a run. Whatever made Bun fail counts as a failure, in the report or not. */
function readSummary(report: string, run: Bun.SyncSubprocess): Summary {
  if (!existsSync(report)) {
    console.error(
      `bun test wrote no report; it ended with ${run.signalCode ?? `code ${run.exitCode}`}.`,
    );
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const [total] = /<testsuites [^>]*>/.exec(readFileSync(report, 'utf8')) ?? [''];
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(total)?.[1] ?? 0);
  const skipped = count('skipped');
  const failures = count('failures');
  // A file that does not load is an error to Bun, and missing from its report.
  const failed = run.success ? failures : Math.max(1, failures);
  return { passed: count('tests') - failures - skipped, failed, skipped };
}
