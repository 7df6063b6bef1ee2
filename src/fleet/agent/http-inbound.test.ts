/** Streams and answers of polls become messages, however the network cuts them. */

import { describe, expect, test } from 'bun:test';
import { chunk, streamHead } from '../../../test/support/plain-server.ts';
import { ORDER } from '../../../test/support/swarm-run.ts';
import { type Client, Connection, type Gate, type Listener } from './connection.ts';
import { Inbound } from './inbound.ts';
import { Itinerary } from './itinerary.ts';

type Protocol = 'sse' | 'stream' | 'poll';

/** What arrives: a message with its bytes on the wire, or what else happens. */
type Event = readonly [string, number] | string;

class Recorder implements Gate, Listener {
  readonly events: Event[] = [];

  accepted(client: Client): void {
    client.data.phase = 'established';
    this.events.push('accepted');
  }

  beat(): void {
    this.events.push('beat');
  }

  polled(_client: Client, next: Uint8Array, isEmpty: boolean): void {
    const [line = ''] = Buffer.from(next).toString().split(' HTTP');
    this.events.push(`${line}${isEmpty ? ' after nothing' : ''}`);
  }

  frame: Listener['frame'] = (_client, bytes, at, wireBytes) => {
    this.events.push([bytes.toString('utf8', at.payloadStart, at.payloadEnd), wireBytes]);
  };

  misunderstood(client: Client, name: string): void {
    client.data.phase = 'over';
    this.events.push(name);
  }
}

function receiveAll(protocol: Protocol, chunks: readonly Buffer[]) {
  const recorder = new Recorder();
  const inbound = new Inbound(recorder, recorder);
  const mix = [{ protocol, weight: 1 }];
  const { target, codec } = new Itinerary({ ...ORDER, targets: ['http://h:1'], mix }).next();
  const connection = new Connection(1, codec, target, 0);
  connection.phase = 'asking';
  for (const bytes of chunks) {
    // The bytes of a socket are written over once they have been read.
    const received = Buffer.from(bytes);
    if (!isOver(connection)) inbound.receive({ data: connection } as Client, received);
    received.fill(0xff);
  }
  return { events: recorder.events, inbound, connection };
}

function isOver({ phase }: Connection): boolean {
  return phase === 'over';
}

const bytewise = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.of(byte));

/** What comes of the same bytes in one piece, byte by byte and cut at two places. */
function expectHoweverCut(protocol: Protocol, stream: Buffer, expected: readonly Event[]): void {
  expect(receiveAll(protocol, [stream]).events).toEqual([...expected]);
  const { events, inbound, connection } = receiveAll(protocol, bytewise(stream));
  expect(withoutSizes(events)).toEqual(withoutSizes(expected));
  expect([connection.partial, inbound.unfinished, inbound.heldBytes]).toEqual([undefined, 0, 0]);
  for (let first = 0; first <= stream.length; first += 3) {
    for (let second = first; second <= stream.length; second += 11) {
      const parts = [stream.subarray(0, first), stream.subarray(first, second)];
      const cut = receiveAll(protocol, [...parts, stream.subarray(second)]).events;
      if (!Bun.deepEquals(withoutSizes(cut), withoutSizes(expected))) {
        throw new Error(`cut at ${first} and ${second}: ${JSON.stringify(cut)}`);
      }
    }
  }
}

function withoutSizes(events: readonly Event[]): readonly string[] {
  return events.map((event) => (typeof event === 'string' ? event : event[0]));
}

describe('Server-Sent Events', () => {
  test('in chunks, with whatever else they hold', () => {
    const stream = [
      streamHead('sse'),
      chunk('retry: 2000\nid: AAAB\ndata: {"one":1}\n\n'),
      chunk(':\n\n'),
      chunk('data:two\n\ndata: three\n\n'),
      chunk('event: x\r\ndata: {"fo'),
      chunk('ur":'),
      chunk('4}\r\n\r'),
      chunk('\ndata: é\n'),
      chunk('data: more\n\n'),
      chunk('id: 9\n\n'),
    ];
    expectHoweverCut('sse', Buffer.from(stream.join('')), [
      'accepted',
      ['{"one":1}', 44],
      'beat',
      ['two', 16],
      ['three', 13],
      ['{"four":4}', 51],
      ['é\ndata: more', 26],
      'beat',
    ]);
  });

  test('without chunks, as servers of HTTP/1.0 send them', () => {
    const head = 'HTTP/1.0 200 OK\r\nContent-Type: text/event-stream;charset=utf-8\r\n\r\n';
    const stream = Buffer.from(`${head}data: one\n\n: beat\ndata: two\n\n`);
    expectHoweverCut('sse', stream, ['accepted', ['one', 11], 'beat', ['two', 11]]);
  });
});

