import { expect, test } from 'bun:test';
import {
  formatDuration,
  formatMemory,
  formatMilliseconds,
  formatTime,
  formatValue,
  plural,
} from './format.ts';

test('values have separators, a unit, and no more digits than are known', () => {
  expect(formatValue(1_000_000, 'count')).toBe('1,000,000');
  expect(formatValue(2453.4, 'bytes')).toBe('2,453 bytes');
  expect(formatValue(0.7342, 'microseconds per second')).toBe('0.734 µs/s');
  expect(formatValue(8.851, 'microseconds')).toBe('8.85 µs');
  expect(formatValue(12.345, 'cores')).toBe('12.3 cores');
  expect(formatValue(1, 'cores')).toBe('1 core');
  expect(formatValue(4999.6, 'per second')).toBe('5,000 /s');
});

test('memory is written in GiB from one on, or in the unit of what stands beside it', () => {
  expect(formatMemory(1.25 * 2 ** 30)).toBe('1.25 GiB');
  expect(formatMemory(96 * 2 ** 20)).toBe('96 MiB');
  expect(formatMemory(512 * 2 ** 20, 4 * 2 ** 30)).toBe('0.5 GiB');
});

test('times have as many digits as one can mean', () => {
  expect([0.04, 1.44, 35.2, 1234].map(formatMilliseconds)).toEqual([
    '0.04 ms',
    '1.4 ms',
    '35 ms',
    '1.23 s',
  ]);
  expect([0, 65, 3_845, -5].map(formatTime)).toEqual(['0:00', '1:05', '1:04:05', '−0:05']);
  expect([45, 60, 200, 7_500].map(formatDuration)).toEqual([
    '45 s',
    '1 min',
    '3 min 20 s',
    '2 h 5 min',
  ]);
});

test('nouns follow their number', () => {
  expect([plural(1, 'sample'), plural(1200, 'sample')]).toEqual(['1 sample', '1,200 samples']);
});
