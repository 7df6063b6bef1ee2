/** Engine.IO v4 over WebSocket alone: packets as frames, what ends a session, what does not. */

import { expect, test } from 'bun:test';
import { SETTLE_MS } from '../support/raw-deadline.ts';
import { clientFrame, OPCODE, RawConnection, upgradeRequest } from '../support/raw-http.ts';
import { eventOfBytes, joinWebSocket } from '../support/raw-joined.ts';
import { openWebSocket } from '../support/raw-websocket.ts';
import {
  CALM,
  describeOnTargets,
  expectServing,
  isReference,
  MAX_PAYLOAD_BYTES,
} from './target.ts';

const INVALID_FRAMES = [
  ['of an unknown packet type', 'abc'],
  ['of a packet type past the last', '7'],
  ['that is empty', ''],
  ['that is a whole polling payload in disguise', '\x1e4'],
] as const;

describeOnTargets('Engine.IO WebSocket', (endpoint) => {
  test('carries text packets both ways', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    socket.send('42["message","hello €😀"]');
    expect(await socket.next()).toBe('42["message-back","hello €😀"]');
    socket.close();
  });

  test('carries bytes as they are both ways', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    const bytes = Uint8Array.from([4, 0, 255, 0x1e]);
    socket.send('451-["message",{"_placeholder":true,"num":0}]', bytes);
    expect(await socket.next()).toBe('451-["message-back",{"_placeholder":true,"num":0}]');
    expect(await socket.next()).toEqual(bytes);
    socket.close();
  });

  test('keeps the order of packets sent in one go', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    const numbers = Array.from({ length: 200 }, (_, number) => number);
    socket.send(...numbers.map((number) => `42["message",${number}]`));
    for (const number of numbers) {
      expect(await socket.next()).toBe(`42["message-back",${number}]`);
    }
    socket.close();
  });

  test('takes a frame of exactly maxPayload bytes', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    socket.send(eventOfBytes(MAX_PAYLOAD_BYTES));
    expect(String(await socket.next()).length).toBe(MAX_PAYLOAD_BYTES + '-back'.length);
    socket.close();
  });

  test('ends the session on a frame above maxPayload', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    socket.send(eventOfBytes(MAX_PAYLOAD_BYTES + 1));
    const { code } = await socket.end();
    // 1009 says why; a server that stops reading at once may leave the client with 1006.
    expect([1006, 1009]).toContain(code);
    await expectServing(endpoint);
  });

  test.each(INVALID_FRAMES)('ends the session on a frame %s', async (_name, frame) => {
    const { socket } = await joinWebSocket(endpoint.url);
    socket.send(frame);
    await socket.end();
    await expectServing(endpoint);
  });

  test('closes when the client sends the close packet', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    // The reference overlooks this packet over WebSocket, and closes when the pongs stop.
    socket.answerPings = !isReference;
    socket.send('1');
    const longestMs = isReference ? CALM.pingIntervalMs + CALM.pingTimeoutMs + 1000 : undefined;
    await socket.end('the server closes the WebSocket', longestMs);
  });

  test('lives on after a pong that nobody asked for', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    socket.send('3', '3', '42["message",1]');
    expect(await socket.next()).toBe('42["message-back",1]');
    socket.close();
  });

  // The text is silent about packets that only a server sends, or that come out of their time.
  test.each(['0', '0{}', '5', '6'])('a stray packet %s is overlooked or ends', async (packet) => {
    const { socket } = await joinWebSocket(endpoint.url);
    socket.send(packet, '42["message",1]');
    const answer = await socket.next().catch(() => 'the session ended');
    expect(['the session ended', '42["message-back",1]']).toContain(String(answer));
    socket.close();
    await expectServing(endpoint);
  });

  test('never answers a ping of the client as version 3 did', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    socket.send('2', '42["message",1]');
    const answer = await socket.next().catch(() => 'the session ended');
    expect(['the session ended', '42["message-back",1]']).toContain(String(answer));
    socket.close();
  });

  test('b64=1 is refused, or bytes come as text', async () => {
    const opening = openWebSocket(endpoint.url, { query: 'b64=1' });
    const opened = await opening.catch(() => undefined);
    if (opened !== undefined) {
      const { socket } = opened;
      socket.send('40');
      expect(await socket.next()).toStartWith('40{');
      expect(await socket.next()).toBe('42["auth",{}]');
      socket.send('451-["message",{"_placeholder":true,"num":0}]', 'bAQIDBA==');
      expect(await socket.next()).toStartWith('451-["message-back"');
      expect(await socket.next()).toBe('bAQIDBA==');
      socket.close();
    }
    await expectServing(endpoint);
  });

  test('puts fragments together, with a control frame between them', async () => {
    const connection = await RawConnection.open(endpoint.url);
    connection.write(upgradeRequest('EIO=4&transport=websocket'));
    expect((await connection.response())?.status).toBe(101);
    expect(await connection.textFrame()).toStartWith('0{');
    connection.write(clientFrame(OPCODE.text, '40'));
    expect(await connection.textFrame()).toStartWith('40{');
    expect(await connection.textFrame()).toBe('42["auth",{}]');
    connection.write(clientFrame(OPCODE.text, '42["mess', false));
    connection.write(clientFrame(OPCODE.ping, 'still here'));
    await Bun.sleep(SETTLE_MS);
    connection.write(clientFrame(OPCODE.continuation, 'age",', false));
    connection.write(clientFrame(OPCODE.continuation, '7]'));
    expect(await connection.textFrame()).toBe('42["message-back",7]');
    connection.close();
  });

  test('takes packets that come in one segment with the upgrade request', async () => {
    const connection = await RawConnection.open(endpoint.url);
    const early = Buffer.from(clientFrame(OPCODE.text, '40'));
    connection.write(
      Buffer.concat([Buffer.from(upgradeRequest('EIO=4&transport=websocket')), early]),
    );
    expect((await connection.response())?.status).toBe(101);
    expect(await connection.textFrame()).toStartWith('0{');
    expect(await connection.textFrame()).toStartWith('40{');
    connection.close();
  });

  test.each([
    ['unmasked', Uint8Array.from([0x81, 2, 0x34, 0x30])],
    ['with reserved bits', Uint8Array.from([0xf1, 0x80, 0, 0, 0, 0])],
    ['a continuation of nothing', clientFrame(OPCODE.continuation, '40')],
  ])('cuts the connection on a frame that breaks RFC 6455: %s', async (_name, frame) => {
    const connection = await RawConnection.open(endpoint.url);
    connection.write(upgradeRequest('EIO=4&transport=websocket'));
    expect((await connection.response())?.status).toBe(101);
    connection.write(frame);
    await connection.closed;
    await expectServing(endpoint);
  });

  test('ends cleanly when the client sends a close frame', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    socket.close();
    const { code } = await socket.end();
    expect([1000, 1005]).toContain(code);
  });
});
