import { expect, test } from 'bun:test';
import {
  combine,
  highest,
  lowest,
  median,
  perSecond,
  perSecondOver,
  total,
  unbroken,
} from './columns.ts';

test('sums and extremes leave out what is not known', () => {
  const values = [3, null, -1, 5];
  expect([total(values), highest(values), lowest(values), median(values)]).toEqual([7, 5, -1, 3]);
  expect([highest([null]), lowest([]), median([null])]).toEqual([null, null, null]);
  expect(median([4, 1, null, 3, 2])).toBe(2.5);
});

test('a counter becomes its growth in one second', () => {
  expect(perSecond([0, 1, 3, 4], [10, 15, 35, 35])).toEqual([null, 5, 10, 0]);
});

test('a counter of a process that fell has begun again, any other one has not', () => {
  expect(unbroken([500, 600, null, 40, 90])).toEqual([500, 600, null, 640, 690]);
  expect(perSecond([0, 1, 2, 3], [500, 600, 40, 90])).toEqual([null, 100, 0, 50]);
});

test('a counter that is read out of step is even over a longer time', () => {
  // One report a second, of 10 each, of which an interval holds none or two.
  const reports = [0, 20, 20, 30, 40, 60, 60, 70];
  expect(perSecondOver([0, 1, 2, 3, 4, 5, 6, 7], reports, 3.5)).toEqual([
    ...[null, null, null, null],
    ...[10, 10, 10, 10],
  ]);
  expect(perSecondOver([0, 1, 2, 9, 10], [0, 10, null, 90, 100], 3.5)).toEqual([
    ...[null, null, null],
    ...[10, 10],
  ]);
});

test('over a silence a rate is even', () => {
  expect(perSecond([0, 1, 2, 3], [0, null, null, 30])).toEqual([null, null, null, 10]);
});

test('two samples at one time say nothing about a rate', () => {
  expect(perSecond([0, 1, 1.001, 2], [0, 10, 12, 20])).toEqual([null, 10, null, 10]);
});

test('columns are combined entry by entry', () => {
  expect(
    combine(
      [
        [1, null],
        [2, 4],
      ],
      highest,
    ),
  ).toEqual([2, 4]);
});
