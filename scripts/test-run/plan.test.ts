import { describe, expect, test } from 'bun:test';
import { ALONE, IN_ORDER, LONG, orderFlags, planOf, selectFiles, testFiles } from './plan.ts';

const FILES = testFiles();

describe('the lists of files', () => {
  test('name files that are there', () => {
    const named = [...Object.keys(ALONE), ...Object.keys(IN_ORDER), ...LONG];
    expect(named.filter((file) => !FILES.includes(file))).toEqual([]);
  });

  test('give a reason in words', () => {
    for (const reason of [...Object.values(ALONE), ...Object.values(IN_ORDER)]) {
      expect(reason.split(' ').length).toBeGreaterThan(3);
    }
  });
});

describe('a plan', () => {
  test('has each file once', () => {
    const { besideOthers, alone } = planOf(FILES, 7);
    expect([...besideOthers, ...alone].toSorted()).toEqual([...FILES]);
    expect(alone.toSorted()).toEqual(Object.keys(ALONE).toSorted());
  });

  test('is the same for the same seed, and another for another', () => {
    expect(planOf(FILES, 7)).toEqual(planOf(FILES, 7));
    expect(planOf(FILES, 7)).not.toEqual(planOf(FILES, 8));
  });

  test('begins with those that take long', () => {
    const { besideOthers } = planOf(FILES, 7);
    const long = LONG.filter((file) => !(file in ALONE));
    expect(besideOthers.slice(0, long.length).toSorted()).toEqual(long.toSorted());
  });
});

describe('the order of tests in a file', () => {
  test('is decided by the seed', () => {
    expect(orderFlags('src/a.test.ts', 7)).toEqual(['--randomize', '--seed=7']);
  });

  test('is as written where a file needs it', () => {
    expect(Object.keys(IN_ORDER).flatMap((file) => orderFlags(file, 7))).toEqual([]);
  });
});

describe('paths', () => {
  test('none mean all files but the tidy rules', () => {
    const { files, unmatched } = selectFiles([]);
    expect(FILES.filter((file) => !files.includes(file))).toEqual(['test/tidy/tidy.test.ts']);
    expect(unmatched).toEqual([]);
  });

  test('are parts of the paths of files', () => {
    expect(selectFiles(['test/tidy', 'run/plan']).files).toEqual([
      'scripts/test-run/plan.test.ts',
      'test/tidy/tidy.test.ts',
    ]);
  });

  test('that name nothing are told', () => {
    expect(selectFiles(['run/plan', 'no/such'])).toEqual({
      files: ['scripts/test-run/plan.test.ts'],
      unmatched: ['no/such'],
    });
  });
});
