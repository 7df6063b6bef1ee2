/** Received bytes become messages, however the network cuts them. */

import { describe, expect, test } from 'bun:test';
import { ORDER, WEBSOCKET } from '../../../test/support/swarm-run.ts';
import { upgradeAnswer, upgradeKeyOf, wireFrame } from '../../../test/support/wire-frame.ts';
import { type Client, Connection, type Gate, type Listener, wayOf } from './connection.ts';
import { Inbound } from './inbound.ts';
import { Itinerary } from './itinerary.ts';
import { OPCODE_BINARY, OPCODE_CLOSE, OPCODE_PING, OPCODE_TEXT } from './wire/client-frame.ts';

const { codec, target } = new Itinerary({ ...ORDER, ...WEBSOCKET }).next();
const REQUEST = wayOf(new Connection(0, codec, target, 0)).requests.first(0);
const KEY = upgradeKeyOf(Buffer.from(REQUEST).toString());
const ANSWER = upgradeAnswer(KEY);

/** What arrives: opcode, text, bytes on the wire; or what went wrong. */
type Event = readonly [number, string, number] | string;

class Recorder implements Gate, Listener {
  readonly events: Event[] = [];

  accepted(client: Client): void {
    client.data.phase = 'established';
    this.events.push('upgraded');
  }

  beat(): void {
    this.events.push('beat');
  }

  polled(): void {
    this.events.push('polled');
  }

  frame: Listener['frame'] = (_client, bytes, at, wireBytes) => {
    const text = bytes.toString('utf8', at.payloadStart, at.payloadEnd);
    this.events.push([at.opcode, text, wireBytes]);
  };

  misunderstood(client: Client, name: string): void {
    client.data.phase = 'over';
    this.events.push(name);
  }
}

describe('a stream of whole and split messages', () => {
  const long = 'é'.repeat(70);
  const stream = Buffer.concat([
    ANSWER,
    wireFrame(OPCODE_TEXT, 'one'),
    wireFrame(OPCODE_PING, 'are you there'),
    wireFrame(OPCODE_TEXT, 'be', { isFinal: false }),
    wireFrame(0, 'gin', { isFinal: false }),
    wireFrame(OPCODE_PING, ''),
    wireFrame(0, '', { isFinal: false }),
    wireFrame(0, 'ning'),
    wireFrame(OPCODE_BINARY, long),
    wireFrame(OPCODE_BINARY, 'a', { isFinal: false }),
    wireFrame(0, 'b'),
    wireFrame(OPCODE_TEXT, ''),
    wireFrame(OPCODE_CLOSE, '\u0003\u0033'),
  ]);
  const expected: readonly Event[] = [
    'upgraded',
    [OPCODE_TEXT, 'one', 5],
    [OPCODE_PING, 'are you there', 15],
    [OPCODE_PING, '', 2],
    [OPCODE_TEXT, 'beginning', 17],
    [OPCODE_BINARY, long, 144],
    [OPCODE_BINARY, 'ab', 6],
    [OPCODE_TEXT, '', 2],
    [OPCODE_CLOSE, '\u0003\u0033', 4],
  ];

  test('is the same in one piece and byte by byte', () => {
    expect(eventsOf([stream])).toEqual(expected);
    expect(eventsOf([...stream].map((byte) => Buffer.of(byte)))).toEqual(expected);
  });

  test('is the same cut at any two places', () => {
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second += 7) {
        const parts = [[0, first] as const, [first, second] as const, [second] as const];
        const events = eventsOf(parts.map(([from, to]) => stream.subarray(from, to)));
        if (!Bun.deepEquals(events, expected)) throw new Error(`cut at ${first} and ${second}`);
      }
    }
  });

  test('nothing of it is kept once it is complete', () => {
    const { connection, inbound } = receiveAll([...stream].map((byte) => Buffer.of(byte)));
    expect(connection.partial).toBeUndefined();
    expect(inbound.unfinished).toBe(0);
  });

  test('the bytes received may be written over as soon as they have been read', () => {
    const recorder = new Recorder();
    const inbound = new Inbound(recorder, recorder);
    const client = clientOf();
    for (let from = 0; from < stream.length; from += 3) {
      const part = Buffer.from(stream.subarray(from, from + 3));
      inbound.receive(client, part);
      part.fill(0xff);
    }
    expect(recorder.events).toEqual([...expected]);
  });
});

