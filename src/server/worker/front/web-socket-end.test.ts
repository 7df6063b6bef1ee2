/** WebSockets as their clients see them, over TCP and TLS: every frame, and every way to end. */

import { afterAll, beforeEach, describe, expect, test } from 'bun:test';
import { makeCertificate } from '../../../../test/support/certificates.ts';
import { clientFrame } from '../../../../test/support/client-frame.ts';
import { type FrontAtWork, startFront } from '../../../../test/support/front-at-work.ts';
import { RawPeer } from '../../../../test/support/raw-peer.ts';
import { eventually } from '../../../../test/system/eventually.ts';
import type { FrameHandler, FrameSocket } from '../../core/contracts/client-connection.ts';
import type { Exchange } from '../../core/contracts/exchange.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const BIG_BYTES = 20 << 20;
const PIECE_BYTES = 100_000;

const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;
const PING = 0x89;

let frames: (string | Buffer)[] = [];
let closed: FrameSocket[] = [];
let opened: FrameSocket[] = [];
let waiting: Exchange[] = [];
/** Frames read when the loop came round. */
let turns: number[] = [];

const handler: FrameHandler = {
  onFrame(socket, frame) {
    frames.push(frame);
    if (frame === 'throw') throw new Error('a handler fails on purpose');
    if (frame === 'echo') socket.send('echo');
    if (frame === 'terminate') socket.terminate();
    if (frame === 'pause') socket.pause();
    if (frame === 'cork') {
      socket.cork(() => {
        socket.send('one');
        socket.send(Buffer.from('two'));
        socket.send('three');
        socket.close(4000, 'done');
        socket.send('four');
      });
      socket.send('five');
    }
    if (frame === 'big') {
      for (let sent = 0; sent < BIG_BYTES; sent += PIECE_BYTES) {
        socket.send(`${sent}:`.padEnd(PIECE_BYTES, '.'));
      }
    }
    if (frame === 'big and close') {
      for (let sent = 0; sent < BIG_BYTES; sent += PIECE_BYTES) {
        socket.send(`${sent}:`.padEnd(PIECE_BYTES, '.'));
      }
      socket.close(4001, 'all said');
    }
  },
  onSocketClose(socket) {
    closed.push(socket);
  },
};

function open(socket: FrameSocket): FrameHandler {
  opened.push(socket);
  return handler;
}

function handle(exchange: Exchange): void {
  try {
    answer(exchange);
  } catch {
    exchange.answer({ status: 500, type: '', body: '' }, {});
  }
}

function answer(exchange: Exchange): void {
  if (exchange.target === '/later') waiting.push(exchange);
  else if (exchange.target === '/fails') {
    exchange.upgrade({
      open() {
        throw new Error('an opener fails on purpose');
      },
    });
  } else if (exchange.target === '/refused') exchange.upgrade({ open: () => undefined });
  else exchange.upgrade({ open });
}

const plain = startFront(handle);
const secure = startFront(handle, { tls: makeCertificate('localhost') });

afterAll(() => {
  plain.front.close();
  secure.front.close();
});

beforeEach(() => {
  frames = [];
  closed = [];
  opened = [];
  waiting = [];
  turns = [];
});

const UPGRADE = [
  'Host: x',
  'Upgrade: websocket',
  'Connection: Upgrade',
  `Sec-WebSocket-Key: ${KEY}\r\n`,
].join('\r\n');
const ask = (target = '/', more = 'Sec-WebSocket-Version: 13\r\n'): string =>
  `GET ${target} HTTP/1.1\r\n${UPGRADE}${more}\r\n`;
const text = (payload: string): Buffer => clientFrame({ first: TEXT, payload });
const closing = (...payload: number[]): Buffer =>
  clientFrame({ first: CLOSE, payload: Buffer.from(payload) });

interface ServerFrame {
  readonly first: number;
  readonly payload: Buffer;
}

