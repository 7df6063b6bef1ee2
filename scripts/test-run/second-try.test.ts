import { describe, expect, test } from 'bun:test';
import type { FileResult } from './report.ts';
import {
  filesToTryAgain,
  SECOND_TRIES_MAX,
  unsteadyFiles,
  unsteadyNote,
  unsteadyText,
  withSecondTries,
} from './second-try.ts';

/** @param failedTests undefined for a file that failed as a whole */
function resultOf(file: string, ...failedTests: readonly (string | undefined)[]): FileResult {
  return {
    file,
    seconds: 1,
    cpuSeconds: 1,
    passed: 5 - failedTests.length,
    failed: failedTests.length,
    skipped: 0,
    text: '',
    failures: 'what it said',
    failedTests: failedTests.filter((name) => name !== undefined),
    suites: '',
  };
}

describe('a second try', () => {
  test('is for the files that failed', () => {
    const results = [resultOf('a'), resultOf('b', 'one'), resultOf('c', undefined)];
    expect(filesToTryAgain(results)).toEqual(['b', 'c']);
  });

  test('is for a few of them only: many say that something is broken', () => {
    const names = Array.from({ length: SECOND_TRIES_MAX + 1 }, (_, number) => `file ${number}`);
    const results = names.map((name) => resultOf(name, 'one'));
    expect(filesToTryAgain(results.slice(1))).toHaveLength(SECOND_TRIES_MAX);
    expect(filesToTryAgain(results)).toEqual([]);
  });

  test('is not for a file that had nothing beside it', () => {
    expect(filesToTryAgain([resultOf('a', 'one')])).toEqual([]);
  });

  test('counts in the place of the first', () => {
    const firsts = [resultOf('a'), resultOf('b', 'one', 'two')];
    const second = resultOf('b', 'two');
    expect(withSecondTries(firsts, [second])).toEqual([firsts[0] as FileResult, second]);
  });
});

describe('what is unsteady', () => {
  test('are the tests that failed at first only', () => {
    const firsts = [resultOf('a', 'one', 'two'), resultOf('b', 'one'), resultOf('c', undefined)];
    const seconds = [resultOf('a', 'two', 'three'), resultOf('b', 'one'), resultOf('c')];
    const unsteady = unsteadyFiles(firsts, seconds);
    expect(unsteady).toEqual([
      { file: 'a', tests: ['one'] },
      { file: 'c', tests: [] },
    ]);
    expect(unsteadyNote(unsteady)).toBe('2 tests passed only at the second try: a (one); c');
  });

  test('is told with what was said at first', () => {
    const first = resultOf('a', 'one', 'two');
    const [unsteady] = unsteadyFiles([first], [resultOf('a')]);
    if (unsteady === undefined) throw new Error('nothing is unsteady');
    expect(unsteadyText(unsteady, first)).toBe(
      'Failed at first, passed when run alone: a\n  one\n  two\n\nAt first:\n\nwhat it said',
    );
  });

  test('is not known of a file that fails as a whole at its second try', () => {
    expect(unsteadyFiles([resultOf('a', 'one')], [resultOf('a', undefined)])).toEqual([]);
  });

  test('is nothing, and not spoken of, when all passed or failed twice', () => {
    const firsts = [resultOf('a', 'one'), resultOf('b')];
    expect(unsteadyNote(unsteadyFiles(firsts, [resultOf('a', 'one')]))).toBeUndefined();
  });
});
