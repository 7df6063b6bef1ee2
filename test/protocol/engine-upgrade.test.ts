/** Engine.IO v4: the upgrade from polling to WebSocket, finished, abandoned and abused. */

import { describe, expect, test } from 'bun:test';
import { SETTLE_MS, within } from '../support/raw-deadline.ts';
import { joinPolling, nextMessage } from '../support/raw-joined.ts';
import { type Endpoint, PACKET_SEPARATOR, RawPolling, request } from '../support/raw-polling.ts';
import { probeWebSocket, RawWebSocket } from '../support/raw-websocket.ts';
import { describeOnTargets, expectServing, isReference } from './target.ts';

const UPGRADE_TIMEOUT_MS = 1500;

/** By when an upgrade that does not go on must have been given up. */
const LATEST_GIVING_UP_MS = UPGRADE_TIMEOUT_MS + 1000;

const NOT_A_PROBE = ['42["message","too early"]', '2', '3probe', 'abc', '', '2prob', '1'] as const;

describeOnTargets(
  'Engine.IO upgrade',
  (endpoint) => {
    declareUpgrades(endpoint);
    describe.concurrent('that does not go on', () => declareGivingUp(endpoint));
  },
  { upgradeTimeoutMs: UPGRADE_TIMEOUT_MS },
);

