/** Engine.IO v4: how a session opens, and how requests that are wrong are refused. */

import { expect, test } from 'bun:test';
import { RawConnection, type RawResponse, upgradeRequest } from '../support/raw-http.ts';
import { errorOf, RawPolling, request } from '../support/raw-polling.ts';
import { openWebSocket, parseOpenPacket, RawWebSocket } from '../support/raw-websocket.ts';
import {
  CALM,
  describeOnTargets,
  expectServing,
  isReference,
  MAX_PAYLOAD_BYTES,
} from './target.ts';

const ERROR = {
  unknownTransport: { code: 0, message: 'Transport unknown' },
  unknownSid: { code: 1, message: 'Session ID unknown' },
  badMethod: { code: 2, message: 'Bad handshake method' },
  badRequest: { code: 3, message: 'Bad request' },
  unsupportedVersion: { code: 5, message: 'Unsupported protocol version' },
} as const;

const REFUSALS = [
  ['no EIO', 'GET', 'transport=polling', ERROR.unsupportedVersion],
  ['EIO of no number', 'GET', 'EIO=abc&transport=polling', ERROR.unsupportedVersion],
  ['EIO 3', 'GET', 'EIO=3&transport=polling', ERROR.unsupportedVersion],
  ['EIO 5', 'GET', 'EIO=5&transport=polling', ERROR.unsupportedVersion],
  ['no transport', 'GET', 'EIO=4', ERROR.unknownTransport],
  ['an unknown transport', 'GET', 'EIO=4&transport=abc', ERROR.unknownTransport],
  ['a name of Object.prototype', 'GET', 'EIO=4&transport=constructor', ERROR.unknownTransport],
  ['POST as handshake', 'POST', 'EIO=4&transport=polling', ERROR.badMethod],
  ['PUT as handshake', 'PUT', 'EIO=4&transport=polling', ERROR.badMethod],
  ['DELETE as handshake', 'DELETE', 'EIO=4&transport=polling', ERROR.badMethod],
  ['WebSocket without upgrade', 'GET', 'EIO=4&transport=websocket', ERROR.badRequest],
  ['unknown sid', 'GET', 'EIO=4&transport=polling&sid=abc', ERROR.unknownSid],
  ['unknown sid', 'POST', 'EIO=4&transport=polling&sid=abc', ERROR.unknownSid],
  ['sid __proto__', 'GET', 'EIO=4&transport=polling&sid=__proto__', ERROR.unknownSid],
  ['sid of odd bytes', 'GET', 'EIO=4&transport=polling&sid=%00%ff..%2f', ERROR.unknownSid],
  ['sid too long', 'GET', `EIO=4&transport=polling&sid=${'x'.repeat(4000)}`, ERROR.unknownSid],
] as const;

const UPGRADE_REFUSALS = [
  ['no transport', 'EIO=4', ERROR.unknownTransport],
  ['an unknown transport', 'EIO=4&transport=abc', ERROR.unknownTransport],
  ['unknown sid', 'EIO=4&transport=websocket&sid=abc', ERROR.unknownSid],
] as const;

