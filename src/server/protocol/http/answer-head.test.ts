import { describe, expect, test } from 'bun:test';
import {
  type AnswerBody,
  type AnswerConnection,
  answerHead,
  chunkHead,
  hasBody,
  InvalidAnswer,
  LAST_CHUNK,
} from './answer-head.ts';

const DATE = 'Mon, 30 Nov 2026 20:51:32 GMT';

function linesOf(
  status: number,
  headers: Iterable<readonly [string, string]>,
  body: AnswerBody,
  connection: AnswerConnection = 'keep',
): string[] {
  const text = answerHead(status, headers, body, connection, DATE);
  expect(text).toEndWith('\r\n\r\n');
  return text.slice(0, -4).split('\r\n');
}

test('an answer has its status, its headers, the date and the length', () => {
  const headers = new Headers({ 'Content-Type': 'text/plain' });
  headers.append('set-cookie', 'a=1');
  headers.append('set-cookie', 'b=2');
  expect(linesOf(200, headers, { length: 5 })).toEqual([
    'HTTP/1.1 200 OK',
    'content-type: text/plain',
    'set-cookie: a=1',
    'set-cookie: b=2',
    `Date: ${DATE}`,
    'Content-Length: 5',
  ]);
});

test.each<[number, AnswerBody, AnswerConnection, string[]]>([
  [200, 'chunked', 'keep', ['Transfer-Encoding: chunked']],
  [200, 'untilClose', 'close', ['Connection: close']],
  [200, 'none', 'keep-alive', ['Connection: keep-alive', 'Content-Length: 0']],
  [404, 'none', 'close', ['Connection: close', 'Content-Length: 0']],
  [204, { length: 5 }, 'keep', []],
  [304, 'chunked', 'keep', []],
  [299, { length: 0 }, 'keep', ['Content-Length: 0']],
])('%d with a body %j on %s', (status, body, connection, lines) => {
  expect(linesOf(status, [], body, connection).slice(2)).toEqual(lines);
});

test('what comes before the last answer has neither date nor body', () => {
  expect(linesOf(100, [], 'none')).toEqual(['HTTP/1.1 100 Continue']);
  expect(linesOf(101, [['Upgrade', 'websocket']], { length: 3 }, 'upgrade')).toEqual([
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
  ]);
});

test('a status without a name has none', () => {
  expect(linesOf(299, [], 'none')[0]).toBe('HTTP/1.1 299 ');
});

test('headers that say where the answer ends are left out', () => {
  const headers: [string, string][] = [
    ['Content-Length', '99'],
    ['transfer-encoding', 'chunked'],
    ['Connection', 'keep-alive'],
    ['KEEP-ALIVE', 'timeout=5'],
    ['Date', 'never'],
    ['X', 'y'],
  ];
  const [, first, ...rest] = linesOf(200, headers, { length: 1 }, 'close');
  expect([first, ...rest]).toEqual([
    'X: y',
    `Date: ${DATE}`,
    'Connection: close',
    'Content-Length: 1',
  ]);
});

test('octets above ASCII stay what they are', () => {
  expect(linesOf(200, [['a', '\xe9\t\xff']], 'none')[1]).toBe('a: \xe9\t\xff');
});

describe('an answer that is none throws', () => {
  test.each<[string, string]>([
    ['', 'x'],
    ['a b', 'x'],
    ['a:', 'x'],
    ['a\r\nb', 'x'],
    ['\xe9', 'x'],
    ['content-length ', '5'],
    ['a', 'x\r\nSet-Cookie: y'],
    ['a', 'x\ny'],
    ['a', 'x\r'],
    ['a', 'x\0'],
    ['a', 'x\x7f'],
    ['a', 'x\u010ay'],
    ['a', '語'],
  ])('header %j: %j', (name, value) => {
    expect(() => answerHead(200, [[name, value]], 'none', 'keep', DATE)).toThrow(InvalidAnswer);
  });

  test.each<[number, AnswerBody, AnswerConnection]>([
    [99, 'none', 'keep'],
    [600, 'none', 'keep'],
    [200.5, 'none', 'keep'],
    [Number.NaN, 'none', 'keep'],
    [200, 'untilClose', 'keep'],
    [200, { length: -1 }, 'keep'],
    [200, { length: 1.5 }, 'keep'],
    [101, 'none', 'keep'],
    [200, 'none', 'upgrade'],
  ])('%d with %j on %s', (status, body, connection) => {
    expect(() => answerHead(status, [], body, connection, DATE)).toThrow(InvalidAnswer);
  });
});

test('chunks are framed', () => {
  expect([chunkHead(1), chunkHead(255), LAST_CHUNK]).toEqual(['1\r\n', 'ff\r\n', '0\r\n\r\n']);
  expect(() => chunkHead(0)).toThrow(InvalidAnswer);
});

test.each([
  [100, false],
  [204, false],
  [304, false],
  [200, true],
  [404, true],
])('%d has a body: %p', (status, expected) => {
  expect(hasBody(status)).toBe(expected);
});
