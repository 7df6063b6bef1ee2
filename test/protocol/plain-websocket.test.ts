/** The plain protocol over WebSocket, frame by frame. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { inflateRawSync } from 'node:zlib';
import { clientFrame } from '../support/client-frame.ts';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import { FINAL, OPCODE, PlainFrames } from '../support/plain-frames.ts';
import { event, question } from '../support/plain-messages.ts';
import { SETTLE_MS } from '../support/raw-deadline.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { eventually } from '../system/eventually.ts';
import {
  asked,
  describePlain,
  endpointOf,
  expectAlive,
  MAX_PAYLOAD_BYTES,
  Opened,
  startPlain,
  whyGone,
} from './plain-target.ts';

const ACK = { type: 'ack', id: 1, args: ['x'] };
const ECHO = JSON.stringify(question(1, 'echo', 'x'));

describePlain('plain WebSocket', (endpoint) => {
  declareFrames(endpoint);
  declareBinaryFrames(endpoint);
  declareRaw(endpoint);
  declareBroken(endpoint);
});

function declareFrames(endpoint: Endpoint): void {
  test('each message is a text frame, both ways', async () => {
    const socket = await PlainFrames.open(endpoint);
    const first = await socket.next();
    expect([first.opcode, first.isFinal, first.isCompressed]).toEqual([OPCODE.text, true, false]);
    expect(JSON.parse(first.payload.toString())).toMatchObject({ type: 'connect' });
    socket.text(ECHO, event('back', 1), '{"type":"ping"}');
    expect(await socket.message()).toEqual(ACK);
    expect(await socket.message()).toEqual(event('back', 1));
    expect(await socket.message()).toEqual({ type: 'pong' });
    socket.peer.leave();
  });

  test('frames may come in one piece, byte by byte, or in fragments', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    const frame = clientFrame({ first: FINAL | OPCODE.text, payload: ECHO });
    socket.peer.send(Buffer.concat([frame, frame, frame]));
    for (let times = 0; times < 3; times += 1) expect(await socket.message()).toEqual(ACK);
    await socket.peer.drip(frame);
    expect(await socket.message()).toEqual(ACK);
    socket.send(OPCODE.text, ECHO.slice(0, 9));
    socket.send(FINAL | OPCODE.ping, 'in between');
    socket.send(OPCODE.more, ECHO.slice(9, 20));
    socket.send(OPCODE.more, '');
    socket.send(FINAL | OPCODE.more, ECHO.slice(20));
    const pong = await socket.next();
    expect([pong.opcode, String(pong.payload)]).toEqual([OPCODE.pong, 'in between']);
    expect(await socket.message()).toEqual(ACK);
    socket.peer.leave();
  });

  test('a first message in the same piece as the request is taken', async () => {
    const socket = await PlainFrames.open(endpoint, 'auth=message');
    socket.text('{"type":"connect","auth":{}}', ECHO);
    expect(await socket.message()).toMatchObject({ type: 'connect' });
    expect(await socket.message()).toEqual(ACK);
    socket.peer.leave();
  });

  test('the server pings with frames of WebSocket, and who answers stays', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    for (let id = 0; socket.pings < 3; id += 1) {
      socket.text(question(id, 'later', 0));
      expect(await socket.message()).toMatchObject({ id });
    }
    socket.text(ECHO);
    expect(await socket.message()).toEqual(ACK);
    socket.peer.leave();
  });

  test('a close frame is answered, and ends the session', async () => {
    await using opened = new Opened(endpoint);
    const watcher = await opened.open('polling');
    await asked(watcher, 'watch');
    const socket = await PlainFrames.open(endpoint);
    const { id } = await socket.message();
    socket.send(FINAL | OPCODE.close, Buffer.from([3, 0xe8]));
    expect(await socket.closeFrame()).toMatchObject({ code: 1000 });
    await socket.peer.untilEnd();
    await whyGone(watcher, String(id));
  });

  test('disconnect ends it by 1000', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    socket.text('{"type":"disconnect"}', ECHO);
    const { code } = await socket.closeFrame();
    expect([1000, 1005]).toContain(code);
    await socket.peer.untilEnd();
  });

  test('a message up to maxPayload is taken, and one beyond it ends it by 1009', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    const head = '{"type":"event","event":"count","id":1,"args":["';
    const most = `${head}${'x'.repeat(MAX_PAYLOAD_BYTES - head.length - 3)}"]}`;
    socket.text(most);
    expect(await socket.message()).toEqual({ type: 'ack', id: 1, args: [1] });
    socket.text(`${most} `);
    expect(await socket.closeFrame()).toMatchObject({ code: 1009 });
    await socket.peer.untilEnd();
  });

  test('a frame that only says it is too long ends it by 1009', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    const saidLength = BigInt(MAX_PAYLOAD_BYTES + 1);
    socket.peer.send(clientFrame({ first: FINAL | OPCODE.text, payload: 'x', saidLength }));
    expect(await socket.closeFrame()).toMatchObject({ code: 1009 });
    await socket.peer.untilEnd();
  });
}

function declareBinaryFrames(endpoint: Endpoint): void {
  test('an event `binary` of bytes alone is a binary frame, both ways', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    for (const bytes of [[1, 2, 3], [], Array(70_000).fill(5)]) {
      socket.send(FINAL | OPCODE.binary, Uint8Array.from(bytes));
      const { opcode, payload } = await socket.next();
      expect([opcode, payload.equals(Buffer.from(bytes.reverse()))]).toEqual([OPCODE.binary, true]);
    }
    socket.text(event('binary', { $binary: 'AQID' }));
    const { opcode, payload } = await socket.next();
    expect([opcode, [...payload]]).toEqual([OPCODE.binary, [3, 2, 1]]);
    socket.peer.leave();
  });

  test('other transports get the same event as text, and what is more stays text', async () => {
    await using opened = new Opened(endpoint);
    const room = crypto.randomUUID();
    const clients = [];
    for (const kind of ['sse', 'stream', 'polling'] as const) {
      clients.push(await opened.open(kind, { rooms: [room] }));
    }
    const socket = await PlainFrames.open(endpoint, `room=${room}`);
    await socket.message();
    socket.text(event('tell', room, 'binary', { $binary: 'AQID' }));
    expect(await socket.next()).toMatchObject({ opcode: OPCODE.binary });
    socket.text(event('tell', room, 'binary', { $binary: 'AQID' }, 1));
    expect(await socket.message()).toEqual(event('binary', { $binary: 'AQID' }, 1));
    socket.text(event('tell', room, 'binary', 'text'));
    expect(await socket.message()).toEqual(event('binary', 'text'));
    for (const client of clients) {
      expect(await client.next()).toEqual(event('binary', { $binary: 'AQID' }));
      expect(await client.next()).toEqual(event('binary', { $binary: 'AQID' }, 1));
      expect(await client.next()).toEqual(event('binary', 'text'));
    }
    socket.peer.leave();
  });
}

function declareRaw(endpoint: Endpoint): void {
  test('without an envelope each frame is an event `message`, and none comes first', async () => {
    const socket = await PlainFrames.open(endpoint, 'format=raw');
    await Bun.sleep(SETTLE_MS);
    socket.text('hello', '{"type":"ping"}', '');
    for (const text of ['hello', '{"type":"ping"}', '']) {
      const { opcode, payload } = await socket.next();
      expect([opcode, String(payload)]).toEqual([OPCODE.text, text]);
    }
    socket.send(FINAL | OPCODE.binary, Uint8Array.of(0, 255));
    const { opcode, payload } = await socket.next();
    expect([opcode, [...payload]]).toEqual([OPCODE.binary, [0, 255]]);
    socket.peer.leave();
  });

  test('nothing else is sent without one, though the session is in its rooms', async () => {
    await using opened = new Opened(endpoint);
    const room = crypto.randomUUID();
    const teller = await opened.open('websocket');
    const socket = await PlainFrames.open(endpoint, `format=raw&room=${room}`);
    // Until the room is joined, nobody can tell from outside.
    socket.text('here');
    expect(String((await socket.next()).payload)).toBe('here');
    await teller.send(event('tell', room, 'other', 'no'), event('tell', room, 'message'));
    await teller.send(event('tell', room, 'message', { no: 1 }), event('tell', room, 'message', 7));
    await teller.send(event('tell', room, 'message', 'yes'));
    expect(String((await socket.next()).payload)).toBe('yes');
    await teller.send(event('tell', room, 'message', 'the first', 'no more'));
    expect(String((await socket.next()).payload)).toBe('the first');
    socket.text('else');
    socket.text('after');
    expect(String((await socket.next()).payload)).toBe('after');
    socket.peer.leave();
  });

  test('what the server says of the end stands in the close frame', async () => {
    const socket = await PlainFrames.open(endpoint, 'format=raw');
    socket.text('kick');
    expect(await socket.closeFrame()).toEqual({
      code: 1000,
      reason: 'server namespace disconnect',
    });
    await socket.peer.untilEnd();
    const refused = await PlainFrames.open(endpoint, 'format=raw&room=forbidden');
    expect(await refused.closeFrame()).toMatchObject({
      code: 1008,
      reason: expect.stringContaining('joinForbidden'),
    });
  });
}

function declareBroken(endpoint: Endpoint): void {
  test.each([
    ['text that is no UTF-8', { first: 0x81, payload: Uint8Array.of(0xff, 0xfe) }, 1007],
    ['a frame without a mask', { first: 0x81, payload: ECHO, isMasked: false }, 1002],
    ['a reserved bit', { first: 0xa1, payload: ECHO }, 1002],
    ['an unknown opcode', { first: 0x83, payload: ECHO }, 1002],
    ['a continuation of nothing', { first: 0x80, payload: ECHO }, 1002],
    ['a ping in pieces', { first: 0x09, payload: 'x' }, 1002],
    ['compressed, though nobody agreed', { first: 0xc1, payload: ECHO }, 1002],
  ] as const)('%s ends it', async (_what, parts, code) => {
    await using opened = new Opened(endpoint);
    const bystander = await opened.open('websocket');
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    socket.peer.send(clientFrame(parts));
    expect((await socket.closeFrame()).code).toBe(code);
    await socket.peer.untilEnd();
    await expectAlive(bystander);
  });

  test('half a frame, and then the end of the connection', async () => {
    await using opened = new Opened(endpoint);
    const bystander = await opened.open('websocket');
    for (const leave of ['finish', 'reset', 'leave'] as const) {
      const socket = await PlainFrames.open(endpoint);
      await socket.message();
      const frame = clientFrame({ first: FINAL | OPCODE.text, payload: ECHO });
      socket.peer.send(frame.subarray(0, 10));
      socket.peer[leave]();
      await socket.peer.untilEnd();
      socket.peer.leave();
    }
    await expectAlive(bystander);
  });
}

describe('a plain WebSocket on a node of its own', () => {
  let node: HoldfastProcess;
  let endpoint: Endpoint;

  beforeAll(async () => {
    node = await startPlain(1, {
      pingIntervalMs: 300,
      pingTimeoutMs: 5000,
      webSocketCompression: true,
      maxMessagesPerSecond: 200,
      maxBackpressureBytes: 1_500_000,
      backpressureTimeoutMs: 1500,
    });
    endpoint = endpointOf(node);
  }, 60_000);
  afterAll(() => node.stop());

  test('who does not answer pings is cut by 1008', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    socket.answersPings = false;
    const { code, reason } = await socket.closeFrame();
    expect([code, socket.pings > 0]).toEqual([1008, true]);
    expect(reason).toContain('ping');
  });

  test('messages that come faster than the limits are read more slowly, and all are', async () => {
    const socket = await PlainFrames.open(endpoint);
    await socket.message();
    const ids = Array.from({ length: 600 }, (_, id) => id);
    const startMs = performance.now();
    socket.text(...ids.map((id) => question(id, 'echo', id)));
    for (const id of ids) {
      expect(await socket.message()).toEqual({ type: 'ack', id, args: [id] });
    }
    // Two hundred at once, and two hundred a second: two seconds, less what timers are off.
    expect(performance.now() - startMs).toBeGreaterThan(1500);
    socket.peer.leave();
  }, 30_000);

  test('long messages are compressed for who offers it, and only for those', async () => {
    const offer = ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'];
    const [offering, other] = [
      await PlainFrames.open(endpoint, 'room=c', offer),
      await PlainFrames.open(endpoint, 'room=c'),
    ];
    expect(offering.head.toLowerCase()).toContain('sec-websocket-extensions: permessage-deflate');
    expect(other.head.toLowerCase()).not.toContain('permessage-deflate');
    for (const socket of [offering, other]) await socket.message();
    const told = event('told', 'x'.repeat(5000));
    other.text(event('tell', 'c', 'told', 'x'.repeat(5000)));
    expect(await other.message()).toEqual(told);
    const frame = await offering.next();
    expect([frame.isCompressed, frame.payload.length < 500]).toEqual([true, true]);
    const tail = Buffer.from([0, 0, 0xff, 0xff]);
    const text = inflateRawSync(Buffer.concat([frame.payload, tail]), { finishFlush: 2 });
    expect(JSON.parse(text.toString())).toEqual(told);
    for (const socket of [offering, other]) socket.peer.leave();
  });

  test('a client that reads nothing for a while gets all, in order', async () => {
    const teller = await PlainFrames.open(endpoint);
    await teller.message();
    const reader = await PlainFrames.open(endpoint, 'room=slow');
    await reader.message();
    reader.peer.pause();
    teller.text(event('burst', 'slow', 0, 100, 'x'.repeat(10_000)), ECHO);
    expect(await teller.message()).toEqual(ACK);
    reader.peer.resume();
    for (let number = 0; number < 100; number += 1) {
      const { args } = (await reader.message()) as unknown as { args: [number, string] };
      expect([args[0], args[1].length]).toEqual([number, 10_000]);
    }
    for (const { peer } of [teller, reader]) peer.leave();
  });

  test('a client that reads nothing for too long is cut, and nobody else', async () => {
    const teller = await PlainFrames.open(endpoint);
    await teller.message();
    const reader = await PlainFrames.open(endpoint, 'room=stuck');
    await reader.message();
    reader.peer.pause();
    // Far more than the kernel's buffers on both sides take.
    for (let times = 0; times < 60; times += 1) {
      teller.text(event('burst', 'stuck', 0, 10, 'x'.repeat(100_000)));
    }
    teller.text(ECHO);
    expect(await teller.message()).toEqual(ACK);
    await eventually(
      'the reader that is too slow is cut',
      async () => (await node.admin('/metrics')).text(),
      (metrics) => /_refusals_total\{.*"slowReader".*\} 1/.test(metrics),
    );
    teller.text(ECHO);
    expect(await teller.message()).toEqual(ACK);
    for (const { peer } of [teller, reader]) peer.leave();
  }, 30_000);
});
