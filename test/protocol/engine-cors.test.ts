/** Which origins may use the server from a browser, and what the browser is told (Fetch, CORS). */

import { expect, test } from 'bun:test';
import { RawConnection, upgradeRequest } from '../support/raw-http.ts';
import { type Answer, errorOf, RawPolling, request } from '../support/raw-polling.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { ALLOWED_ORIGIN, describeOnTargets, isReference, MAX_PAYLOAD_BYTES } from './target.ts';

const HANDSHAKE = 'EIO=4&transport=polling';
const FORBIDDEN = { code: 4, message: 'Forbidden' };

const FOREIGN_ORIGINS = [
  'https://other.example',
  'http://allowed.example',
  'https://allowed.example:8443',
  'https://allowed.example.other.example',
  'https://sub.allowed.example',
  'null',
] as const;

describeOnTargets('CORS', (endpoint) => {
  test('an allowed origin is echoed, with credentials, and caches are told', async () => {
    const answer = await request(endpoint, HANDSHAKE, { headers: { origin: ALLOWED_ORIGIN } });
    expect(answer.status).toBe(200);
    expectAllowed(answer);
  });

  test('every answer of a session from an allowed origin says so', async () => {
    const headers = { origin: ALLOWED_ORIGIN };
    const session = await RawPolling.open(endpoint, headers);
    const post = await session.postBody('40', headers);
    expectAllowed(post);
    const poll = await request(endpoint, session.query, { headers });
    expect([post.status, poll.status]).toEqual([200, 200]);
    expectAllowed(poll);
  });

  test('an error can be read by an allowed origin', async () => {
    const headers = { origin: ALLOWED_ORIGIN };
    const answer = await request(endpoint, `${HANDSHAKE}&sid=unknown`, { headers });
    expect([answer.status, errorOf(answer).code]).toEqual([400, 1]);
    expectAllowed(answer);
  });

  test('a body that is too long is refused so that an allowed origin can read it', async () => {
    const headers = { origin: ALLOWED_ORIGIN };
    const session = await RawPolling.open(endpoint, headers);
    const answer = await session.postBody('x'.repeat(3 * MAX_PAYLOAD_BYTES), headers);
    expect(answer.status).toBe(413);
    if (!isReference) expectAllowed(answer);
  });

  test.each(['', '&sid=unknown'])('a preflight of an allowed origin passes (%s)', async (sid) => {
    const answer = await request(endpoint, `${HANDSHAKE}${sid}`, {
      method: 'OPTIONS',
      headers: {
        origin: ALLOWED_ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-custom',
      },
    });
    expect([200, 204]).toContain(answer.status);
    expect(answer.body).toBe('');
    expectAllowed(answer);
    expect(list(answer, 'access-control-allow-methods')).toContain('post');
    const allowed = list(answer, 'access-control-allow-headers');
    expect(allowed).toContain('content-type');
    expect(allowed).toContain('x-custom');
  });

  test.each(FOREIGN_ORIGINS)('a handshake of %s is refused', async (origin) => {
    const answer = await request(endpoint, HANDSHAKE, { headers: { origin } });
    expect([answer.status, errorOf(answer)]).toEqual([403, FORBIDDEN]);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('a preflight of a foreign origin is not granted', async () => {
    const answer = await request(endpoint, HANDSHAKE, {
      method: 'OPTIONS',
      headers: { origin: 'https://other.example', 'access-control-request-method': 'POST' },
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  test.each(FOREIGN_ORIGINS)('a WebSocket of %s is refused before it opens', async (origin) => {
    const connection = await RawConnection.open(endpoint.url);
    connection.write(upgradeRequest('EIO=4&transport=websocket', [`Origin: ${origin}`]));
    const response = await connection.response();
    connection.close();
    // The reference answers every refused upgrade with 400 and plain text.
    expect(response?.status).toBe(isReference ? 400 : 403);
    expect(isReference ? FORBIDDEN : JSON.parse(response?.body ?? '')).toEqual(FORBIDDEN);
  });

  test('a WebSocket of an allowed origin opens', async () => {
    const socket = new RawWebSocket(endpoint.url, { headers: { origin: ALLOWED_ORIGIN } });
    expect(await socket.text()).toStartWith('0{');
    socket.close();
  });

  test('a client that names no origin is no browser, and is served', async () => {
    const answer = await request(endpoint, HANDSHAKE);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-credentials')).not.toBe('*');
  });

  test('a page served from the same host and port is served', async () => {
    const answer = await request(endpoint, HANDSHAKE, { headers: { origin: endpoint.url } });
    expect(answer.status).toBe(200);
    const socket = new RawWebSocket(endpoint.url, { headers: { origin: endpoint.url } });
    expect(await socket.text()).toStartWith('0{');
    socket.close();
  });
});

function expectAllowed({ headers }: Answer): void {
  expect(headers.get('access-control-allow-origin')).toBe(ALLOWED_ORIGIN);
  expect(headers.get('access-control-allow-credentials')).toBe('true');
  expect(headers.get('vary')?.toLowerCase()).toContain('origin');
}

function list({ headers }: Answer, name: string): string[] {
  return (headers.get(name) ?? '').split(',').map((item) => item.trim().toLowerCase());
}
