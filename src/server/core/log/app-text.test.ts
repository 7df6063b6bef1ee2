import { expect, test } from 'bun:test';
import { AppText } from './app-text.ts';

const BOUNDS = { lineLength: 10, lines: 4, characters: 30 };

function textTo(lines: string[], dropped: number[] = []): AppText {
  return new AppText({ line: (text) => lines.push(text), dropped: (n) => dropped.push(n) }, BOUNDS);
}

test('lines come whole, however they are cut into pieces; empty ones say nothing', () => {
  const lines: string[] = [];
  const text = textTo(lines);
  for (const piece of ['on', 'e\ntw', 'o\r\n', '\n', 'three', '\n']) text.write(piece);
  text.write('last');
  expect(lines).toEqual(['one', 'two', 'three']);
  text.end();
  expect(lines).toEqual(['one', 'two', 'three', 'last']);
});

test('bytes are decoded across pieces, and what is no text does not end anything', () => {
  const lines: string[] = [];
  const text = textTo(lines);
  const bytes = Buffer.from('grün\n');
  text.writeBytes(bytes.subarray(0, 3));
  text.writeBytes(bytes.subarray(3));
  text.writeBytes(Buffer.from([0xff, 0x00, 0x0a]));
  expect(lines).toEqual(['grün', '\ufffd\0']);
});

test('a line that does not end is cut, printed, and its rest counted', () => {
  const lines: string[] = [];
  const dropped: number[] = [];
  const text = textTo(lines, dropped);
  for (let i = 0; i < 1_000; i++) text.write('x'.repeat(1_000));
  expect(lines).toEqual(['xxxxxxxxxx…']);
  text.write('\nnext\n');
  expect(lines).toEqual(['xxxxxxxxxx…', 'next']);
  text.endSecond();
  expect(dropped).toEqual([999_990]);
});

test.each([
  ['lines', 'a\n', 4],
  ['characters', '123456789\n', 4],
])('no more %s in a second than may be', (_what, line, passing) => {
  const lines: string[] = [];
  const dropped: number[] = [];
  const text = textTo(lines, dropped);
  text.write(line.repeat(100));
  expect(lines).toHaveLength(passing);
  expect(text.isSpent).toBe(true);
  text.writeBytes(Buffer.from('unseen, and its line goes on'));
  text.endSecond();
  expect(dropped).toEqual([(100 - passing) * line.length + 28]);
  text.write(' here\nnew\n');
  expect(lines.at(-1)).toBe('new');
  text.endSecond();
  expect(dropped).toHaveLength(2);
});
