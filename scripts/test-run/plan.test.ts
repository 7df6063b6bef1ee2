import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import {
  ALONE,
  IN_ORDER,
  IN_PAIRS,
  LONG,
  orderFlags,
  planOf,
  selectFiles,
  testFiles,
} from './plan.ts';

const FILES = testFiles();

/** Takes only what tells how large a process is. */
const WEIGHS: RegExp = /import \{ bytesOf(, memoryComesBack)? \} from '[^']*';/g;

describe('the lists of files', () => {
  test('name files that are there', () => {
    const named = [...[ALONE, IN_PAIRS, IN_ORDER].flatMap(Object.keys), ...LONG];
    expect(named.filter((file) => !FILES.includes(file))).toEqual([]);
  });

  test('keep the machine quiet for each file that measures honest clients', () => {
    const measuring = FILES.filter((file) =>
      /support\/honest-(watch|clients)\.ts/.test(readFileSync(file, 'utf8').replace(WEIGHS, '')),
    );
    expect(measuring.filter((file) => !(file in ALONE || file in IN_PAIRS))).toEqual([]);
    expect(measuring.length).toBeGreaterThan(5);
  });

  test('give a reason in words', () => {
    for (const reason of [ALONE, IN_PAIRS, IN_ORDER].flatMap(Object.values)) {
      expect(reason.split(' ').length).toBeGreaterThan(3);
    }
  });
});

describe('a plan', () => {
  test('has each file once', () => {
    const { besideOthers, inPairs, alone } = planOf(FILES, 7);
    expect([...besideOthers, ...inPairs, ...alone].toSorted()).toEqual([...FILES]);
    expect(inPairs.toSorted()).toEqual(Object.keys(IN_PAIRS).toSorted());
    expect(alone.toSorted()).toEqual(Object.keys(ALONE).toSorted());
  });

  test('is the same for the same seed, and another for another', () => {
    expect(planOf(FILES, 7)).toEqual(planOf(FILES, 7));
    expect(planOf(FILES, 7)).not.toEqual(planOf(FILES, 8));
  });

  test('begins with those that take long', () => {
    const { besideOthers } = planOf(FILES, 7);
    const long = LONG.filter((file) => !(file in ALONE || file in IN_PAIRS));
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
