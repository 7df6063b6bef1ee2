import { describe, expect, test } from 'bun:test';
import { type ClientCodec, timesIn } from './client-protocol.ts';
import { createCodec } from './codecs.ts';
import { placeOf } from './place.ts';
import { Requests } from './requests.ts';
import { ServerTimes } from './server-times.ts';
import { AnswerHead } from './wire/answer-head.ts';
import { OPCODE_TEXT } from './wire/client-frame.ts';

const socketIo = createCodec('socket-io', undefined);
const websocket = createCodec('websocket', undefined);

describe('Socket.IO v5 over Engine.IO v4', () => {
  test.each([
    ['0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}', 'open'],
    ['40{"sid":"b"}', 'established'],
    ['40', 'established'],
    [`0{"sid":"${'x'.repeat(5_000)}"}`, 'invalid'],
    ['42["news",1]', 'delivery'],
    ['4213["wants an ack"]', 'delivery'],
    ['451-["file",{"_placeholder":true,"num":0}]', 'delivery'],
    ['430[]', 'answer'],
    ['430["done"]', 'answer'],
    ['461-0[{"_placeholder":true,"num":0}]', 'answer'],
    ['44{"message":"no"}', 'refused'],
    ['41', 'ended'],
    ['1', 'ended'],
    ['2', 'ping'],
    ['2probe', 'ping'],
    ['6', 'other'],
    ['3', 'other'],
    ['hello', 'invalid'],
    ['', 'invalid'],
    ['7', 'invalid'],
    ['4', 'invalid'],
    ['4x', 'invalid'],
    ['47', 'invalid'],
    ['{"json":true}', 'invalid'],
  ] as const)('%p is %s', (text, meaning) => {
    expect(meaningOf(socketIo, text)).toBe(meaning);
  });

  test('what stands around a message changes nothing', () => {
    const bytes = Buffer.from('42["a"]40{}2');
    expect(socketIo.meaning(bytes, 7, 11)).toBe('established');
    expect(socketIo.meaning(bytes, 11, 12)).toBe('ping');
    expect(socketIo.meaning(bytes, 7, 8)).toBe('invalid');
  });

  test.each([
    ['ws://h:1', '/socket.io/?EIO=4&transport=websocket'],
    ['ws://h:1/', '/socket.io/?EIO=4&transport=websocket'],
    ['ws://h:1/live/', '/live/?EIO=4&transport=websocket'],
    ['ws://h:1/live/?room=7', '/live/?room=7&EIO=4&transport=websocket'],
    ['ws://h:1/?EIO=3&transport=polling', '/socket.io/?EIO=4&transport=websocket'],
  ])('asks %s for %s', (target, path) => {
    expect(socketIo.requestPath(placeOf(target))).toBe(path);
  });

  test.each([
    ['0{"sid":"a","pingInterval":25000,"pingTimeout":20000}', 45_000],
    ['0{"sid":"é","pingInterval":300,"pingTimeout":0}', 300],
    ['0{"sid":"a","pingInterval":25000}', Number.POSITIVE_INFINITY],
    ['0{"pingInterval":0,"pingTimeout":0}', Number.POSITIVE_INFINITY],
    ['0{"pingInterval":"x","pingTimeout":{}}', Number.POSITIVE_INFINITY],
    ['0null', Number.POSITIVE_INFINITY],
    ['0', Number.POSITIVE_INFINITY],
    ['0{"sid":', Number.POSITIVE_INFINITY],
  ])('%s: a ping is due within %d ms', (text, withinMs) => {
    const bytes = Buffer.from(`..${text}.`);
    const { pingIntervalMs, pingTimeoutMs } = timesIn(bytes, 3, bytes.length - 1);
    const times = new ServerTimes(false);
    times.told(pingIntervalMs, pingTimeoutMs);
    expect(times.withinMs).toBe(withinMs);
  });

  test('the session opens only with CONNECT, which carries the payload and the number', () => {
    expect(socketIo.isEstablishedByAnswer).toBe(false);
    expect(textOf(socketIo.connectFrame?.(7))).toBe('40');
    const codec = createCodec('socket-io', '{"user":"u{n}","again":{n}}');
    expect(textOf(codec.connectFrame?.(31))).toBe('40{"user":"u31","again":31}');
  });

  test('a ping of the server is answered with a pong packet', () => {
    expect(textOf(socketIo.pongFrame)).toBe('3');
  });

  test('an echo is an event that asks for an ack', () => {
    const frame = socketIo.echoFrame({ perSecond: 1, event: 'say "it"', payloadBytes: 5 }, false);
    const [, head = '', json = ''] = /^(42\d+)(.*)$/.exec(textOf(frame)) ?? [];
    expect(head).toMatch(/^42\d+$/);
    expect(JSON.parse(json)).toEqual(['say "it"', '.....']);
  });
});

