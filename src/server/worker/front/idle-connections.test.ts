/** How long connections stay that do nothing, too little, or just enough. */

import { afterAll, expect, test } from 'bun:test';
import { makeCertificate } from '../../../../test/support/certificates.ts';
import { startFront } from '../../../../test/support/front-at-work.ts';
import { RawPeer } from '../../../../test/support/raw-peer.ts';
import type { Exchange } from '../../core/contracts/exchange.ts';
import { LIMITS } from '../../core/limits/limits.ts';

const LONG_BYTES = 48 << 20;
const LONG = Buffer.alloc(LONG_BYTES);
/** What a request gives itself for its body. */
const BODY_SECONDS = 8;
/** How long a request takes that gives itself no time, and when it comes. */
const THINKING_SECONDS = 5;
const ASKED_AFTER_SECONDS = 7;
/** How long a connection is kept that nobody has asked to keep, by http-connection.ts. */
const IDLE_SECONDS = 10;
/** Bun counts in grains, and the machine may be busy. */
const SLACK_SECONDS = 4;
const TEST_MS = 40_000;

function handle(exchange: Exchange): void {
  if (exchange.target === '/long') exchange.answerBytes(200, [], LONG);
  else if (exchange.target === '/thinks') {
    const answer = (): void => exchange.answer({ status: 200, type: '', body: 'thought' }, {});
    setTimeout(answer, THINKING_SECONDS * 1_000);
  } else if (exchange.target === '/body') {
    exchange.allowIdle(BODY_SECONDS);
    exchange.readBody(1_000, () => {});
  } else if (exchange.target === '/socket') {
    exchange.upgrade({
      open(socket) {
        for (let sent = 0; sent < LONG_BYTES; sent += 1 << 20) {
          socket.send(LONG.subarray(0, 1 << 20));
        }
        socket.close();
        return undefined;
      },
    });
  } else exchange.answer({ status: 200, type: '', body: 'x' }, {});
}

const plain = startFront(handle, { budgetBytes: 2 ** 30 });
const secure = startFront(handle, { budgetBytes: 2 ** 30, tls: makeCertificate('localhost') });
afterAll(() => {
  plain.front.close();
  secure.front.close();
});

const get = (target: string, headers = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const UPGRADE =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** Sends something each half second. @returns after how many seconds the server ended it */
async function lifeOf(peer: RawPeer, drip: string): Promise<number> {
  const startedAtMs = performance.now();
  const isEnded = (): boolean => peer.isGone || (drip === '' && peer.hasEnded);
  while (!isEnded() && performance.now() - startedAtMs < TEST_MS / 2) {
    if (drip !== '') peer.send(drip);
    await Bun.sleep(500);
  }
  return (performance.now() - startedAtMs) / 1_000;
}

async function expectLife(
  name: string,
  peer: RawPeer,
  drip: string,
  seconds: number,
): Promise<void> {
  const life = await lifeOf(peer, drip);
  peer.leave();
  const isRight = Math.abs(life - seconds) < SLACK_SECONDS;
  expect([name, life, isRight]).toEqual([name, life, true]);
}

const CASES: readonly [name: string, send: string, drip: string, seconds: number][] = [
  ['says nothing', '', '', IDLE_SECONDS],
  ['drips a head', 'GET / HTTP/1.1\r\nA: ', 'x', IDLE_SECONDS],
  ['drips a second head', `${get('/')}GET / HTTP/1.1\r\nA: `, 'x', IDLE_SECONDS],
  [
    'drips a body',
    'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n',
    'x',
    BODY_SECONDS,
  ],
  ['has asked once', get('/'), '', IDLE_SECONDS],
  ['drips behind its last answer', get('/', 'Connection: close\r\n'), 'x', LIMITS.lingerSeconds],
  ['drips behind a refusal', 'nonsense\r\n\r\n', 'x', LIMITS.lingerSeconds],
];

async function tryAll(isSecure: boolean): Promise<void> {
  const { port } = isSecure ? secure : plain;
  const ends = CASES.map(async ([name, send, drip, seconds]) => {
    const peer = await RawPeer.open(port, isSecure);
    if (send !== '') peer.send(send);
    await expectLife(name, peer, drip, seconds);
  });
  if (isSecure) {
    const silent = await RawPeer.open(port);
    ends.push(expectLife('begins no handshake', silent, '', IDLE_SECONDS));
  }
  const takers = [get('/long'), get('/long', 'Connection: close\r\n'), get('/socket', UPGRADE)];
  ends.push(...takers.map((request) => takeSlowly(port, isSecure, request)));
  ends.push(askLate(port, isSecure));
  await Promise.all(ends);
}

/** A request that comes when the time of its connection is nearly over has time of its own. */
async function askLate(port: number, isSecure: boolean): Promise<void> {
  const peer = await RawPeer.open(port, isSecure);
  await Bun.sleep(ASKED_AFTER_SECONDS * 1_000);
  expect(peer.hasEnded).toBe(false);
  peer.send(get('/thinks'));
  await peer.untilText('thought');
  peer.leave();
}

test(
  'who does too little is ended, and nobody else',
  async () => {
    await Promise.all([tryAll(false), tryAll(true)]);
  },
  TEST_MS,
);

/** Reads all of an answer for longer than one that is idle is kept. */
async function takeSlowly(port: number, isSecure: boolean, request: string): Promise<void> {
  const peer = await RawPeer.open(port, isSecure);
  peer.send(request);
  const startedAtMs = performance.now();
  const share = (): number => (performance.now() - startedAtMs) / 1_000 / (IDLE_SECONDS * 1.6);
  while (peer.length < LONG_BYTES && !peer.isGone) {
    peer.readUpTo(share() * LONG_BYTES);
    await Bun.sleep(20);
  }
  expect([request, peer.length]).toEqual([request, Math.max(LONG_BYTES, peer.length)]);
  peer.leave();
}