describe('what breaks the protocol of WebSocket', () => {
  test.each([
    ['a masked frame', [wireFrame(OPCODE_TEXT, 'x', { isMasked: true })]],
    ['a frame without end', [Buffer.from([0x81, 127, 0x7f, 0, 0, 0, 0, 0, 0, 0])]],
    ['a continuation of nothing', [wireFrame(0, 'x')]],
    [
      'a message within another',
      [wireFrame(OPCODE_TEXT, 'x', { isFinal: false }), wireFrame(OPCODE_TEXT, 'y')],
    ],
    ['a reserved bit', [Buffer.from([0xc1, 1, 0x61])]],
  ])('%s ends it, and nothing after it is read', (_what, frames) => {
    const events = eventsOf([ANSWER, ...frames, wireFrame(OPCODE_TEXT, 'more')]);
    expect(events).toEqual(['upgraded', 'not the protocol']);
  });

  test('a message in parts that never ends is not collected for ever', () => {
    const recorder = new Recorder();
    const inbound = new Inbound(recorder, recorder);
    const client = clientOf();
    inbound.receive(client, ANSWER);
    inbound.receive(client, wireFrame(OPCODE_TEXT, '', { isFinal: false }));
    const part = wireFrame(0, 'x'.repeat(1_048_576), { isFinal: false });
    for (let i = 0; i < 17; i++) inbound.receive(client, part);
    expect(recorder.events).toEqual(['upgraded', 'not the protocol']);
    inbound.forget(client.data);
    expect(inbound.unfinished).toBe(0);
  });

  test('a connection that ends within a message leaves nothing', () => {
    const { connection, inbound } = receiveAll([
      ANSWER,
      wireFrame(OPCODE_TEXT, 'x', { isFinal: false }),
      Buffer.from([0x80]),
    ]);
    expect(inbound.unfinished).toBe(1);
    expect(connection.partial).toEqual(Buffer.from([0x80]));
    inbound.forget(connection);
    expect(inbound.unfinished).toBe(0);
    expect(connection.partial).toBeUndefined();
  });
});