describe('lines', () => {
  test('in chunks, empty ones as beats', () => {
    const chunks = ['{"one":1}\n', '\n', '{"two":2}\r\n{"three"', ':3}', '\n'].map(chunk);
    expectHoweverCut('stream', Buffer.from(streamHead('stream') + chunks.join('')), [
      'accepted',
      ['{"one":1}', 15],
      'beat',
      ['{"two":2}', 17],
      ['{"three":3}', 22],
    ]);
  });

  test('a line that is long and comes in many parts is put together', () => {
    const part = 'x'.repeat(10_000);
    const parts = Array.from({ length: 100 }, () => Buffer.from(chunk(part)));
    const all = [Buffer.from(streamHead('stream')), ...parts, Buffer.from(chunk('\n'))];
    const { events, inbound } = receiveAll('stream', all);
    expect(events).toEqual(['accepted', [part.repeat(100), 1_000_806]]);
    expect(inbound.heldBytes).toBe(0);
  });

  test('a line that never ends is not collected for ever', () => {
    const parts = Array.from({ length: 17 }, () => Buffer.from(chunk('x'.repeat(1_048_576))));
    const { events } = receiveAll('stream', [Buffer.from(streamHead('stream')), ...parts]);
    expect(events).toEqual(['accepted', 'not the protocol']);
  });
});

describe('an answer that is no stream', () => {
  test.each<[Protocol, string, string]>([
    ['sse', 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\r\n', 'HTTP 503'],
    ['sse', 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>', 'not the protocol'],
    ['stream', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'not the protocol'],
    ['stream', 'HTTP/1.1 401 Unauthorized\r\n\r\n', 'HTTP 401'],
    ['stream', 'SSH-2.0-OpenSSH_10\r\n', 'not the protocol'],
    ['stream', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}`, 'not the protocol'],
    ['poll', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', 'HTTP 404'],
    ['poll', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}', 'not the protocol'],
    ['poll', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n', 'not the protocol'],
  ])('%s: %j is %s', (protocol, text, name) => {
    const bytes = Buffer.from(text);
    expect(receiveAll(protocol, [bytes]).events).toEqual([name]);
    expect(receiveAll(protocol, bytewise(bytes)).events).toEqual([name]);
  });

  test.each([
    ['ends', '0\r\n\r\n', 'stream ended'],
    ['ends with trailers', '0\r\nA: b\r\n\r\n', 'stream ended'],
    ['has a size that is none', 'zz\r\n', 'not the protocol'],
    ['has a size without an end', 'f'.repeat(300), 'not the protocol'],
    ['has a chunk that is too long', 'fffffffff\r\n', 'not the protocol'],
    ['has a chunk longer than its size', '1\r\nabc\r\n', 'not the protocol'],
  ])('one that %s is over', (_what, more, name) => {
    const stream = Buffer.from(streamHead('stream') + chunk('a\n') + more);
    expect(withoutSizes(receiveAll('stream', [stream]).events)).toEqual(['accepted', 'a', name]);
  });

  test('what only announces it is passed over', () => {
    const stream = Buffer.from(`HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n${streamHead('stream')}`);
    expectHoweverCut('stream', stream, ['accepted']);
  });
});

describe('answers of polls', () => {
  const answer = (body: string): string =>
    `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const chunked = (...parts: readonly string[]): string =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${parts.map(chunk).join('')}0\r\n\r\n`;
  const envelope = (position: string, ...messages: readonly string[]): string =>
    `{"session":"A","position":"${position}","messages":[${messages.join(',')}]}`;

  test('each message counts, and the next poll names the position', () => {
    const tricky = '{"a":"}\\"]{","b":[{"c":{}}]}';
    const stream = [
      answer(envelope('A.1', '{"one":1}')),
      answer(envelope('A.3', tricky, '{"é":2}')),
      answer(envelope('A.3')),
      answer(`{ "session": "A", "position": "A.4", "messages": [ {"x":1} , {"y":2} ] }\n`),
    ];
    expectHoweverCut('poll', Buffer.from(stream.join('')), [
      'accepted',
      ['{"one":1}', 92],
      'GET /poll?since=A.1',
      [tricky, 111],
      ['{"é":2}', 9],
      'GET /poll?since=A.3',
      'GET /poll?since=A.3 after nothing',
      ['{"x":1}', 97],
      ['{"y":2}', 10],
      'GET /poll?since=A.4',
    ]);
  });

  test('in chunks, one or several', () => {
    const whole = envelope('A.1', '{"one":1}');
    const stream = [chunked(whole), chunked(whole.slice(0, 20), whole.slice(20)), chunked()];
    expectHoweverCut('poll', Buffer.from(stream.join('')), [
      'accepted',
      ['{"one":1}', 111],
      'GET /poll?since=A.1',
      ['{"one":1}', 117],
      'GET /poll?since=A.1',
      'GET /poll after nothing',
    ]);
  });

  test('without the envelope a body is one message, and none is none', () => {
    const nothing = 'HTTP/1.1 304 Not Modified\r\nETag: 2\r\n\r\n';
    const stream = Buffer.from(answer('{"hello":1}') + nothing + answer(''));
    expectHoweverCut('poll', stream, [
      'accepted',
      ['{"hello":1}', 50],
      'GET /poll',
      'GET /poll after nothing',
      'GET /poll after nothing',
    ]);
  });

  test.each([
    ['that do not end', '{"position":"A.1","messages":[{"a":1}'],
    ['that are no objects', '{"position":"A.1","messages":["a"]}'],
    ['with a string that does not end', '{"messages":[{"a":"]}'],
  ])('with messages %s are not the protocol', (_what, body) => {
    expect(receiveAll('poll', [Buffer.from(answer(body))]).events.at(-1)).toBe('not the protocol');
  });
});
