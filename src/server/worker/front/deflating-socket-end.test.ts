/** Compressed messages as a client sees them that takes them apart with zlib itself. */

import { afterAll, beforeEach, expect, test } from 'bun:test';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { clientFrame } from '../../../../test/support/client-frame.ts';
import { startFront } from '../../../../test/support/front-at-work.ts';
import { RawPeer } from '../../../../test/support/raw-peer.ts';
import type { FrameSocket } from '../../core/contracts/client-connection.ts';
import type { Exchange } from '../../core/contracts/exchange.ts';
import type { SharedText } from '../../core/contracts/outgoing-event.ts';

const MAX_BYTES = 100_000;
const LONG = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `player ${id}` })));
const OFFER = 'permessage-deflate; client_max_window_bits';
const COMPRESSED = 0x40;

let opened: FrameSocket[] = [];
let heard: (string | Buffer)[] = [];

function handle(exchange: Exchange): void {
  exchange.upgrade({
    open(socket) {
      opened.push(socket);
      return { onFrame: (_socket, frame) => heard.push(frame), onSocketClose: () => {} };
    },
  });
}

const compressing = startFront(handle, { isCompressing: true, maxPayloadBytes: MAX_BYTES });
const plain = startFront(handle);

afterAll(() => {
  compressing.front.close();
  plain.front.close();
});

beforeEach(() => {
  opened = [];
  heard = [];
});

async function open(port: number, offer: string): Promise<{ peer: RawPeer; head: string }> {
  const peer = await RawPeer.open(port);
  const extensions = offer === '' ? '' : `Sec-WebSocket-Extensions: ${offer}\r\n`;
  peer.send(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
      `${extensions}\r\n`,
  );
  await peer.untilText('\r\n\r\n');
  const head = peer.text;
  peer.clear();
  return { peer, head };
}

/** The next frame, which has come whole. */
async function nextFrame(peer: RawPeer): Promise<{ first: number; payload: Buffer }> {
  const sizes = (bytes: Buffer): [start: number, length: number] => {
    const short = (bytes[1] ?? 0) & 0x7f;
    if (short < 126) return [2, short];
    return short === 126 ? [4, bytes.readUInt16BE(2)] : [10, Number(bytes.readBigUInt64BE(2))];
  };
  await peer.until('a frame', ({ bytes }) => {
    if (bytes.byteLength < 10) {
      return bytes.byteLength >= 2 && bytes.byteLength - 2 >= sizes(bytes)[1];
    }
    const [start, length] = sizes(bytes);
    return bytes.byteLength >= start + length;
  });
  const { bytes } = peer;
  const [start, length] = sizes(bytes);
  peer.clear();
  return { first: bytes[0] ?? 0, payload: bytes.subarray(start, start + length) };
}

function inflated(payload: Buffer): string {
  const whole = Buffer.concat([payload, Buffer.of(0, 0, 0xff, 0xff)]);
  return inflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
}

function deflated(text: string): Buffer {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

test('is agreed on where the server compresses and the client offers it alone', async () => {
  const { head } = await open(compressing.port, OFFER);
  expect(head).toContain(
    'Sec-WebSocket-Extensions: permessage-deflate; ' +
      'server_no_context_takeover; client_no_context_takeover\r\n',
  );
  expect((await open(compressing.port, '')).head).not.toContain('Extensions');
  expect((await open(plain.port, OFFER)).head).not.toContain('Extensions');
});

test('long messages are compressed, short ones and those of others are not', async () => {
  const agreed = await open(compressing.port, OFFER);
  const other = await open(compressing.port, '');
  const shared = { text: LONG, frame: undefined };
  for (const socket of opened) socket.sendShared(shared);
  const frame = await nextFrame(agreed.peer);
  expect([frame.first, inflated(frame.payload)]).toEqual([0x81 | COMPRESSED, LONG]);
  expect(frame.payload.byteLength).toBeLessThan(LONG.length / 3);
  expect(await nextFrame(other.peer)).toEqual({ first: 0x81, payload: Buffer.from(LONG) });
  opened[0]?.send('short');
  expect(await nextFrame(agreed.peer)).toEqual({ first: 0x81, payload: Buffer.from('short') });
  opened[0]?.send(Buffer.from(LONG));
  const bytes = await nextFrame(agreed.peer);
  expect([bytes.first, inflated(bytes.payload)]).toEqual([0x82 | COMPRESSED, LONG]);
});

test('what goes to many is compressed once, and smaller windows have their own', async () => {
  const peers = [
    await open(compressing.port, OFFER),
    await open(compressing.port, OFFER),
    await open(compressing.port, 'permessage-deflate; server_max_window_bits=9'),
  ];
  expect(peers[2]?.head).toContain('server_max_window_bits=9');
  const shared: SharedText = { text: LONG, frame: undefined };
  opened[0]?.sendShared(shared);
  const once = shared.deflatedFrame as Buffer;
  for (const socket of opened.slice(1)) socket.sendShared(shared);
  expect(shared.deflatedFrame).toBe(once);
  for (const { peer } of peers) expect(inflated((await nextFrame(peer)).payload)).toBe(LONG);
});

test('corked messages keep their order beside compressed ones', async () => {
  const { peer } = await open(compressing.port, OFFER);
  opened[0]?.cork(() => {
    opened[0]?.send('before');
    opened[0]?.send(LONG);
    opened[0]?.send('after');
  });
  await peer.untilText('after');
  const { bytes } = peer;
  expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x81\x06before');
  expect(bytes[8]).toBe(0x81 | COMPRESSED);
});

test('what clients compress is taken, up to what a message may have unpacked', async () => {
  const { peer } = await open(compressing.port, OFFER);
  peer.send(clientFrame({ first: 0x81 | COMPRESSED, payload: deflated(LONG) }));
  await peer.drip(clientFrame({ first: 0x81 | COMPRESSED, payload: deflated('hi') }));
  peer.send(clientFrame({ first: 0x81, payload: 'plain' }));
  peer.send(
    clientFrame({ first: 0x81 | COMPRESSED, payload: deflated('x'.repeat(MAX_BYTES + 1)) }),
  );
  const close = await nextFrame(peer);
  expect(heard).toEqual([LONG, 'hi', 'plain']);
  expect([close.first, close.payload.readUInt16BE(0)]).toEqual([0x88, 1009]);
});

test('a compressed message without an agreement breaks the protocol', async () => {
  const { peer } = await open(plain.port, OFFER);
  peer.send(clientFrame({ first: 0x81 | COMPRESSED, payload: deflated('hi') }));
  expect((await nextFrame(peer)).payload.readUInt16BE(0)).toBe(1002);
});

test('messages that unpack to much leave the loop to others between them', async () => {
  const { peer } = await open(compressing.port, OFFER);
  const message = clientFrame({ first: 0x81 | COMPRESSED, payload: deflated('x'.repeat(90_000)) });
  let turns = 0;
  const turn = (): void => {
    turns++;
    if (heard.length < 200) setImmediate(turn);
  };
  peer.send(Buffer.concat(Array.from({ length: 200 }, () => message)));
  setImmediate(turn);
  while (heard.length < 200) await Bun.sleep(1);
  expect(turns).toBeGreaterThan(5);
});