function declareUpgrades(endpoint: Endpoint): void {
  test('goes from polling to WebSocket', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    socket.send('5', '42["message","over WebSocket"]');
    expect(await nextMessage(socket)).toBe('42["message-back","over WebSocket"]');
    socket.close();
  });

  test('goes on when the client does not wait for the answer to its probe', async () => {
    const session = await joinPolling(endpoint);
    const socket = new RawWebSocket(endpoint.url, { query: `sid=${session.sid}` });
    await within('the WebSocket opens', socket.opened);
    socket.send('2probe', '5', '42["message",1]');
    expect(await socket.next()).toBe('3probe');
    expect(await nextMessage(socket)).toBe('42["message-back",1]');
    socket.close();
  });

  test('releases a pending poll with a noop once probed', async () => {
    const session = await joinPolling(endpoint);
    const poll = session.get();
    await Bun.sleep(SETTLE_MS);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    const { status, body } = await poll;
    expect([status, body]).toEqual([200, '6']);
    socket.send('5', '42["message",1]');
    expect(await nextMessage(socket)).toBe('42["message-back",1]');
    socket.close();
  });

  test('releases a poll that comes after the probe', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    const { status, body } = await session.get();
    expect([status, body]).toEqual([200, '6']);
    socket.send('5', '42["message",1]');
    expect(await nextMessage(socket)).toBe('42["message-back",1]');
    socket.close();
  });

  test('answers a poll that is still pending when the upgrade packet comes', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    const poll = session.get();
    socket.send('5');
    const { status, body } = await poll;
    expect(status === 400 || ['6', '1'].includes(body)).toBe(true);
    socket.send('42["message",1]');
    expect(await nextMessage(socket)).toBe('42["message-back",1]');
    socket.close();
  });

  test('brings what waited for a poll over the WebSocket', async () => {
    const session = await joinPolling(endpoint);
    await session.post('42["count",100]');
    const socket = await probeWebSocket(endpoint.url, session.sid);
    socket.send('5');
    expect(await numbersFrom(socket, 100)).toEqual(range(100));
    socket.close();
  });

  test('loses and reorders nothing that the server sends meanwhile', async () => {
    const session = await joinPolling(endpoint);
    await session.post('42["tick",150,2]');
    const numbers: number[] = [];
    const poll = session.get();
    const socket = await probeWebSocket(endpoint.url, session.sid);
    numbers.push(...numbersIn((await poll).body));
    await Bun.sleep(SETTLE_MS);
    socket.send('5');
    numbers.push(...(await numbersFrom(socket, 150 - numbers.length)));
    expect(numbers).toEqual(range(150));
    socket.close();
  });

  test('keeps the order of what the client sends over both transports', async () => {
    const session = await joinPolling(endpoint);
    await session.post(...range(50).map((number) => `42["message",${number}]`));
    const socket = await probeWebSocket(endpoint.url, session.sid);
    const rest = range(100).slice(50);
    socket.send('5', ...rest.map((number) => `42["message",${number}]`));
    for (const number of range(100)) {
      expect(await nextMessage(socket)).toBe(`42["message-back",${number}]`);
    }
    socket.close();
  });

  test('keeps the halves of a binary event together that waits during the upgrade', async () => {
    const session = await joinPolling(endpoint);
    const event = '451-["message",{"_placeholder":true,"num":0}]';
    await session.post(event, Uint8Array.from([1, 2, 3]), event, Uint8Array.from([4, 5, 6]));
    const socket = await probeWebSocket(endpoint.url, session.sid);
    socket.send('5');
    for (const bytes of [
      [1, 2, 3],
      [4, 5, 6],
    ]) {
      expect(await nextMessage(socket)).toStartWith('451-["message-back"');
      expect(await socket.next()).toEqual(Uint8Array.from(bytes));
    }
    socket.close();
  });

  test('takes the header over polling and the attachment over WebSocket', async () => {
    const session = await joinPolling(endpoint);
    await session.post('451-["message",{"_placeholder":true,"num":0}]');
    const socket = await probeWebSocket(endpoint.url, session.sid);
    socket.send('5', Uint8Array.from([7, 8]));
    expect(await nextMessage(socket)).toStartWith('451-["message-back"');
    expect(await socket.next()).toEqual(Uint8Array.from([7, 8]));
    socket.close();
  });

  test('b64=1 is refused, or bytes come as text over the new transport', async () => {
    const session = await joinPolling(endpoint);
    const event = '451-["message",{"_placeholder":true,"num":0}]';
    await session.post(event, Uint8Array.from([1, 2, 3, 4]));
    const socket = new RawWebSocket(endpoint.url, { query: `sid=${session.sid}&b64=1` });
    await within('the WebSocket is refused or opens', socket.opened);
    if (socket.closure === undefined) {
      socket.send('2probe', '5', event, 'bBQYH');
      expect(await socket.next()).toBe('3probe');
      for (const base64 of ['bAQIDBA==', 'bBQYH']) {
        expect(await nextMessage(socket)).toStartWith('451-["message-back"');
        expect(await socket.next()).toBe(base64);
      }
      socket.close();
    }
    await expectServing(endpoint);
  });

  test('happens before CONNECT, too', async () => {
    const session = await RawPolling.open(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    socket.send('5', '40');
    expect(await nextMessage(socket)).toStartWith('40{"sid":');
    socket.close();
  });

  test('refuses the old transport afterwards', async () => {
    const { session, socket } = await upgraded(endpoint);
    expect((await session.get()).status).toBe(400);
    expect((await session.postBody('42["message","old way"]')).status).toBe(400);
    socket.send('42["message","new way"]');
    expect(await nextMessage(socket)).toBe('42["message-back","new way"]');
    socket.close();
  });

  test('refuses a second WebSocket afterwards', async () => {
    const { session, socket } = await upgraded(endpoint);
    await expectNoProbe(endpoint, session.sid);
    socket.send('42["message",1]');
    expect(await nextMessage(socket)).toBe('42["message-back",1]');
    socket.close();
  });

  test('refuses a second WebSocket while the first is on its way', async () => {
    const session = await joinPolling(endpoint);
    const first = await probeWebSocket(endpoint.url, session.sid);
    await expectNoProbe(endpoint, session.sid);
    first.send('5', '42["message",1]');
    expect(await nextMessage(first)).toBe('42["message-back",1]');
    first.close();
  });

  // The protocol forbids it; the reference lets such a WebSocket take the session over.
  test.skipIf(isReference)('refuses a WebSocket for a session that began as one', async () => {
    const socket = new RawWebSocket(endpoint.url);
    const open = await socket.text();
    const { sid } = JSON.parse(open.slice(1)) as { sid: string };
    await expectNoProbe(endpoint, sid);
    expect((await request(endpoint, `EIO=4&transport=polling&sid=${sid}`)).status).toBe(400);
    socket.send('40');
    expect(await socket.next()).toStartWith('40{');
    socket.close();
  });

  test('can be tried again after it was given up by the client', async () => {
    const session = await joinPolling(endpoint);
    const first = await probeWebSocket(endpoint.url, session.sid);
    first.close();
    await first.end();
    await Bun.sleep(SETTLE_MS);
    await session.post('42["message","between"]');
    expect(await nextPolled(session)).toBe('42["message-back","between"]');
    const second = await probeWebSocket(endpoint.url, session.sid);
    second.send('5', '42["message",2]');
    expect(await nextMessage(second)).toBe('42["message-back",2]');
    second.close();
  });

  test('keeps what waits when the client gives up its WebSocket', async () => {
    const session = await joinPolling(endpoint);
    await session.post('42["count",20]');
    const socket = await probeWebSocket(endpoint.url, session.sid);
    socket.close();
    await socket.end();
    for (const number of range(20)) {
      expect(await nextPolled(session)).toBe(`42["number",${number}]`);
    }
  });

  test.each(NOT_A_PROBE)('closes a WebSocket that sends "%s" for a probe', async (packet) => {
    const session = await joinPolling(endpoint);
    const socket = new RawWebSocket(endpoint.url, { query: `sid=${session.sid}` });
    await within('the WebSocket opens', socket.opened);
    socket.send(packet);
    await socket.end('the server closes the WebSocket', LATEST_GIVING_UP_MS);
    expect(socket.unread).toEqual([]);
    await session.post('42["message","unharmed"]');
    expect(await nextPolled(session)).toBe('42["message-back","unharmed"]');
  });

  test('ends the WebSocket on its way when the session ends', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    await session.post('1');
    await socket.end();
    expect((await session.get()).status).toBe(400);
    await expectServing(endpoint);
  });

  test('does not open a WebSocket for a session that is gone', async () => {
    const { session, socket } = await upgraded(endpoint);
    socket.close();
    await socket.end();
    await Bun.sleep(SETTLE_MS);
    const late = new RawWebSocket(endpoint.url, { query: `sid=${session.sid}` });
    await late.end('the late WebSocket is refused');
    expect(late.wasOpened).toBe(false);
  });

  test('the server can close an upgraded session', async () => {
    const { socket } = await upgraded(endpoint);
    socket.send('42["close-me"]');
    expect(await nextMessage(socket)).toBe('41');
    await socket.end();
  });

  test('the end of the WebSocket ends an upgraded session', async () => {
    const { session, socket } = await upgraded(endpoint);
    socket.close();
    await socket.end();
    await Bun.sleep(SETTLE_MS);
    expect((await session.get()).status).toBe(400);
  });

  test('works for many sessions at once', async () => {
    const sockets = await Promise.all(range(16).map(async () => (await upgraded(endpoint)).socket));
    const echoes = sockets.map(async (socket, index) => {
      socket.send(`42["message",${index}]`);
      return await nextMessage(socket);
    });
    expect(await Promise.all(echoes)).toEqual(
      sockets.map((_, index) => `42["message-back",${index}]`),
    );
    for (const socket of sockets) {
      socket.close();
    }
  });
}