describe('the answer to the upgrade', () => {
  test.each([
    ['with other headers and letters', ANSWER.toString().replace('Upgrade:', 'uPGRADE:')],
    ['with a header before', ANSWER.toString().replace('\r\n', '\r\nServer: x\r\n')],
  ])('%s is taken', (_what, text) => {
    expect(eventsOf([Buffer.from(text)])).toEqual(['upgraded']);
  });

  test.each([
    ['HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\nfull', 'HTTP 503'],
    ['HTTP/1.0 404 Not Found\r\n\r\n', 'HTTP 404'],
    ['HTTP/1.1 400\r\n\r\n', 'HTTP 400'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'HTTP 200'],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'not the protocol'],
    [upgradeAnswer('AAAAAAAAAAAAAAAAAAAAAA==').toString(), 'not the protocol'],
    ['SSH-2.0-OpenSSH_10\r\n', 'not the protocol'],
    ['HTTP/2 200\r\n\r\n', 'not the protocol'],
    ['HTTP/1.1 twohundred\r\n\r\n', 'not the protocol'],
    ['\0\0\0', 'not the protocol'],
  ])('%j is %s, in one piece and byte by byte', (text, name) => {
    const bytes = Buffer.from(text);
    expect(eventsOf([bytes])).toEqual([name]);
    expect(eventsOf([...bytes].map((byte) => Buffer.of(byte)))).toEqual([name]);
  });

  test('one that never ends is none', () => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}`);
    expect(eventsOf([bytes])).toEqual(['not the protocol']);
    expect(eventsOf([...bytes].map((byte) => Buffer.of(byte)))).toEqual(['not the protocol']);
  });
});

function eventsOf(chunks: readonly Buffer[]): readonly Event[] {
  return receiveAll(chunks).recorder.events;
}

function receiveAll(chunks: readonly Buffer[]) {
  const recorder = new Recorder();
  const inbound = new Inbound(recorder, recorder);
  const client = clientOf();
  for (const chunk of chunks) {
    if (client.data.phase !== 'over') inbound.receive(client, chunk);
  }
  return { recorder, inbound, connection: client.data };
}

/** The reader needs no more of a socket than its connection. */
function clientOf(): Client {
  const connection = new Connection(1, codec, target, 0);
  connection.phase = 'asking';
  return { data: connection } as unknown as Client;
}

describe('messages whose rest does not come', () => {
  const MIB = 1_048_576;
  /** The beginning of a frame that says it has so many bytes. */
  const beginning = (bytes: number) => {
    const header = Buffer.alloc(10);
    header[0] = 0x82;
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(bytes), 2);
    return header;
  };
  const clients = (inbound: Inbound, count: number) =>
    Array.from({ length: count }, (_, number) => {
      const connection = new Connection(number, codec, target, 0);
      connection.phase = 'established';
      const client = { data: connection } as unknown as Client;
      return {
        connection,
        send: (bytes: Uint8Array) => inbound.receive(client, Buffer.from(bytes)),
      };
    });

  test('a long frame is put together once, however it is cut', () => {
    const recorder = new Recorder();
    const inbound = new Inbound(recorder, recorder);
    const [client] = clients(inbound, 1);
    const chunk = Buffer.alloc(1_000, 'x');
    client?.send(beginning(16 * MIB));
    const beganAtMs = performance.now();
    for (let sent = 0; sent < 16 * MIB; sent += chunk.length) {
      client?.send(chunk.subarray(0, 16 * MIB - sent));
    }
    // With each chunk anew it took 16,000 copies of 8 MiB on average.
    expect(performance.now() - beganAtMs).toBeLessThan(5_000);
    expect(recorder.events.map((event) => event.length)).toEqual([3]);
    expect(recorder.events[0]?.[2]).toBe(16 * MIB + 10);
    expect(inbound.heldBytes).toBe(0);
  });

  test.each<[string, (send: (bytes: Uint8Array) => void) => void]>([
    ['long frames', (send) => [beginning(16 * MIB), Buffer.alloc(MIB)].forEach(send)],
    [
      'short frames',
      (send) => send(Buffer.concat([Buffer.of(0x82, 126, 0xff, 0xff), Buffer.alloc(60_000)])),
    ],
    ['fragments', (send) => send(wireFrame(OPCODE_TEXT, 'x'.repeat(60_000), { isFinal: false }))],
    [
      'tiny fragments',
      (send) => {
        send(wireFrame(OPCODE_TEXT, 'x', { isFinal: false }));
        for (let i = 0; i < 2_000; i++) send(wireFrame(0, 'x', { isFinal: false }));
      },
    ],
  ])('are held up to a bound over all connections: %s', (_name, begin) => {
    const recorder = new Recorder();
    const inbound = new Inbound(recorder, recorder, 4 * MIB);
    const all = clients(inbound, 100);
    for (const { send } of all) begin(send);
    const cut = all.filter(({ connection }) => connection.phase === 'over');
    expect(cut.length).toBeGreaterThan(10);
    expect(recorder.events).toContain('unfinished messages');
    // Who is cut is forgotten when its socket closes, and the others have room again.
    for (const { connection } of cut) inbound.forget(connection);
    expect(inbound.heldBytes).toBeLessThanOrEqual(4 * MIB);
    expect(inbound.heldBytes).toBeGreaterThan(0);
    for (const { connection } of all) inbound.forget(connection);
    expect([inbound.heldBytes, inbound.unfinished]).toEqual([0, 0]);
  });
});
