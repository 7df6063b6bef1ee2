import { expect, test } from 'bun:test';
import { namesOf, type Report, type ReportedRun } from '../report/report.ts';
import type { Figure } from '../report/run/figure.ts';
import { reportText } from './report.ts';

function runOf(name: string, value: number | undefined, notes: readonly string[]): ReportedRun {
  const figure: Figure = {
    name: 'workerBytesPerSession',
    label: 'Memory, workers above empty',
    unit: 'bytes',
    value,
    how: 'as told',
  };
  return { name, path: `runs/${name}`, verdict: 'void', figures: [figure], notes };
}

function reportOf(runs: readonly ReportedRun[], leftOut: string | undefined): Report {
  return { page: 'out/report.html', pictures: ['a.png', 'a.svg'], leftOut, runs };
}

test('the answer names the verdict, what is odd, the figures of both runs and the page', () => {
  const runs = [runOf('before', 2_453, []), runOf('after', undefined, ['Line 7 is left out.'])];
  const text = reportText(reportOf(runs, undefined));
  expect(text.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
    'before: void',
    'after: void',
    ' Line 7 is left out.',
    expect.stringMatching(/^┌─+┬─+┬─+┐$/),
    '│ figure │ before │ after │',
    '│ Memory, workers above empty │ 2,453 bytes │ - │',
    expect.stringMatching(/^└─+┴─+┴─+┘$/),
    'Wrote out/report.html and 2 pictures beside it.',
  ]);
});

test('the answer ends with what is left out', () => {
  const text = reportText(reportOf([runOf('only', 1, [])], 'There is no PNG.'));
  expect(text.endsWith('2 pictures beside it.\nThere is no PNG.')).toBe(true);
});

test('runs are named after their folders, and told apart when those have one name', () => {
  expect(namesOf(['runs/before', 'runs/after'])).toEqual(['before', 'after']);
  expect(namesOf(['monday/run', 'tuesday/run'])).toEqual(['monday/run', 'tuesday/run']);
  expect(namesOf(['run', './run'])).toEqual([
    expect.stringMatching(/run \(1\)$/),
    expect.stringMatching(/run \(2\)$/),
  ]);
  expect(namesOf([`runs/2026-11-22T17-19-45-${'x'.repeat(30)}`, 'b'])[0]).toHaveLength(31);
});
