import { expect, test } from 'bun:test';
import type { Axis } from '../charts/chart.ts';
import { timeTicks, valueScale, workerTicks } from './scale.ts';

function textsOf(axis: Partial<Axis>, highest: number, steps?: number): readonly string[] {
  const whole: Axis = { title: '', unit: 'count', scale: 'linear', atLeast: 1, ...axis };
  const { ticks, format } = valueScale(whole, highest, steps);
  return ticks.map(format);
}

test('ticks are round numbers from 0 to above the highest value', () => {
  expect(textsOf({}, 950_000)).toEqual(['0', '250,000', '500,000', '750,000', '1,000,000']);
  expect(textsOf({ unit: 'cores', atLeast: 0.01 }, 0.028)).toEqual(['0', '0.01', '0.02', '0.03']);
});

test('memory has round numbers of GiB, and a long pause of seconds', () => {
  expect(textsOf({ unit: 'memory' }, 7 * 2 ** 30, 4)).toEqual(['0', '2', '4', '6', '8']);
  expect(textsOf({ unit: 'milliseconds' }, 3_100)).toEqual(['0', '1', '2', '3', '4']);
});

test('an axis on which nothing happens is as high as it has to be', () => {
  expect(textsOf({ atLeast: 4 }, 0)).toEqual(['0', '1', '2', '3', '4']);
});

test('a logarithmic axis has 1, 2 and 5 when it is short, else powers of ten', () => {
  const axis = { unit: 'milliseconds', scale: 'logarithmic' } as const;
  expect(textsOf({ ...axis, atLeast: 240 }, 1_800)).toEqual(['200 ms', '500 ms', '1 s', '2 s']);
  expect(textsOf({ ...axis, atLeast: 0.8 }, 9_000)).toEqual([
    '1 ms',
    '10 ms',
    '100 ms',
    '1 s',
    '10 s',
  ]);
});

test('times have ticks at whole minutes or the like, workers at whole workers', () => {
  expect(timeTicks(-5, 328)).toEqual([0, 60, 120, 180, 240, 300]);
  expect(timeTicks(261, 275).slice(0, 3)).toEqual([262, 264, 266]);
  expect(workerTicks(4)).toEqual([0, 1, 2, 3]);
  expect(workerTicks(53).slice(0, 3)).toEqual([0, 5, 10]);
});