/** What lasts as long as the server waits for the client. */
function declareGivingUp(endpoint: Endpoint): void {
  test.each([
    ['probed', ['2probe']],
    ['silent', []],
  ] as const)('gives up a WebSocket left %s and stays on polling', async (_name, frames) => {
    const session = await joinPolling(endpoint);
    const socket = new RawWebSocket(endpoint.url, { query: `sid=${session.sid}` });
    await within('the WebSocket opens', socket.opened);
    const start = performance.now();
    socket.send(...frames);
    const ended = socket.end('the server gives up the upgrade', LATEST_GIVING_UP_MS);
    // The client goes on polling meanwhile, or the session would end for want of pongs.
    await session.post('42["tick",20,75]');
    for (const number of range(20)) {
      expect(await nextPolled(session)).toBe(`42["number",${number}]`);
    }
    await ended;
    expect(performance.now() - start).toBeGreaterThan(UPGRADE_TIMEOUT_MS - SETTLE_MS);
    await session.post('42["message","still polling"]');
    expect(await nextPolled(session)).toBe('42["message-back","still polling"]');
  });

  test('ends the WebSocket on its way when the session ends', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    await session.post('1');
    await socket.end();
    expect((await session.get()).status).toBe(400);
    await expectServing(endpoint);
  });
}

/** A session that has joined over polling and finished its upgrade. */
async function upgraded(
  endpoint: Endpoint,
): Promise<{ session: RawPolling; socket: RawWebSocket }> {
  const session = await joinPolling(endpoint);
  const socket = await probeWebSocket(endpoint.url, session.sid);
  socket.send('5', '42["message","upgraded"]');
  expect(await nextMessage(socket)).toBe('42["message-back","upgraded"]');
  return { session, socket };
}

/** A further WebSocket for this session must be opened, and end without an answer to its probe. */
async function expectNoProbe(endpoint: Endpoint, sid: string): Promise<void> {
  const socket = new RawWebSocket(endpoint.url, { query: `sid=${sid}` });
  await within('the further WebSocket opens', socket.opened);
  if (socket.closure === undefined) {
    socket.send('2probe');
  }
  await socket.end('the server ends the further WebSocket');
  expect(socket.wasOpened).toBe(true);
  expect(socket.unread).toEqual([]);
}

/** The next polled packet that is no noop. */
async function nextPolled(session: RawPolling): Promise<string> {
  const packet = await session.next();
  return packet === '6' ? await nextPolled(session) : String(packet);
}

function numbersIn(body: string): number[] {
  return body
    .split(PACKET_SEPARATOR)
    .filter((packet) => packet.startsWith('42["number",'))
    .map((packet) => (JSON.parse(packet.slice(2)) as [string, number])[1]);
}

async function numbersFrom(socket: RawWebSocket, count: number): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.length < count) {
    numbers.push(...numbersIn(await nextMessage(socket)));
  }
  return numbers;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}
