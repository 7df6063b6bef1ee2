import { expect, test } from 'bun:test';
import { cpuMs } from '../../../../test/support/cpu-time.ts';
import { MessageLines } from './message-lines.ts';

function read(body: string): string[] {
  const lines = new MessageLines(body);
  const found: string[] = [];
  for (let line = lines.peek(); line !== undefined; line = lines.peek()) {
    found.push(line);
    lines.skip();
  }
  expect([lines.isDone, lines.count]).toEqual([true, found.length]);
  return found;
}

test.each([
  ['', []],
  ['a', ['a']],
  ['a\nb\n', ['a', 'b']],
  ['\n \r\n\ta b\r\n\n\nc\n  ', ['a b\r', 'c']],
  ['\r\n\n a\r\n \t\n\nb', ['a\r', 'b']],
  ['\r\n\t \n', []],
] as const)('%j', (body, lines) => {
  expect(read(body)).toEqual([...lines]);
});

/** The shortest of several times, in milliseconds. */
function timeOf(body: string): number {
  const times = Array.from({ length: 9 }, () => {
    const beganAtMs = cpuMs();
    read(body);
    return cpuMs() - beganAtMs;
  });
  return Math.min(...times);
}

test('a body of nothing but line ends takes no longer than one of spaces', () => {
  const spacesMs = timeOf(' '.repeat(1_000_000));
  expect(timeOf('\n'.repeat(1_000_000))).toBeLessThan(8 * spacesMs);
});
