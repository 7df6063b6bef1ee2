/** What a link does with a socket that is slow, closing or closed: a made-up one that stays so. */

import { expect, test } from 'bun:test';
import { eventually } from '../../test/system/eventually.ts';
import type { SocketLike } from './contract.ts';
import type { LinkHost, Outgoing } from './link.ts';
import { openWebSocket } from './web-socket-link.ts';

const OPEN = 1;
const CLOSING = 2;

class MadeUpSocket implements SocketLike {
  binaryType = '';
  bufferedAmount = 0;
  readyState: number = OPEN;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onerror: SocketLike['onerror'] = null;
  onclose: SocketLike['onclose'] = null;
  readonly sent: string[] = [];

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.readyState = CLOSING;
  }
}

function setUp(texts: readonly string[]) {
  const waiting = texts.map((text): Outgoing => {
    return { text, bytes: text.length, id: undefined, isAnswer: false };
  });
  const socket = new MadeUpSocket();
  const host = {
    url: 'http://a/',
    query: new URLSearchParams(),
    opening: undefined,
    take: () => waiting.splice(0, 2),
  } as unknown as LinkHost;
  const Socket = function made() {
    return socket;
  } as unknown as new () => SocketLike;
  return { socket, waiting, link: openWebSocket(Socket, host) };
}

test('what a slow socket cannot take waits until it can', async () => {
  const { socket, waiting, link } = setUp(['a', 'b', 'c']);
  socket.bufferedAmount = 2_000_000;
  link.flush();
  expect([socket.sent, waiting.length]).toEqual([[], 3]);
  socket.bufferedAmount = 0;
  await eventually(
    'all is sent',
    () => socket.sent,
    (sent) => sent.length === 3,
  );
  expect(socket.sent).toEqual(['a', 'b', 'c']);
});

test('what a socket that closes would swallow is left for the next', () => {
  const { socket, waiting, link } = setUp(['a']);
  socket.readyState = CLOSING;
  link.flush();
  link.close(true);
  expect([socket.sent, waiting.length]).toEqual([[], 1]);
});

test('a link that is closed sends no more, also when its socket was slow', async () => {
  const { socket, waiting, link } = setUp(['a']);
  socket.bufferedAmount = 2_000_000;
  link.flush();
  link.close(false);
  Object.assign(socket, { bufferedAmount: 0, readyState: OPEN });
  await Bun.sleep(150);
  expect([socket.sent, waiting.length]).toEqual([[], 1]);
});