describe('the plain protocol, and servers without any', () => {
  test.each([
    ['{"type":"connect","session":"A","pingInterval":1,"pingTimeout":1}', 'welcome'],
    ['{"type":"event","event":"goal","args":[2]}', 'delivery'],
    ['{"type":"ack","id":1,"args":[]}', 'answer'],
    ['{"type":"error","reason":"badRequest","message":""}', 'refused'],
    ['{"type":"pong"}', 'other'],
    ['{"type":"disconnect","reason":"server shutting down","retry":2000}', 'ended'],
    ['{"type":"something else"}', 'delivery'],
    ['{"type":"connect', 'delivery'],
    ['{"type":"', 'delivery'],
    ['{"event":"x"}', 'delivery'],
    ['', 'delivery'],
    ['2', 'delivery'],
    ['hello', 'delivery'],
  ] as const)('%p is %s', (text, meaning) => {
    expect(websocket.isEstablishedByAnswer).toBe(true);
    expect(meaningOf(websocket, text)).toBe(meaning);
  });

  test.each([
    ['websocket', 'http://h:1', '/ws'],
    ['websocket', 'ws://h:1?room=a', '/ws?room=a'],
    ['websocket', 'ws://h:1/', '/'],
    ['websocket', 'ws://h:1/a/b?c=d&e', '/a/b?c=d&e'],
    ['sse', 'http://h:1', '/sse'],
    ['sse', 'https://h?room=a&room=b', '/sse?room=a&room=b'],
    ['poll', 'http://h:1', '/poll'],
    ['poll', 'http://h:1/live/poll?room=a', '/live/poll?room=a'],
    ['stream', 'http://h:1', '/poll?stream=1'],
    ['stream', 'http://h:1/poll?room=a', '/poll?room=a&stream=1'],
    ['stream', 'http://h:1/poll?stream=2', '/poll?stream=2'],
  ] as const)('%s asks %s for %s', (protocol, target, path) => {
    expect(createCodec(protocol, undefined).requestPath(placeOf(target))).toBe(path);
  });

  test('what sessions present stands in the query, with their numbers', () => {
    const codec = createCodec('sse', '{"user":"ü{n}","again":{n}}');
    const line = (target: string): string =>
      requestText(new Requests(placeOf(target), codec).first(31)).split('\r\n')[0] ?? '';
    const [, query = ''] = /^GET \/sse\?(\S+) HTTP\/1\.1$/.exec(line('http://h?room=a')) ?? [];
    expect(Object.fromEntries(new URLSearchParams(query))).toEqual({
      room: 'a',
      auth: '{"user":"ü31","again":31}',
    });
    expect(line('http://h/sse?auth=x')).toBe('GET /sse?auth=x HTTP/1.1');
  });

  test.each([0, 1, 1_000, 32_768])('an echo of %d bytes has that many', (payloadBytes) => {
    const echo = { perSecond: 1, event: 'say', payloadBytes };
    const text = '.'.repeat(payloadBytes);
    expect(textOf(websocket.echoFrame(echo, false))).toBe(text);
    expect(JSON.parse(textOf(websocket.echoFrame(echo, true)))).toEqual({
      type: 'event',
      event: 'say',
      args: [text],
      id: 0,
    });
  });
});

describe('the next poll', () => {
  const requests = new Requests(
    placeOf('http://h:1?room=a'),
    createCodec('poll', '{"user":"{n}"}'),
  );
  const headOf = (fields: string): AnswerHead => {
    const head = new AnswerHead();
    head.read(Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\n`), 0);
    return head;
  };

  test('names the position that the answer told, and nothing else', () => {
    const request = requestText(requests.again('AAAB-_x.3', headOf('ETag: 7\r\n')));
    expect(request).toBe('GET /poll?since=AAAB-_x.3 HTTP/1.1\r\nHost: h:1\r\n\r\n');
    expect(requestText(requests.again('AAAB-_x.4', headOf('')))).toContain('since=AAAB-_x.4 ');
  });

  test('without a position repeats what the answer says of itself', () => {
    const modified = 'Tue, 01 Dec 2026 00:00:00 GMT';
    const fields = `ETag: 7\r\nLast-Modified: ${modified}\r\n`;
    expect(requestText(requests.again(undefined, headOf(fields)))).toBe(
      `GET /poll?room=a HTTP/1.1\r\nHost: h:1\r\nIf-Modified-Since: ${modified}\r\n` +
        'If-None-Match: 7\r\n\r\n',
    );
    expect(requestText(requests.again(undefined, headOf('')))).toBe(
      'GET /poll?room=a HTTP/1.1\r\nHost: h:1\r\n\r\n',
    );
  });
});

function requestText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function meaningOf(codec: ClientCodec, text: string): string {
  const bytes = Buffer.from(`<${text}>`);
  return codec.meaning(bytes, 1, bytes.length - 1);
}

/** The text of one masked frame. */
function textOf(frame: Uint8Array | undefined): string {
  if (frame === undefined) throw new Error('there is no frame');
  expect(frame[0]).toBe(0x80 | OPCODE_TEXT);
  const start = (frame[1]! & 0x7f) < 126 ? 6 : 8;
  const key = frame.subarray(start - 4, start);
  const payload = frame.slice(start).map((byte, index) => byte ^ key[index % 4]!);
  return new TextDecoder().decode(payload);
}
