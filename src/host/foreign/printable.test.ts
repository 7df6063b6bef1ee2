import { describe, expect, test } from 'bun:test';
import { printable, printableJson, printableLines, withoutColours } from './printable.ts';

describe('what a terminal obeys is shown by its number', () => {
  test.each([
    ['colours and cursor', 'a\u001b[31m\u001b[2Jb', 'a\\x1b[31m\\x1b[2Jb'],
    ['the clipboard', '\u001b]52;c;ZXZpbA==\u0007', '\\x1b]52;c;ZXZpbA==\\x07'],
    ['C1, which is an escape in one character', '\u009b31m\u0085', '\\x9b31m\\x85'],
    ['NUL, backspace and DEL', '\u0000x\b\u007f', '\\x00x\\x08\\x7f'],
    ['line ends, which forge lines', 'a\r\nholdfast: b\tc', 'a\\r\\nholdfast: b\\tc'],
    ['line ends of Unicode', 'a\u2028b\u2029', 'a\\u2028b\\u2029'],
    ['direction', '\u202efdp.exe\u2066\u200e\u061c', '\\u202efdp.exe\\u2066\\u200e\\u061c'],
    ['what has no width', 'ad\u200bmin\ufeff\u2060\u00ad', 'ad\\u200bmin\\ufeff\\u2060\\xad'],
    ['what looks like nothing', 'a\u3164\u115f\u2800', 'a\\u3164\\u115f\\u2800'],
    ['what varies nothing', 'a\ufe01b\u{e0100}', 'a\\ufe01b\\u{e0100}'],
    ['tags', 'a\u{e0061}\u{e007f}', 'a\\u{e0061}\\u{e007f}'],
    ['halves of pairs', '\ud800x\udc00', '\\ud800x\\udc00'],
  ])('%s', (_what, text, shown) => {
    expect(printable(text)).toBe(shown);
    const answer = { [text]: text };
    expect(printableJson(answer)).toMatch(/^[ -~]*$/);
    expect(JSON.parse(printableJson(answer))).toEqual(answer);
    expect(JSON.parse(printableJson(answer, 2))).toEqual(answer);
  });
});

test.each([
  'plain',
  'Zoë Müller',
  '日本語',
  'שלום',
  'नमस्ते',
  '🚀',
  '👩‍👩‍👧 👨🏽‍💻 ❤️‍🔥',
  '1 \\ 2',
  '',
])('%p stays as it is', (text) => {
  expect([printable(text), printableLines(text)]).toEqual([text, text]);
  expect(printableJson(text)).toBe(JSON.stringify(text));
});

test('a joiner is shown where it joins nothing that is seen', () => {
  expect(printable('room\u200d1')).toBe('room\\u200d1');
  expect(printable('🚀\u200d')).toBe('🚀\\u200d');
});

test('lines that somebody laid out stay lines', () => {
  expect(printableLines('a\nb\u001b[0m\r\nc')).toBe('a\nb\\x1b[0m\\r\nc');
  expect(printableJson([1], 2)).toBe('[\n  1\n]');
});

test('colours can be left out first, and nothing else with them', () => {
  expect(withoutColours('\u001b[1;31mred\u001b[0m \u001b[2J')).toBe('red \u001b[2J');
});
