import { expect, test } from 'bun:test';
import { jsonBytes } from './json-bytes.ts';

test('a text weighs what it is', () => {
  expect(jsonBytes('')).toBe(0);
  expect(jsonBytes('["x",1]')).toBe(7);
  expect(jsonBytes(`["${'x'.repeat(10_000)}"]`)).toBeLessThan(10_200);
});

test.each([
  ['[]', 300_000],
  ['{}', 300_000],
  ['1', 500_000],
  ['{"a":1,"b":2}', 70_000],
  ['"abcdef"', 100_000],
])('many of %s weigh about what they hold', (item, count) => {
  const text = `[${Array(count).fill(item).join(',')}]`;
  const values: unknown[] = [];
  Bun.gc(true);
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 3; i++) values.push(JSON.parse(text));
  Bun.gc(true);
  const held = (process.memoryUsage().heapUsed - before) / values.length;
  expect(jsonBytes(text)).toBeGreaterThan(held * 0.8);
  expect(jsonBytes(text)).toBeLessThan(held * 3 + text.length);
});