describeOnTargets('Engine.IO handshake', (endpoint) => {
  test('over polling answers one open packet', async () => {
    const answer = await request(endpoint, 'EIO=4&transport=polling');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')?.toLowerCase()).toBe('text/plain; charset=utf-8');
    expect(answer.headers.get('cache-control')).toContain('no-store');
    const { sid, ...rest } = parseOpenPacket(answer.body);
    expect(sid).toMatch(/^[\w-]{8,64}$/);
    expect(rest).toEqual({
      upgrades: ['websocket'],
      pingInterval: CALM.pingIntervalMs,
      pingTimeout: CALM.pingTimeoutMs,
      maxPayload: MAX_PAYLOAD_BYTES,
    });
  });

  test('over WebSocket answers one open packet that offers no upgrade', async () => {
    const { socket, handshake } = await openWebSocket(endpoint.url);
    const { sid, ...rest } = handshake;
    expect(sid).toMatch(/^[\w-]{8,64}$/);
    expect(rest).toEqual({
      upgrades: [],
      pingInterval: CALM.pingIntervalMs,
      pingTimeout: CALM.pingTimeoutMs,
      maxPayload: MAX_PAYLOAD_BYTES,
    });
    socket.close();
  });

  test('gives every session its own id', async () => {
    const sessions = await Promise.all(Array.from({ length: 50 }, () => RawPolling.open(endpoint)));
    expect(new Set(sessions.map(({ sid }) => sid)).size).toBe(50);
  });

  test('takes an empty sid for none', async () => {
    const answer = await request(endpoint, 'EIO=4&transport=polling&sid=');
    expect(parseOpenPacket(answer.body).upgrades).toEqual(['websocket']);
    const { socket } = await openWebSocket(endpoint.url, { query: 'sid=' });
    socket.send('40');
    expect(await socket.text()).toStartWith('40{');
    socket.close();
    const posted = await request(endpoint, 'EIO=4&transport=polling&sid=', { method: 'POST' });
    expect([posted.status, errorOf(posted)]).toEqual([400, ERROR.badMethod]);
  });

  test('ignores query parameters it does not know', async () => {
    const answer = await request(endpoint, 'foo=bar&t=abc&EIO=4&transport=polling&x');
    expect(answer.status).toBe(200);
  });

  test.each(REFUSALS)('refuses %s (%s)', async (_name, method, query, error) => {
    const answer = await request(endpoint, query, { method });
    expect({ status: answer.status, error: errorOf(answer) }).toEqual({ status: 400, error });
    expect(answer.headers.get('content-type')).toContain('application/json');
  });

  test('refuses ids that differ from a real one in one character', async () => {
    const { sid } = await RawPolling.open(endpoint);
    const near = Array.from(sid, (character, index) => {
      const other = character === 'A' ? 'B' : 'A';
      return `${sid.slice(0, index)}${other}${sid.slice(index + 1)}`;
    });
    for (const id of [...near, sid.slice(1), sid.slice(0, -1), `${sid}A`]) {
      const answer = await request(endpoint, `EIO=4&transport=polling&sid=${id}`);
      expect([id, answer.status, errorOf(answer)]).toEqual([id, 400, ERROR.unknownSid]);
    }
  });

  test('refuses another protocol version for a session that is open', async () => {
    const { sid } = await RawPolling.open(endpoint);
    const answer = await request(endpoint, `EIO=3&transport=polling&sid=${sid}`);
    expect(answer.status).toBe(400);
    expect([3, 5]).toContain(errorOf(answer).code);
  });

  test('refuses the WebSocket transport over plain HTTP for a session on polling', async () => {
    const session = await RawPolling.open(endpoint);
    const query = `EIO=4&transport=websocket&sid=${session.sid}`;
    const answer = await request(endpoint, query);
    expect([answer.status, errorOf(answer)]).toEqual([400, ERROR.badRequest]);
    await session.post('40');
    expect(await session.next()).toStartWith('40');
  });

  test.each(['PUT', 'DELETE', 'PATCH'])(
    'refuses %s for a session, which lives on',
    async (method) => {
      const session = await RawPolling.open(endpoint);
      const answer = await request(endpoint, session.query, { method });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      await session.post('40');
      expect(await session.next()).toStartWith('40');
    },
  );

  test.each(UPGRADE_REFUSALS)('refuses a WebSocket with %s', async (_name, query, error) => {
    const response = await tryUpgrade(endpoint.url, query);
    expect(response?.status).toBe(400);
    // The reference answers upgrades in plain text; Holdfast gives the same object everywhere.
    expect(isReference ? response?.body : JSON.parse(response?.body ?? '')).toEqual(
      isReference ? error.message : error,
    );
  });

  test.each(['transport=websocket', 'EIO=abc&transport=websocket', 'EIO=3&transport=websocket'])(
    'opens no session for a WebSocket with ?%s',
    async (wholeQuery) => {
      const socket = new RawWebSocket(endpoint.url, { wholeQuery });
      await socket.end();
      expect(socket.unread).toEqual([]);
      await expectServing(endpoint);
    },
  );

  // The reference has taken the WebSocket by the time it looks at the version.
  test.skipIf(isReference)('refuses a WebSocket of another version before it opens', async () => {
    const response = await tryUpgrade(endpoint.url, 'EIO=3&transport=websocket');
    expect(response?.status).toBe(400);
    expect(JSON.parse(response?.body ?? '')).toEqual(ERROR.unsupportedVersion);
  });

  test('accepts the WebSocket key as RFC 6455 computes it', async () => {
    const response = await tryUpgrade(endpoint.url, 'EIO=4&transport=websocket');
    expect(response?.status).toBe(101);
    expect(response?.headers.get('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  // The reference still serves JSONP; Holdfast has no client that needs it and says so.
  test.skipIf(isReference)('refuses JSONP with an error that can be read', async () => {
    const answer = await request(endpoint, 'EIO=4&transport=polling&j=0');
    expect(answer.status).toBe(400);
    expect(errorOf(answer).message).toBeString();
    expect(answer.body).not.toContain('___eio');
  });
});

async function tryUpgrade(url: string, query: string): Promise<RawResponse | undefined> {
  const connection = await RawConnection.open(url);
  connection.write(upgradeRequest(query));
  const response = await connection.response();
  connection.close();
  return response;
}
