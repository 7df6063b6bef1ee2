/**
 * A second try for what failed, by itself, once all others have ended.
 *
 * A test that passes only then is at fault, and is named; what it failed with at first has been
 * printed. But one such test does not hide what all the others have to say.
 */

import type { FileResult } from './report.ts';

/** When more files than this fail, something is broken, and a second try would only take time. */
export const SECOND_TRIES_MAX = 5;

/** The files that are run once more. One that was all of its run had nothing beside it. */
export function filesToTryAgain(results: readonly FileResult[]): readonly string[] {
  if (results.length === 1) return [];
  const failed = results.filter((result) => result.failed > 0).map(({ file }) => file);
  return failed.length <= SECOND_TRIES_MAX ? failed : [];
}

/** All results, with the second of a file in the place of its first. */
export function withSecondTries(
  firsts: readonly FileResult[],
  seconds: readonly FileResult[],
): readonly FileResult[] {
  return firsts.map((first) => seconds.find(({ file }) => file === first.file) ?? first);
}

/** A file of which something failed at first and passed at the second try. */
export interface Unsteady {
  readonly file: string;
  /** Their names; none when the file failed as a whole, as one whose process was ended. */
  readonly tests: readonly string[];
}

export function unsteadyFiles(
  firsts: readonly FileResult[],
  seconds: readonly FileResult[],
): readonly Unsteady[] {
  return seconds.flatMap(({ file, failed, failedTests }) => {
    // What a process that broke off would have said of the rest is not known.
    if (failed > failedTests.length) return [];
    const first = firsts.find((result) => result.file === file);
    const tests = (first?.failedTests ?? []).filter((name) => !failedTests.includes(name));
    return failed === 0 || tests.length > 0 ? [{ file, tests }] : [];
  });
}

/** Tells of one file where failures are told. */
export function unsteadyText({ file, tests }: Unsteady, first: FileResult): string {
  const names = tests.map((name) => `\n  ${name}`).join('');
  const said = `At first:\n\n${first.failures}`;
  return `Failed at first, passed when run alone: ${file}${names}\n\n${said}`;
}

/** The note above the last line; undefined when all is steady. */
export function unsteadyNote(unsteady: readonly Unsteady[]): string | undefined {
  if (unsteady.length === 0) return undefined;
  const count = unsteady.reduce((sum, { tests }) => sum + Math.max(1, tests.length), 0);
  const names = unsteady.map(({ file, tests }) =>
    tests.length === 0 ? file : `${file} (${tests.join(', ')})`,
  );
  const what = count === 1 ? '1 test' : `${count} tests`;
  return `${what} passed only at the second try: ${names.join('; ')}`;
}
