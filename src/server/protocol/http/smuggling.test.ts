/**
 * Attacks from public research on request smuggling (watchfire 2005, PortSwigger's "HTTP Desync
 * Attacks" and those that followed it, the TE.TE mutations of smuggler, the chunk line tricks of
 * 2025), each against the verdict that llhttp gives without leniency, or a stricter one.
 */

import { describe, expect, test } from 'bun:test';
import { HttpRequests, type Seen } from '../../../../test/support/http-requests.ts';

const SMUGGLED = 'GET /admin HTTP/1.1\r\nHost: x\r\n\r\n';

function seen(text: string): Seen[] {
  return HttpRequests.of(Buffer.from(text, 'latin1'));
}

/** The status of the fault that ends it all, before any request was taken. */
function refusal(text: string): number | Seen | undefined {
  const [first] = seen(text);
  return typeof first === 'object' && 'fault' in first ? first.fault : first;
}

function post(...lines: string[]): string {
  return ['POST / HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n');
}

function chunked(body: string): string {
  return post('Transfer-Encoding: chunked') + body;
}

describe('two lengths', () => {
  test.each([
    ['CL.TE', post('Content-Length: 6', 'Transfer-Encoding: chunked')],
    ['TE.CL', post('Transfer-Encoding: chunked', 'Content-Length: 4')],
    ['CL.TE with nothing to read', post('Content-Length: 0', 'Transfer-Encoding: chunked')],
    ['CL.TE in any case', post('content-length: 6', 'TRANSFER-ENCODING: CHUNKED')],
    ['other lengths', post('Content-Length: 8', 'Content-Length: 7')],
    ['the same length twice', post('Content-Length: 5', 'Content-Length: 5')],
    ['no length first', post('Content-Length: 0', 'Content-Length: 44')],
    ['lengths in a list', post('Content-Length: 5, 5')],
    ['other lengths in a list', post('Content-Length: 0, 44')],
    ['an empty one first', post('Content-Length:', 'Content-Length: 44')],
    ['HTTP/1.0', 'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ])('%s', (_name, head) => {
    expect(refusal(`${head}0\r\n\r\n${SMUGGLED}`)).toBe(400);
  });
});

describe('a length that is no number', () => {
  test.each([
    '+5',
    '-5',
    '5 5',
    '5\t5',
    '0x5',
    '5.0',
    '5e0',
    '5;',
    '"5"',
    "'5'",
    '5a',
    '5_0',
    ',5',
    '5,',
    '',
    ' ',
    '\xb2',
    '\xa05',
    '5\xa0',
    '\x0b5',
    '5\x0c',
    '5\0',
    '9007199254740992',
    '18446744073709551621',
    '99999999999999999999999999999999',
    'NaN',
    'Infinity',
  ])('%j', (length) => {
    expect(refusal(`${post(`Content-Length: ${length}`)}12345${SMUGGLED}`)).toBe(400);
  });
});

describe('a transfer coding in disguise', () => {
  test.each([
    [400, ' Transfer-Encoding: chunked'],
    [400, '\tTransfer-Encoding: chunked'],
    [400, 'Transfer-Encoding : chunked'],
    [400, 'Transfer-Encoding\t: chunked'],
    [400, 'Transfer-Encoding\x0b: chunked'],
    [400, 'Transfer-Encoding\0: chunked'],
    [400, 'Transfer Encoding: chunked'],
    [400, 'Transfer-Encoding chunked'],
    [400, 'Transfer-Encoding'],
    [400, '"Transfer-Encoding": chunked'],
    [400, 'Transfer-Encoding\xff: chunked'],
    [400, '\xffTransfer-Encoding: chunked'],
    [400, 'Foo: bar\rTransfer-Encoding: chunked'],
    [400, 'Foo: bar\nTransfer-Encoding: chunked'],
    [400, 'Foo: bar\n\rTransfer-Encoding: chunked'],
    [400, 'Foo:\nTransfer-Encoding: chunked'],
    [400, 'Transfer-Encoding\r\n: chunked'],
    [501, 'Transfer-Encoding:\r\n chunked'],
    [400, 'Transfer-Encoding:\n chunked'],
    [400, 'Transfer-Encoding: chunked\r\n , identity'],
    [400, 'Transfer-Encoding:\x0bchunked'],
    [400, 'Transfer-Encoding: \x0bchunked'],
    [400, 'Transfer-Encoding: chunked\x0b'],
    [400, 'Transfer-Encoding:\x0cchunked'],
    [400, 'Transfer-Encoding: chunked\0'],
    [400, 'Transfer-Encoding: \0chunked'],
    [400, 'Transfer-Encoding: chunked\x08'],
    [400, 'Transfer-Encoding: chunked\x7f'],
    [400, 'Transfer-Encoding: chunked\r'],
    [400, 'Transfer-Encoding:\rchunked'],
    [400, 'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow'],
    [400, 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
    [501, 'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked'],
    [501, 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked'],
    [501, 'Transfer-Encoding: chunked\xa0'],
    [501, 'Transfer-Encoding: \xa0chunked'],
    [501, 'Transfer-Encoding: \x85chunked'],
    [501, 'Transfer-Encoding: xchunked'],
    [501, 'Transfer-Encoding: chunk'],
    [501, 'Transfer-Encoding: chunkedchunked'],
    [501, 'Transfer-Encoding: "chunked"'],
    [501, "Transfer-Encoding: 'chunked'"],
    [501, 'Transfer-Encoding: chunked, chunked'],
    [501, 'Transfer-Encoding: chunked, identity'],
    [501, 'Transfer-Encoding: identity, chunked'],
    [501, 'Transfer-Encoding: gzip, chunked'],
    [501, 'Transfer-Encoding: gzip'],
    [501, 'Transfer-Encoding: identity'],
    [501, 'Transfer-Encoding: ,chunked'],
    [501, 'Transfer-Encoding: chunked,'],
    [501, 'Transfer-Encoding: chunked;q=1'],
    [501, 'Transfer-Encoding: chunked chunked'],
    [501, 'Transfer-Encoding: Transfer-Encoding: chunked'],
    // The Kelvin sign is a k to who lowers its case by Unicode; here are its octets.
    [501, 'Transfer-Encoding: chun\xe2\x84\xaaed'],
    [501, 'Transfer-Encoding:'],
  ])('%d for %j', (status, line) => {
    expect(refusal(`${post(line)}0\r\n\r\n${SMUGGLED}`)).toBe(status);
  });

  test.each([
    'Transfer-Encoding: chunked',
    'Transfer-Encoding:chunked',
    'Transfer-Encoding:\tchunked',
    'Transfer-Encoding:   chunked \t ',
    'tRANSFER-eNCODING: cHuNkEd',
  ])('none in %j', (line) => {
    const requests = seen(`${post(line)}2\r\nab\r\n0\r\n\r\n${SMUGGLED}`);
    expect(requests).toMatchObject([{ method: 'POST', body: 'ab' }, { target: '/admin' }, 'end']);
  });

  test.each(['Transfer_Encoding: chunked', 'Content-Encoding: chunked', 'X-Transfer-Encoding: x'])(
    'a header of its own is %j',
    (line) => {
      const requests = seen(post(line, 'Content-Length: 5') + '0\r\n\r\n');
      expect(requests).toMatchObject([{ body: '0\r\n\r\n' }, 'end']);
    },
  );
});

describe('chunks that end otherwise', () => {
  test.each([
    ['a line feed after the size', '5\nhello\r\n0\r\n\r\n'],
    ['a line feed after the data', '5\r\nhello\n0\r\n\r\n'],
    ['a line feed at the end', '0\n\n'],
    ['a line feed after the last chunk', '0\r\n\n'],
    ['a carriage return after the size', '5\rhello\r\n0\r\n\r\n'],
    ['two carriage returns', '5\r\r\nhello\r\n0\r\n\r\n'],
    ['two carriage returns and an extension', '5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n'],
    ['no line end after the data', '5\r\nhello0\r\n\r\n'],
    ['more data than announced', '5\r\nhello!\r\n0\r\n\r\n'],
    ['less data than announced', '5\r\nhell\r\n0\r\n\r\n'],
    ['another octet for a carriage return', '5\r\nhelloX\n0\r\n\r\n'],
    ['another octet for a line feed', '5\r\nhello\rX0\r\n\r\n'],
    ['two octets for a line end, whichever', '5\r\nhelloXX0\r\n\r\n'],
    ['an extension with a line feed', '5;a\nhello\r\n0\r\n\r\n'],
    ['an extension with a carriage return', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
    ['a quoted extension with a line end', '5;a="\n"\r\nhello\r\n0\r\n\r\n'],
    ['an extension with NUL', '5;a\0\r\nhello\r\n0\r\n\r\n'],
    ['no size', '\r\nhello\r\n0\r\n\r\n'],
    ['an extension alone', ';a=b\r\nhello\r\n0\r\n\r\n'],
    ['a space after the size', '5 \r\nhello\r\n0\r\n\r\n'],
    ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['a tab before the extension', '5\t;a\r\nhello\r\n0\r\n\r\n'],
    ['a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['a minus', '-5\r\nhello\r\n0\r\n\r\n'],
    ['a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['an underscore', '0_5\r\nhello\r\n0\r\n\r\n'],
    ['a digit of another alphabet', '\xb5\r\nhello\r\n0\r\n\r\n'],
    ['a g', 'g\r\nhello\r\n0\r\n\r\n'],
    ['a size past 2 to the 53', '20000000000000\r\nhello\r\n0\r\n\r\n'],
    ['a size past 2 to the 64', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
    ['a size that never ends', `${'0'.repeat(5000)}5\r\nhello\r\n0\r\n\r\n`],
    ['an extension that never ends', `5;${'a'.repeat(5000)}`],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a trailer without a colon', '0\r\nabc\r\n\r\n'],
    ['a trailer with a space before its colon', '0\r\nabc : d\r\n\r\n'],
    ['a trailer with a line feed', '0\r\na: b\n\r\n\r\n'],
    ['a request for a trailer', '0\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('%s', (_name, body) => {
    expect(refusal(`${chunked(body)}${SMUGGLED}`)).toBe(400);
  });

  test('a small framing around every byte is read, a large one is not', () => {
    expect(seen(chunked('1\r\na\r\n'.repeat(500) + '0\r\n\r\n'))).toMatchObject([
      { body: 'a'.repeat(500) },
      'end',
    ]);
    const framed = `1;${'x'.repeat(60)}\r\na\r\n`.repeat(500);
    expect(refusal(chunked(framed))).toBe(400);
  });

  test('trailers set nothing', () => {
    const requests = seen(`${chunked('0\r\nContent-Length: 9\r\nHost: y\r\n\r\n')}${SMUGGLED}`);
    expect(requests).toMatchObject([{ body: '' }, { target: '/admin' }, 'end']);
    expect(requests[0]).toHaveProperty('headers', [
      ['host', 'x'],
      ['transfer-encoding', 'chunked'],
    ]);
  });

  test('trailers are bounded', () => {
    expect(refusal(chunked(`0\r\n${'a: b\r\n'.repeat(100)}`))).toBe(431);
  });
});

describe('heads that end otherwise', () => {
  test.each([
    [400, 'GET / HTTP/1.1\nHost: x\n\n'],
    [400, 'GET / HTTP/1.1\r\nHost: x\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: x\r\n\n'],
    [400, 'GET / HTTP/1.1\r\nHost: x\r\rGET /admin HTTP/1.1\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: x\r\n\rGET /admin HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET / HTTP/1.1\rHost: x\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\n Host: x\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: x\r\nname\r\n : value\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: x\r\n: value\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: x\r\nFo@: value\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n'],
    [400, 'GET / HTTP/1.1\r\nHost: x\r\nA: \x1b[0m\r\n\r\n'],
    [400, '\nGET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, '\rGET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, ' GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET  / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET /  HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET / HTTP/1.1 \r\nHost: x\r\n\r\n'],
    [400, 'GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET /\x0bHTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET / HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET /\r\n\r\n'],
    [400, 'GET  HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET x HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET * HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, 'G:T / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    [400, 'GET / http/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET / HTTPS/1.1\r\nHost: x\r\n\r\n'],
    [400, 'GET / HTTP/1,1\r\nHost: x\r\n\r\n'],
    [400, 'GET / HTTP/11\r\nHost: x\r\n\r\n'],
    [400, 'GET / HTTP/1.10\r\nHost: x\r\n\r\n'],
    [400, 'GET / ICE/1.0\r\nHost: x\r\n\r\n'],
    [400, 'GET / HTTP/+1.1\r\nHost: x\r\n\r\n'],
    [505, 'GET / HTTP/1.2\r\nHost: x\r\n\r\n'],
    [505, 'GET / HTTP/0.9\r\nHost: x\r\n\r\n'],
    [505, 'GET / HTTP/9.9\r\nHost: x\r\n\r\n'],
    [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('%d for %j', (status, text) => {
    expect(refusal(text)).toBe(status);
  });
});

describe('which host', () => {
  test.each([
    'GET / HTTP/1.1\r\nA: b\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost : x\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x, y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x/y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x@y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x:80@y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x:y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x?y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\\y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n',
    'GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET http://x:81/ HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET https://x/ HTTP/1.1\r\nHost: x:80\r\n\r\n',
    'GET http://y@x/ HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET http:///x HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET file://x/ HTTP/1.1\r\nHost: x\r\n\r\n',
  ])('%j has none, or two', (text) => {
    expect(refusal(text)).toBe(400);
  });
});

describe('what comes after', () => {
  test('a body by its length is not read as a request', () => {
    const requests = seen(post(`Content-Length: ${SMUGGLED.length}`) + SMUGGLED);
    expect(requests).toMatchObject([{ body: SMUGGLED }, 'end']);
  });

  test('GET with a body has one (CL.0)', () => {
    const text = `GET / HTTP/1.1\r\nHost: x\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`;
    expect(seen(text + SMUGGLED)).toMatchObject([{ body: SMUGGLED }, 'end']);
  });

  test('an upgrade with a body is none', () => {
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 3'];
    const text = ['GET / HTTP/1.1', 'Host: x', ...upgrade, '', ''].join('\r\n');
    expect(seen(`${text}abc${SMUGGLED}`)).toMatchObject([{ body: 'abc' }, {}, 'end']);
  });

  test.each([
    'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\nConnection: foo,\tClose ,\r\n\r\n',
  ])('nothing after %j', (text) => {
    expect(seen(text + SMUGGLED).slice(1)).toEqual(['closed']);
  });
});
