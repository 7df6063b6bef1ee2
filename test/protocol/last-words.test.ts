/**
 * What the server says right before it ends a session reaches the client: by the next poll, or by
 * the WebSocket that is about to take over, in whatever order probe, poll and POST come.
 */

import { expect, test } from 'bun:test';
import { SETTLE_MS, within } from '../support/raw-deadline.ts';
import { joinPolling, joinWebSocket } from '../support/raw-joined.ts';
import { PACKET_SEPARATOR, type RawPolling } from '../support/raw-polling.ts';
import type { Frame } from '../support/raw-websocket.ts';
import { probeWebSocket, RawWebSocket } from '../support/raw-websocket.ts';
import { describeOnTargets } from './target.ts';

const KICK = '42["kick",true]';
const BYTES = Uint8Array.from([1, 2]);
const WORDS: Frame[] = ['451-["bye",{"_placeholder":true,"num":0}]', BYTES, '41'];
const POLLED = ['451-["bye",{"_placeholder":true,"num":0}]', 'bAQI=', '41'];

describeOnTargets('last words', (endpoint) => {
  test('come with a poll that is late, and then the close packet', async () => {
    const session = await joinPolling(endpoint);
    await session.post(KICK);
    await Bun.sleep(SETTLE_MS);
    expect(await polled(session, 3)).toEqual(POLLED);
    await expectOver(session);
  });

  test('come with the poll that waits, and the one after it', async () => {
    const session = await joinPolling(endpoint);
    const waiting = polled(session, 3);
    await session.post(KICK);
    expect(await waiting).toEqual(POLLED);
    await expectOver(session);
  });

  test('are not lost by a POST that comes in between', async () => {
    const session = await joinPolling(endpoint);
    await session.post(KICK);
    await session.post('42["message","too late"]');
    expect(await polled(session, 3)).toEqual(POLLED);
  });

  test('go over the WebSocket that takes over after the end', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    await session.post(KICK);
    await Bun.sleep(SETTLE_MS);
    socket.send('5');
    expect(await framesOf(socket, 3)).toEqual(WORDS);
    await socket.end('the server closes behind its last words');
  });

  test('go over it after a POST, too', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    await session.post(KICK);
    await session.post('42["message","too late"]');
    socket.send('5');
    expect(await framesOf(socket, 3)).toEqual(WORDS);
    await socket.end('the server closes behind its last words');
  });

  test('go over it when a poll was released by the probe', async () => {
    const session = await joinPolling(endpoint);
    const poll = session.get();
    await Bun.sleep(SETTLE_MS);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    expect((await poll).body).toBe('6');
    await session.post(KICK);
    socket.send('5');
    expect(await framesOf(socket, 3)).toEqual(WORDS);
    await socket.end('the server closes behind its last words');
  });

  test('come once, where a poll is quicker than the WebSocket', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    await session.post(KICK);
    expect(await polled(session, 3)).toEqual(POLLED);
    socket.send('5');
    await socket.end('the server closes what has nothing left to carry');
    expect(socket.unread.filter((frame) => frame !== '6' && frame !== '1')).toEqual([]);
  });

  test('come by a poll when the WebSocket had not been probed', async () => {
    const session = await joinPolling(endpoint);
    const socket = new RawWebSocket(endpoint.url, { query: `sid=${session.sid}` });
    await within('the WebSocket opens', socket.opened);
    await session.post(KICK);
    expect(await polled(session, 3)).toEqual(POLLED);
    socket.close();
  });

  test('go over an upgraded session before it is closed', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    socket.send('5', KICK);
    expect(await framesOf(socket, 3)).toEqual(WORDS);
    await socket.end('the server closes behind its last words');
  });

  test('go over a WebSocket of its own', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    socket.send(KICK);
    expect(await framesOf(socket, 3)).toEqual(WORDS);
    await socket.end('the server closes behind its last words');
  });

  test('of a namespace that is left leave the connection open, through an upgrade', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    await session.post('42["kick",false]');
    socket.send('5');
    expect(await framesOf(socket, 3)).toEqual(WORDS);
    socket.send('40/custom,');
    expect(await socket.text()).toStartWith('40/custom,{');
    socket.close();
  });

  test.each([
    ['a Socket.IO packet', '42{"not":"a list"}'],
    ['a packet for a namespace that is not joined', '42/custom,["x"]'],
  ])('come before the close packet when the client breaks the protocol by %s', async (_n, bad) => {
    const session = await joinPolling(endpoint);
    await session.post('42["count",2]');
    await session.post(bad);
    expect(await polled(session, 2)).toEqual(['42["number",0]', '42["number",1]']);
    await expectOver(session);
  });

  test('go over the WebSocket when the client breaks the protocol meanwhile', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    await session.post('42["count",2]');
    await session.post('42{"not":"a list"}');
    socket.send('5');
    expect(await framesOf(socket, 2)).toEqual(['42["number",0]', '42["number",1]']);
    await socket.end('the server closes behind what waited');
  });
});

/** So many packets, polled for one after the other; noops do not count. */
async function polled(session: RawPolling, count: number): Promise<string[]> {
  const packets: string[] = [];
  while (packets.length < count) {
    const { status, body } = await session.get();
    expect(status).toBe(200);
    packets.push(...body.split(PACKET_SEPARATOR).filter((packet) => packet !== '6'));
  }
  return packets;
}

async function framesOf(socket: RawWebSocket, count: number): Promise<Frame[]> {
  const frames: Frame[] = [];
  while (frames.length < count) {
    const frame = await socket.next(`frame ${frames.length} of the last words`);
    if (frame !== '6') frames.push(frame);
  }
  return frames;
}

/** The close packet, and then nothing more. */
async function expectOver(session: RawPolling): Promise<void> {
  const { status, body } = await session.get();
  expect([status, body.split(PACKET_SEPARATOR).at(-1)]).toEqual([200, '1']);
  expect((await session.get()).status).toBe(400);
}
