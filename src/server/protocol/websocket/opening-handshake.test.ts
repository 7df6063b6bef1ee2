import { describe, expect, test } from 'bun:test';
import { hash } from 'node:crypto';
import { acceptHead, acceptValue, type HeaderOf, judgeHandshake } from './opening-handshake.ts';

/** The key and the answer to it that RFC 6455, section 1.3, has. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

function sha1(text: string): string {
  return hash('sha1', text, 'base64');
}

function headers(changed: Readonly<Record<string, string | undefined>> = {}): HeaderOf {
  const all: Readonly<Record<string, string | undefined>> = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-version': '13',
    'sec-websocket-key': KEY,
    ...changed,
  };
  return (name) => all[name];
}

describe('a request', () => {
  test('as it should be', () => {
    expect(judgeHandshake(headers())).toEqual({ kind: 'valid', key: KEY });
    const spaced = headers({ 'sec-websocket-key': ` ${KEY}\t`, 'sec-websocket-version': ' 13 ' });
    expect(judgeHandshake(spaced)).toEqual({ kind: 'valid', key: KEY });
  });

  test.each([undefined, '', '8', '12', '14', '013', '13.0', '13, 13'])(
    'of version %p',
    (version) => {
      const judged = judgeHandshake(headers({ 'sec-websocket-version': version }));
      expect(judged).toMatchObject({ kind: 'refused', status: 426 });
    },
  );

  test.each([
    undefined,
    '',
    'dGhlIHNhbXBsZSBub25jZQ',
    'dGhlIHNhbXBsZSBub25jZQ=',
    'dGhlIHNhbXBsZSBub25jZR==',
    'dGhlIHNhbXBsZSBub25j',
    'dGhlIHNhbXBsZSBub25jZSEh',
    'dGhlIHNhbXBsZSBub25jZQ==\r\nX-Evil: 1',
    `${KEY}, ${KEY}`,
    'dGhl HNhbXBsZSBub25jZQ==',
  ])('with the key %p', (key) => {
    const judged = judgeHandshake(headers({ 'sec-websocket-key': key }));
    expect(judged).toMatchObject({ kind: 'refused', status: 400 });
  });
});

describe('the answer', () => {
  test('is what the RFC has for its key', () => {
    expect(acceptValue(KEY, sha1)).toBe(ACCEPT);
    expect(acceptHead(KEY, sha1)).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
    );
  });

  test('names a subprotocol and extensions only when told to', () => {
    const head = acceptHead(KEY, sha1, { protocol: 'chat', extensions: 'permessage-deflate' });
    expect(head).toEndWith(
      '\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n',
    );
  });
});
