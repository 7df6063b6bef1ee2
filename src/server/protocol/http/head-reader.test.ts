import { describe, expect, test } from 'bun:test';
import { type RequestHeadLimits, readRequestHead } from './head-reader.ts';
import type { RequestHead } from './request-head.ts';

const LIMITS: RequestHeadLimits = {
  headBytesMax: 200,
  requestLineBytesMax: 50,
  headerLinesMax: 6,
};
const GET = 'GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n';

function answerTo(text: string): ReturnType<typeof readRequestHead> {
  const bytes = Buffer.from(text, 'latin1');
  return readRequestHead(bytes, 0, bytes.byteLength, LIMITS);
}

function headOf(text: string): RequestHead {
  const answer = answerTo(text);
  if (answer.kind !== 'head') throw new Error(JSON.stringify(answer));
  return answer;
}

function statusOf(text: string): number | string {
  const answer = answerTo(text);
  return answer.kind === 'fault' ? answer.status : answer.kind;
}

function withHeaders(...lines: string[]): string {
  return ['GET / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n');
}

describe('the first line', () => {
  test('has method, target and version', () => {
    const head = headOf('REPORT /a/b?c=d|{} HTTP/1.1\r\nHost: x\r\n\r\n');
    expect([head.method, head.target, head.minorVersion]).toEqual(['REPORT', '/a/b?c=d|{}', 1]);
  });

  test('is enough in HTTP/1.0', () => {
    const head = headOf('GET / HTTP/1.0\r\n\r\n');
    expect(head).toMatchObject({ minorVersion: 0, keepsAlive: false, bytes: 18 });
    expect([...head.headerLines()]).toEqual([]);
    expect(head.get('host')).toBeNull();
  });

  test.each([
    ['OPTIONS', '*', 'x'],
    ['CONNECT', 'x:443', 'x:443'],
    ['CONNECT', '[::1]:443', 'x'],
    ['GET', 'http://x', 'x'],
    ['GET', 'HTTP://X/a', 'x'],
    ['GET', 'http://x:80/a', 'x'],
    ['GET', 'https://x?a', 'x:443'],
    ['GET', 'ws://[::1]:8500/a', '[::1]:8500'],
    ['GET', '//x/a', ''],
  ])('%s %s of %s', (method, target, host) => {
    const head = headOf(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(head.target).toBe(target);
  });

  test.each(['', '\r\n', '\r\n\r\n'])('may come after %j', (emptyLines) => {
    const head = headOf(`${emptyLines}${GET}`);
    expect([head.method, head.bytes]).toEqual(['GET', emptyLines.length + GET.length]);
  });
});

describe('a body', () => {
  test.each([
    [[], 'none', 0],
    [['Content-Length: 0'], 'none', 0],
    [['Content-Length: 0012'], 'length', 12],
    [['content-length:\t9007199254740991 '], 'length', 9_007_199_254_740_991],
    [['Transfer-Encoding: chunked'], 'chunked', 0],
  ])('of %j', (lines, bodyKind, contentLength) => {
    expect(headOf(withHeaders(...lines))).toMatchObject({ bodyKind, contentLength });
  });

  test.each([
    [['Expect: 100-continue', 'Content-Length: 1'], true],
    [['Expect: 100-Continue', 'Transfer-Encoding: chunked'], true],
    [['Expect: 100-continue'], false],
    [['Expect: else', 'Content-Length: 1'], false],
    [['Accept: 100-continue', 'Content-Length: 1'], false],
  ])('is waited with by %j: %p', (lines, expectsContinue) => {
    expect(headOf(withHeaders(...lines)).expectsContinue).toBe(expectsContinue);
  });
});

describe('the connection', () => {
  test.each([
    ['1.1', [], true],
    ['1.1', ['Connection: close'], false],
    ['1.1', ['Connection: x, CLOSE'], false],
    ['1.1', ['Connection: closed'], true],
    ['1.1', ['Connection: keep-alive', 'Connection: close'], false],
    ['1.0', [], false],
    ['1.0', ['Connection: keep-alive'], true],
    ['1.0', ['Connection: Keep-Alive, x'], true],
    ['1.0', ['Connection: keep-alive, close'], false],
  ])('of HTTP/%s with %j stays: %p', (version, lines, keepsAlive) => {
    const text = [`GET / HTTP/${version}`, 'Host: x', ...lines, '', ''].join('\r\n');
    expect(headOf(text).keepsAlive).toBe(keepsAlive);
  });

  test.each([
    ['GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket'], true],
    ['GET / HTTP/1.1', ['Connection: keep-alive, upgrade', 'Upgrade: h2c, WebSocket'], true],
    ['GET / HTTP/1.1', ['Upgrade: websocket'], false],
    ['GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: h2c'], false],
    ['GET / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websockets'], false],
    ['GET / HTTP/1.1', ['Connection: Upgrade', 'Referer: websocket'], false],
    ['GET / HTTP/1.0', ['Connection: Upgrade', 'Upgrade: websocket'], false],
    ['POST / HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket'], false],
  ])('%s %j asks for a WebSocket: %p', (line, lines, isUpgrade) => {
    const text = [line, 'Host: x', ...lines, '', ''].join('\r\n');
    expect(headOf(text).isUpgradeToWebSocket).toBe(isUpgrade);
  });
});