/** What the server sent behind the head of its answer. */
function framesOf(bytes: Buffer): ServerFrame[] {
  const found: ServerFrame[] = [];
  let at = bytes.indexOf('\r\n\r\n') + 4;
  while (at + 2 <= bytes.byteLength) {
    const first = bytes[at] as number;
    const field = bytes[at + 1] as number;
    const start = at + (field < 126 ? 2 : field === 126 ? 4 : 10);
    if (start > bytes.byteLength) break;
    const length =
      field < 126
        ? field
        : field === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    if (start + length > bytes.byteLength) break;
    found.push({ first, payload: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

describe.each([
  ['over TCP', plain, false],
  ['over TLS', secure, true],
] as [string, FrontAtWork, boolean][])('%s', (_name, { port, budget, errors, front }, isSecure) => {
  const connect = (): Promise<RawPeer> => RawPeer.open(port, isSecure);
  const join = async (): Promise<RawPeer> => {
    const peer = await connect();
    peer.send(ask());
    await peer.untilText('\r\n\r\n');
    return peer;
  };
  const untilFrames = async (peer: RawPeer, count: number): Promise<ServerFrame[]> => {
    await peer.until(`${count} frames`, ({ bytes }) => framesOf(bytes).length >= count);
    return framesOf(peer.bytes);
  };
  const untilQuiet = async (): Promise<void> => {
    await eventually(
      'all sockets are closed, and nothing is held',
      () => [front.socketCount, budget.heldBytes],
      ([sockets, bytes]) => sockets === 0 && bytes === 0,
    );
  };

  test('frames right behind the request are read', async () => {
    const peer = await connect();
    peer.send(Buffer.concat([Buffer.from(ask()), text('echo'), text('more').subarray(0, 5)]));
    const [frame] = await untilFrames(peer, 1);
    expect(frame?.payload.toString()).toBe('echo');
    peer.send(text('more').subarray(5));
    await eventually(
      'the rest',
      () => frames,
      ({ length }) => length === 2,
    );
    expect(frames).toEqual(['echo', 'more']);
    peer.leave();
    await untilQuiet();
  });

  test('frames that come before the upgrade is decided are read after it', async () => {
    for (const pieces of [
      [Buffer.concat([Buffer.from(ask('/later')), text('a')])],
      [ask('/later')],
    ]) {
      waiting = [];
      frames = [];
      const peer = await connect();
      for (const piece of pieces) peer.send(piece);
      await eventually(
        'the request',
        () => waiting,
        ({ length }) => length === 1,
      );
      peer.send(text('b'));
      await Bun.sleep(20);
      peer.send(text('c'));
      await Bun.sleep(20);
      waiting[0]?.upgrade({ open });
      peer.send(text('d'));
      const all =
        pieces.length === 1 && pieces[0] instanceof Buffer ? ['a', 'b', 'c', 'd'] : ['b', 'c', 'd'];
      await eventually(
        'all',
        () => frames,
        ({ length }) => length === all.length,
      );
      expect(frames).toEqual(all);
      peer.leave();
    }
    await untilQuiet();
  });

  test('who leaves before the upgrade is decided leaves nothing', async () => {
    const peer = await connect();
    peer.send(ask('/later'));
    await eventually(
      'the request',
      () => waiting,
      ({ length }) => length === 1,
    );
    peer.reset();
    await Bun.sleep(30);
    waiting[0]?.upgrade({ open });
    await untilQuiet();
  });

  test('who has said all before the upgrade is decided gets no socket', async () => {
    const peer = await connect();
    peer.send(ask('/later'));
    await eventually(
      'the request',
      () => waiting,
      ({ length }) => length === 1,
    );
    peer.finish();
    await Bun.sleep(30);
    waiting[0]?.upgrade({ open });
    await peer.untilGone();
    expect(opened).toEqual([]);
    await untilQuiet();
  });

  test('a wrong request is refused, and none of it becomes frames', async () => {
    const body = `GET / HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Version: 13\r\n`;
    for (const [request, status] of [
      [ask('/', 'Sec-WebSocket-Version: 8\r\n'), 426],
      [ask('/', ''), 426],
      [ask().replace(KEY, 'short'), 400],
      [`${body}Content-Length: 7\r\n\r\n${text('a').toString('latin1')}`, 400],
      [`${body}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
      [ask().replace('GET', 'POST'), 400],
      [ask().replace('HTTP/1.1', 'HTTP/1.0'), 400],
      [ask().replace('Connection: Upgrade', 'Connection: keep-alive'), 400],
      [ask().replace('Upgrade: websocket', 'Upgrade: h2c'), 400],
    ] as const) {
      const peer = await connect();
      peer.send(request);
      await peer.untilText('\r\n\r\n');
      expect([peer.text.slice(0, 12), request]).toEqual([`HTTP/1.1 ${status}`, request]);
      if (status === 426) {
        expect(peer.text).toContain('\r\nSec-WebSocket-Version: 13\r\n');
        expect(peer.text).toContain('\r\nUpgrade: websocket\r\n');
        expect(peer.text).toMatch(/\r\nConnection: .*Upgrade/);
      }
      peer.leave();
    }
    expect(opened).toEqual([]);
    await untilQuiet();
  });

  test('a socket that nobody takes is closed with a reason', async () => {
    const peer = await connect();
    peer.send(ask('/refused'));
    const [frame] = await untilFrames(peer, 1);
    expect([frame?.first, frame?.payload.readUInt16BE(0)]).toEqual([CLOSE, 1008]);
    await peer.untilEnd();
    peer.leave();
    await untilQuiet();
  });

  test('a socket whose opener fails does not stay', async () => {
    const peer = await connect();
    peer.send(ask('/fails'));
    await peer.untilEnd();
    peer.leave();
    await untilQuiet();
    errors.length = 0;
  });

  test.each([
    [
      [0x03, 0xe8],
      [0x03, 0xe8],
    ],
    [
      [0x0f, 0xa0, 0x62, 0x79, 0x65],
      [0x0f, 0xa0],
    ],
    [[], []],
    [[0x03], [0x03, 0xea]],
    [
      [0x03, 0xed],
      [0x03, 0xea],
    ],
  ])('a close frame of %p is answered with %p', async (sent, answered) => {
    const peer = await join();
    peer.send(closing(...sent));
    await peer.untilEnd();
    const [frame] = framesOf(peer.bytes);
    expect(frame?.first).toBe(CLOSE);
    expect([...(frame?.payload.subarray(0, 2) ?? [])]).toEqual(answered);
    expect(closed).toHaveLength(1);
    peer.leave();
    await untilQuiet();
    expect(closed).toHaveLength(1);
  });

  test('a close of ours waits for the client’s, and drops what it says before', async () => {
    const peer = await join();
    opened[0]?.close(4002, 'go');
    const [frame] = await untilFrames(peer, 1);
    expect([frame?.first, frame?.payload.toString('latin1')]).toEqual([CLOSE, '\x0f\xa2go']);
    peer.send(text('late'));
    peer.send(closing(0x0f, 0xa2));
    peer.finish();
    await peer.untilGone();
    expect([frames, framesOf(peer.bytes).length, closed.length]).toEqual([[], 1, 1]);
    await untilQuiet();
  });

  test('a client that ends without a close frame is gone', async () => {
    for (const ending of ['finish', 'leave', 'reset'] as const) {
      closed = [];
      const peer = await join();
      peer[ending]();
      await eventually(
        'it is gone',
        () => closed,
        ({ length }) => length === 1,
      );
      if (ending === 'finish') await peer.untilGone();
    }
    await untilQuiet();
  });

  test('a close among corked frames comes behind those before it, and is the last', async () => {
    const peer = await join();
    peer.send(text('cork'));
    await peer.untilEnd();
    expect(
      framesOf(peer.bytes).map(({ first, payload }) => [first, payload.toString('latin1')]),
    ).toEqual([
      [TEXT, 'one'],
      [BINARY, 'two'],
      [TEXT, 'three'],
      [CLOSE, '\x0f\xa0done'],
    ]);
    peer.leave();
    await untilQuiet();
  });

  const bigPieces = (sent: readonly ServerFrame[]): string[] =>
    sent
      .filter(({ first }) => first === TEXT)
      .map(({ payload }) => payload.toString('latin1', 0, 9).split(':')[0] ?? '');
  const allPieces = Array.from(
    { length: Math.ceil(BIG_BYTES / PIECE_BYTES) },
    (_, i) => `${i * PIECE_BYTES}`,
  );

  test('20 MB reach a slow reader whole and in order, and the close frame behind', async () => {
    const peer = await join();
    peer.pause();
    peer.send(text('big and close'));
    await eventually(
      'it is said',
      () => closed,
      ({ length }) => length === 1,
    );
    await Bun.sleep(50);
    peer.resume();
    await peer.untilEnd();
    const sent = framesOf(peer.bytes);
    expect(bigPieces(sent)).toEqual(allPieces);
    expect(sent.at(-1)?.payload.toString('latin1')).toBe('\x0f\xa1all said');
    peer.leave();
    await untilQuiet();
  });

  test('who closes and has said all still gets what waits for it', async () => {
    const peer = await join();
    peer.pause();
    peer.send(text('big'));
    await eventually(
      'it waits',
      () => opened[0]?.getBufferedAmount() ?? 0,
      (bytes) => bytes > 0,
    );
    peer.send(closing(0x03, 0xe8));
    peer.finish();
    await eventually(
      'it is closed',
      () => closed,
      ({ length }) => length === 1,
    );
    await Bun.sleep(50);
    peer.resume();
    await peer.untilGone();
    const sent = framesOf(peer.bytes);
    expect(bigPieces(sent)).toEqual(allPieces);
    expect(sent.at(-1)?.first).toBe(CLOSE);
    await untilQuiet();
  });

  test('a ping is answered, be it while much waits for its client', async () => {
    const peer = await join();
    peer.send(clientFrame({ first: PING, payload: 'now' }));
    const [pong] = await untilFrames(peer, 1);
    expect([pong?.first, pong?.payload.toString()]).toEqual([0x8a, 'now']);
    peer.clear();
    peer.pause();
    peer.send(text('big'));
    await eventually(
      'it waits',
      () => opened[0]?.getBufferedAmount() ?? 0,
      (bytes) => bytes > 0,
    );
    peer.send(clientFrame({ first: PING, payload: 'first' }));
    peer.send(clientFrame({ first: PING, payload: 'last' }));
    await Bun.sleep(50);
    peer.resume();
    await peer.until('the pong', ({ bytes }) => bytes.subarray(-4).toString() === 'last');
    peer.leave();
    await untilQuiet();
  });

  test('pings by who reads nothing cost no memory', async () => {
    const peer = await join();
    peer.pause();
    const ping = clientFrame({ first: PING, payload: 'x'.repeat(125) });
    const flood = Buffer.concat(Array.from({ length: 2_000 }, () => ping));
    for (let i = 0; i < 100; i++) peer.send(flood);
    peer.send(text('end'));
    await eventually(
      'all are read',
      () => frames,
      ({ length }) => length === 1,
    );
    expect(opened[0]?.getBufferedAmount()).toBeLessThan(300);
    peer.leave();
    await untilQuiet();
  });

  test('a chunk of very many messages leaves the loop to others', async () => {
    const peer = await join();
    const messages = Array.from({ length: 10_000 }, (_, i) => text(`${i}`));
    const count = (): void => {
      turns.push(frames.length);
      if (frames.length < 10_000) setImmediate(count);
    };
    setImmediate(count);
    peer.send(Buffer.concat(messages));
    await eventually(
      'all messages',
      () => frames.length,
      (length) => length === 10_000,
    );
    expect(frames).toEqual(messages.map((_, i) => `${i}`));
    const most = Math.max(...turns.map((read, i) => read - (turns[i - 1] ?? 0)));
    expect(most).toBeLessThanOrEqual(1_024);
    peer.leave();
    await untilQuiet();
  });

  test('a client that is paused within a chunk has the rest read later, in order', async () => {
    const peer = await join();
    peer.send(Buffer.concat(['1', 'pause', '2', 'pause', '3'].map(text)));
    await eventually(
      'the pause',
      () => frames,
      ({ length }) => length === 2,
    );
    peer.send(text('4'));
    await Bun.sleep(30);
    expect(frames).toEqual(['1', 'pause']);
    opened[0]?.resume();
    await eventually(
      'the second',
      () => frames,
      ({ length }) => length === 4,
    );
    await Bun.sleep(30);
    opened[0]?.resume();
    await eventually(
      'all',
      () => frames,
      ({ length }) => length === 6,
    );
    expect(frames).toEqual(['1', 'pause', '2', 'pause', '3', '4']);
    peer.send(text('echo'));
    await untilFrames(peer, 1);
    peer.leave();
    await untilQuiet();
  });

  test('what a handler does to its socket ends what is read of it', async () => {
    for (const [first, rest] of [
      ['terminate', 'x'],
      ['cork', 'y'],
      ['throw', 'z'],
    ] as const) {
      frames = [];
      closed = [];
      const peer = await join();
      peer.send(Buffer.concat([text(first), text(rest)]));
      await peer.untilEnd();
      await Bun.sleep(10);
      expect([frames, closed.length]).toEqual([[first], 1]);
      peer.leave();
    }
    await untilQuiet();
    expect(errors).toHaveLength(1);
    errors.length = 0;
  });

  test('a handler that fails in a later slice ends its own connection alone', async () => {
    const [one, other] = [await join(), await join()];
    const many = Array.from({ length: 300 }, () => text('x'));
    one.send(Buffer.concat([...many, text('throw'), ...many]));
    other.send(Buffer.concat([...many, text('echo'), text('last')]));
    await one.untilEnd();
    await untilFrames(other, 1);
    await eventually(
      'the other goes on',
      () => frames,
      (all) => all.includes('last'),
    );
    expect(errors).toHaveLength(1);
    errors.length = 0;
    one.leave();
    other.leave();
    await untilQuiet();
  });

  test('a half message counts until it is whole, or its client is gone', async () => {
    const peer = await join();
    const frame = clientFrame({ first: BINARY, payload: Buffer.alloc(50_000) });
    peer.send(frame.subarray(0, 40_000));
    await eventually(
      'it counts',
      () => budget.heldBytes,
      (bytes) => bytes >= 39_000,
    );
    peer.send(frame.subarray(40_000));
    await eventually(
      'it is whole',
      () => frames,
      ({ length }) => length === 1,
    );
    expect(budget.heldBytes).toBe(0);
    peer.send(frame.subarray(0, 40_000));
    await eventually(
      'it counts',
      () => budget.heldBytes,
      (bytes) => bytes >= 39_000,
    );
    peer.reset();
    await untilQuiet();
  });
});

test('a budget that is spent lets go of the largest, and counts right after it', async () => {
  const { front, port, budget } = startFront(handle, { budgetBytes: 100_000 });
  const peers: RawPeer[] = [];
  for (let i = 0; i < 4; i++) {
    const peer = await RawPeer.open(port);
    peer.send(ask());
    await peer.untilText('\r\n\r\n');
    peer.send(
      clientFrame({ first: BINARY, payload: Buffer.alloc(60_000) }).subarray(0, 40_000 + i),
    );
    peers.push(peer);
  }
  await eventually(
    'some are let go of',
    () => front.socketCount,
    (count) => count <= 2,
  );
  expect(budget.heldBytes).toBeLessThanOrEqual(100_000);
  for (const peer of peers) peer.leave();
  await eventually(
    'nothing is held',
    () => budget.heldBytes,
    (bytes) => bytes === 0,
  );
  front.close();
});
