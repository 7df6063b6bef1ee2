/**
 * `npm test`: installs what the tests need, runs them, and sums up in one line.
 *
 * Each test file runs in a `bun test` of its own, several side by side (`test-run/lanes.ts`), those
 * that measure on a quiet machine after all others, all in a random order with the seed printed
 * (`test-run/plan.ts`). What failed runs once more alone (`test-run/second-try.ts`). What a file
 * prints is shown in one piece when it has ended, and what failed once more at the end. Arguments
 * are those of `bun test` (`npm test -- test/protocol -t polling`) and a few more
 * (`test-run/arguments.ts`). Without paths all tests run, except the tidy rules, which are part of
 * `npm run check`.
 *
 * What a test has started ends with it, even when the run is cut short. The last line is
 * `N passed, N failed, N skipped`, taken from Bun's JUnit reports; the exit code is 0 only when
 * tests ran and none failed.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPrograms } from './install-programs.ts';
import { parseArguments, type TestRequest } from './test-run/arguments.ts';
import { FileRuns } from './test-run/file-runs.ts';
import { runInLanes } from './test-run/lanes.ts';
import { planOf, selectFiles } from './test-run/plan.ts';
import { type FileResult, mergedReport, sentenceOf, sumOf } from './test-run/report.ts';
import {
  filesToTryAgain,
  unsteadyFiles,
  unsteadyNote,
  unsteadyText,
  withSecondTries,
} from './test-run/second-try.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const request = parseArguments(process.argv.slice(2));
if ('problem' in request) {
  console.error(`npm test: ${request.problem}`);
  finish([], 1);
} else {
  const { files, unmatched } = selectFiles(request.paths);
  for (const path of unmatched) console.error(`npm test: no test file is named by '${path}'.`);
  const results = files.length > 0 && unmatched.length === 0 ? await run(files, request) : [];
  finish(results, unmatched.length);
}

async function run(files: readonly string[], request: TestRequest): Promise<readonly FileResult[]> {
  installPrograms(files);
  const { seed, lanes } = request;
  const again = ['npm test -- --seed', seed, ...request.paths].join(' ');
  console.log(`${files.length} test files, ${lanes} side by side; this order again: ${again}`);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  const runs = new FileRuns(folder, request);
  process.on('exit', () => {
    runs.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const signal of SIGNALS) {
    // By the way of shells: 128 and the number of the signal.
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
  }
  const firsts: FileResult[] = [];
  const seconds: FileResult[] = [];
  const runInto =
    (results: FileResult[], note: string) =>
    async (file: string): Promise<boolean> => {
      const result = await runs.run(file);
      results.push(result);
      const { text, failed } = result;
      if (text !== '') console.log(`\n${file}${note}: ${sentenceOf(result)}\n${text}`);
      return !(request.stopsAtFailure && failed > 0);
    };
  const { besideOthers, inPairs, alone } = planOf(files, seed);
  const runFirst = runInto(firsts, '');
  const isWhole =
    (await runInLanes(besideOthers, lanes, runFirst)) &&
    (await runInLanes(inPairs, Math.min(lanes, 2), runFirst)) &&
    (await runInLanes(alone, 1, runFirst));
  if (isWhole) await runInLanes(filesToTryAgain(firsts), 1, runInto(seconds, ', second try'));
  const results = withSecondTries(firsts, seconds);
  if (request.reportPath !== undefined) writeFileSync(request.reportPath, mergedReport(results));
  tellFailures(results, firsts, seconds);
  console.log(`\nThis order again: ${again}`);
  const note = unsteadyNote(unsteadyFiles(firsts, seconds));
  if (note !== undefined) console.log(note);
  return results;
}

function tellFailures(
  results: readonly FileResult[],
  firsts: readonly FileResult[],
  seconds: readonly FileResult[],
): void {
  for (const unsteady of unsteadyFiles(firsts, seconds)) {
    const first = firsts.find(({ file }) => file === unsteady.file) as FileResult;
    console.log(`\n${unsteadyText(unsteady, first)}`);
  }
  for (const { file, failures } of results.filter(({ failed }) => failed > 0)) {
    console.log(`\nFailed in ${file}:\n\n${failures}`);
  }
}

/** Says the sum of a run; `problems` are failures that no file tells of. */
function finish(results: readonly FileResult[], problems: number): void {
  const sum = sumOf(results);
  const failed = sum.failed + problems;
  if (failed === 0 && sum.passed === 0) console.error('npm test: no test ran.');
  console.log(`${sum.passed} passed, ${failed} failed, ${sum.skipped} skipped`);
  process.exitCode = failed === 0 && sum.passed > 0 ? 0 : 1;
}
