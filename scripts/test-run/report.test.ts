import { describe, expect, test } from 'bun:test';
import { type EndedRun, mergedReport, resultOf, sentenceOf, sumOf } from './report.ts';

const OUTPUT = `bun test v1.2.3 (abc)

test/a.test.ts:
(pass) one [0.09ms]
error: expect(received).toBe(expected)
(fail) outer > two [0.47ms]
(skip) three

 --seed=7
 1 pass
 1 skip
 1 fail
 2 expect() calls
Ran 3 tests across 1 file. [24.00ms]
`;

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="3" assertions="2" failures="1" skipped="1" time="0.02">
  <testsuite name="test/a.test.ts" file="test/a.test.ts" tests="3">
    <testcase name="one" classname="" time="0.000089" file="test/a.test.ts" />
    <testcase name="two" classname="outer" time="0.000467" file="test/a.test.ts">
      <failure type="Error" message="&lt;1&gt;">&quot;&lt;1&gt;&quot;&#10;  at a</failure>
    </testcase>
    <testcase name="three" classname="" time="0" file="test/a.test.ts">
      <skipped />
    </testcase>
  </testsuite>
</testsuites>
`;

function ended(differences: Partial<EndedRun>): EndedRun {
  const file = 'test/a.test.ts';
  return {
    file,
    seconds: 1.26,
    cpuSeconds: 0.5,
    end: 1,
    output: OUTPUT,
    report: REPORT,
    ...differences,
  };
}

describe('a file whose tests ran', () => {
  test('has the counts of its report, and says what Bun says of its tests', () => {
    const result = resultOf(ended({}));
    expect(result).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
    expect(sentenceOf(result)).toBe('1 passed, 1 failed, 1 skipped in 1.3 s, 0.5 s of CPU');
    expect(result.text).toBe(
      [
        '(pass) one [0.09ms]',
        'error: expect(received).toBe(expected)',
        '(fail) outer > two [0.47ms]',
        '(skip) three',
      ].join('\n'),
    );
  });

  test('tells each failure with the name of its test', () => {
    const { failures, failedTests } = resultOf(ended({}));
    expect(failures).toBe('outer > two\n  "<1>"\n    at a');
    expect(failedTests).toEqual(['outer > two']);
  });

  test('tells the beginning of a failure that is long', () => {
    const report = REPORT.replace('  at a', 'long&#10;'.repeat(100));
    const { failures } = resultOf(ended({ report }));
    expect(failures.split('\n')).toHaveLength(32);
    expect(failures).toEndWith('…');
  });

  test('tells a failure that is only a message', () => {
    const failure = '<failure type="TimeoutError" message="test &quot;two&quot; timed out" />';
    const report = REPORT.replace(/<failure[^]*<\/failure>/, failure);
    expect(resultOf(ended({ report })).failures).toBe('outer > two\n  test "two" timed out');
  });
});

describe('a file that fails as a whole', () => {
  test('without a report', () => {
    const output = 'bun test v1.2.3 (abc)\n\ntest/a.test.ts:\nCannot find module\n';
    const result = resultOf(ended({ report: undefined, output, end: 'SIGKILL' }));
    expect(result).toMatchObject({ passed: 0, failed: 1, skipped: 0 });
    expect(result.failures).toBe(
      'Cannot find module\nbun test wrote no report; it ended with SIGKILL.',
    );
  });

  test('though its report knows of no failure', () => {
    const report = REPORT.replace('failures="1"', 'failures="0"');
    const result = resultOf(ended({ report }));
    expect(result).toMatchObject({ passed: 2, failed: 1, skipped: 1 });
    expect(result.failures).toEndWith('bun test ended with 1.');
  });
});

test('a file none of whose tests were asked for says nothing', () => {
  const report = REPORT.replace('failures="1" skipped="1"', 'failures="0" skipped="3"');
  const output = 'bun test v1.2.3 (abc)\n\ntest/a.test.ts:\n\nerror: regex matched 0 tests.\n';
  const result = resultOf(ended({ report, output, end: 0 }));
  expect(result).toMatchObject({ passed: 0, failed: 0, skipped: 3, text: '' });
});

test('several files have a sum, and one report', () => {
  const results = [resultOf(ended({})), resultOf(ended({ report: undefined }))];
  expect(sumOf(results)).toEqual({ passed: 1, failed: 2, skipped: 1 });
  const report = mergedReport(results);
  expect(report).toContain('<testsuites name="bun test" tests="4" failures="2" skipped="1">');
  expect(report.match(/<testcase /g)).toHaveLength(3);
  expect(report).toEndWith('  </testsuite>\n</testsuites>\n');
});