describe('headers', () => {
  const head = headOf(
    withHeaders('X-A:  1 \t', 'x-a:2', 'Cookie: a=1', 'cookie: b=2', 'X-Raw: \xe9\xff\t!'),
  );

  test('are found in any case and joined', () => {
    expect(head.get('x-a')).toBe('1, 2');
    expect(head.get('X-A')).toBe('1, 2');
    expect(head.get('cookie')).toBe('a=1; b=2');
    expect(head.get('x')).toBeNull();
    expect(head.get('x-')).toBeNull();
  });

  test('are octets, as in Bun’s server', () => {
    expect(head.get('x-raw')).toBe('\xe9\xff\t!');
    expect(head.toHeaders().get('x-raw')).toBe('\xe9\xff\t!');
  });

  test('are walked line by line', () => {
    expect([...head.headerLines()]).toEqual([
      ['host', 'x'],
      ['x-a', '1'],
      ['x-a', '2'],
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
      ['x-raw', '\xe9\xff\t!'],
    ]);
    expect(Object.fromEntries(head.toHeaders())).toMatchObject({ cookie: 'a=1; b=2', host: 'x' });
  });

  test('may be empty', () => {
    const [, ...lines] = headOf(withHeaders('A:', 'B: ', 'C: \t ')).headerLines();
    expect(lines.map(([, value]) => value)).toEqual(['', '', '']);
  });
});

describe('what is left of a head that is held', () => {
  test.each(['GET', 'HEAD', 'POST', 'REPORT'])(
    'of %s: how it is answered, and nothing else',
    (method) => {
      const lines = ['Host: x', 'Connection: close', 'Cookie: a=b', 'Content-Length: 3'];
      for (const version of ['1.0', '1.1']) {
        const head = headOf([`${method} /a?b HTTP/${version}`, ...lines, '', ''].join('\r\n'));
        const { keepsAlive, minorVersion, expectsContinue } = head;
        const bare = head.bare();
        expect([bare.method, bare.target, [...bare.headerLines()]]).toEqual([method, '', []]);
        expect(bare.get('cookie')).toBeNull();
        expect(bare).toMatchObject({ keepsAlive, minorVersion, expectsContinue });
        expect(head.get('cookie')).toBe('a=b');
      }
    },
  );

  test('is one for all that are alike', () => {
    const [one, other] = [headOf(GET).bare(), headOf(withHeaders('A: b')).bare()];
    expect(one).toBe(other);
    expect(headOf(withHeaders('Connection: close')).bare()).not.toBe(one);
    expect(headOf('GET / HTTP/1.0\r\n\r\n').bare().minorVersion).toBe(0);
  });
});

describe('limits', () => {
  test.each([
    ['a head', withHeaders(`A: ${'x'.repeat(168)}`), 'head'],
    ['a head', withHeaders(`A: ${'x'.repeat(169)}`), 431],
    ['a head without an end', `GET / HTTP/1.1\r\nA: ${'x'.repeat(180)}`, 'incomplete'],
    ['a head without an end', `GET / HTTP/1.1\r\nA: ${'x'.repeat(181)}`, 431],
    ['the first line', `GET /${'x'.repeat(36)} HTTP/1.1\r\nHost: x\r\n\r\n`, 'head'],
    ['the first line', `GET /${'x'.repeat(37)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
    ['the first line without an end', 'x'.repeat(52), 'incomplete'],
    ['the first line without an end', 'x'.repeat(53), 414],
    ['lines', withHeaders('A: b', 'A: b', 'A: b', 'A: b', 'A: b'), 'head'],
    ['lines', withHeaders('A: b', 'A: b', 'A: b', 'A: b', 'A: b', 'A: b'), 431],
  ])('%s: %j', (_name, text, status) => {
    expect(statusOf(text)).toBe(status);
  });
});

describe('a part of a head', () => {
  test('needs more, whatever part it is', () => {
    for (let length = 0; length < GET.length; length++) {
      expect(answerTo(`\r\n${GET}`.slice(0, length)).kind).toBe('incomplete');
    }
  });

  test('is not looked at behind its end, nor before its start', () => {
    const bytes = Buffer.from(`\n\n${GET}${GET}`);
    const end = 2 + GET.length;
    expect(readRequestHead(bytes, 2, end - 1, LIMITS)).toEqual({
      kind: 'incomplete',
      searched: GET.length - 1,
    });
    expect(readRequestHead(bytes, 2, end, LIMITS, GET.length - 1).kind).toBe('head');
    expect(readRequestHead(bytes, end, bytes.byteLength, LIMITS)).toMatchObject({
      bytes: GET.length,
    });
  });

  test('is refused when it can no longer become a head', () => {
    expect(statusOf('GET / HTTP/1.1\n')).toBe(400);
    expect(statusOf('\x16\x03\x01')).toBe(400);
    expect(statusOf('\r\n\r\n\r')).toBe(400);
  });
});
