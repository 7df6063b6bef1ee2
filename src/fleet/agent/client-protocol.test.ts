import { describe, expect, test } from 'bun:test';
import { OPCODE_PONG, OPCODE_TEXT } from './client-frame.ts';
import { type ClientCodec, createCodec } from './client-protocol.ts';

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
    expect(socketIo.requestPath(new URL(target))).toBe(path);
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
    expect(socketIo.pingWithinMs(bytes, 2, bytes.length - 1)).toBe(withinMs);
  });

  test('the session opens only with CONNECT, which carries the payload and the number', () => {
    expect(socketIo.isEstablishedByUpgrade).toBe(false);
    expect(textOf(socketIo.connectFrame(7))).toBe('40');
    const codec = createCodec('socket-io', '{"user":"u{n}","again":{n}}');
    expect(textOf(codec.connectFrame(31))).toBe('40{"user":"u31","again":31}');
  });

  test('a ping of the server is answered with a pong packet', () => {
    expect(textOf(socketIo.pongFrame)).toBe('3');
  });

  test('an echo is an event that asks for an ack', () => {
    const frame = socketIo.echoFrame({ perSecond: 1, event: 'say "it"', payloadBytes: 5 });
    const [, head = '', json = ''] = /^(42\d+)(.*)$/.exec(textOf(frame)) ?? [];
    expect(head).toMatch(/^42\d+$/);
    expect(JSON.parse(json)).toEqual(['say "it"', '.....']);
  });
});

describe('WebSocket without a protocol above', () => {
  test('the upgrade is the session, and every message is a delivery', () => {
    expect(websocket.isEstablishedByUpgrade).toBe(true);
    for (const text of ['', '2', '40', 'echo:', 'hello']) {
      expect(meaningOf(websocket, text)).toBe('delivery');
    }
  });

  test.each([
    ['ws://h:1', '/'],
    ['ws://h:1/a/b?c=d&e', '/a/b?c=d&e'],
  ])('asks %s for %s', (target, path) => {
    expect(websocket.requestPath(new URL(target))).toBe(path);
  });

  test.each([0, 1, 1_000, 32_768])('an echo of %d bytes has that many', (payloadBytes) => {
    const frame = websocket.echoFrame({ perSecond: 1, event: 'unused', payloadBytes });
    expect(textOf(frame)).toHaveLength(payloadBytes);
  });

  test('a pong is a control frame', () => {
    expect(websocket.pongFrame[0]).toBe(0x80 | OPCODE_PONG);
  });
});

function meaningOf(codec: ClientCodec, text: string): string {
  const bytes = Buffer.from(`<${text}>`);
  return codec.meaning(bytes, 1, bytes.length - 1);
}

/** The text of one masked frame. */
function textOf(frame: Uint8Array): string {
  expect(frame[0]).toBe(0x80 | OPCODE_TEXT);
  const start = (frame[1]! & 0x7f) < 126 ? 6 : 8;
  const key = frame.subarray(start - 4, start);
  const payload = frame.slice(start).map((byte, index) => byte ^ key[index % 4]!);
  return new TextDecoder().decode(payload);
}
