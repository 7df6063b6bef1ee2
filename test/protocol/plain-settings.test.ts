/** The plain protocol on nodes that are set up otherwise: limits, proxies, TLS, or without it. */

import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/host/config/schema.ts';
import { makeCertificate } from '../support/certificates.ts';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import {
  HTTP_KINDS,
  openPlain,
  PLAIN_KINDS,
  plainRequest,
  poll,
  postTo,
} from '../support/plain-client.ts';
import { event, question } from '../support/plain-messages.ts';
import { expectRefused } from '../support/plain-refusal.ts';
import { requestText } from '../support/plain-stream.ts';
import { upgradeRequest } from '../support/raw-http.ts';
import { RawPeer } from '../support/raw-peer.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { asked, endpointOf, expectAlive, Opened, startPlain } from './plain-target.ts';

const TIMEOUT_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'plain-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs against a node of its own. */
async function withNode(
  config: Partial<Config>,
  run: (endpoint: Endpoint, node: HoldfastProcess) => Promise<void>,
): Promise<void> {
  await using node = await startPlain(2, config);
  await run(endpointOf(node), node);
  await node.stop();
}

describe('plain clients on a node', () => {
  test(
    'that bounds the rooms of a session',
    () =>
      withNode({ maxRoomsPerSession: 3 }, async (endpoint) => {
        await using opened = new Opened(endpoint);
        for (const kind of PLAIN_KINDS) {
          const refused = { status: 403, reason: 'joinForbidden' };
          await expectRefused(endpoint, kind, { rooms: ['a', 'b', 'c', 'd'] }, refused);
          const client = await opened.open(kind, { rooms: ['a', 'b'] });
          await client.send({ type: 'join', room: 'c', id: 1 }, { type: 'join', room: 'd', id: 2 });
          expect(await client.next()).toMatchObject({ type: 'ack', id: 1 });
          expect(await client.next()).toMatchObject({ type: 'error', id: 2 });
          await client.send(
            { type: 'leave', room: 'a', id: 3 },
            { type: 'join', room: 'd', id: 4 },
          );
          expect(await client.next()).toMatchObject({ type: 'ack', id: 3 });
          expect(await client.next()).toMatchObject({ type: 'ack', id: 4 });
        }
      }),
    TIMEOUT_MS,
  );

  test(
    'that bounds the sessions of a user',
    async () => {
      await using node = await startPlain(1, { maxSessionsPerUser: 1 });
      const endpoint = endpointOf(node);
      await using opened = new Opened(endpoint);
      const first = await opened.open('stream', { auth: { user: 'u1' } });
      for (const kind of PLAIN_KINDS) {
        const refused = { status: 429, reason: 'userSessions' };
        await expectRefused(endpoint, kind, { auth: { user: 'u1' } }, refused);
        await opened.open(kind, { auth: { user: `only ${kind}` } });
      }
      await expectAlive(first);
    },
    TIMEOUT_MS,
  );

  test(
    'that slows down who sends much, by POST as well',
    () =>
      withNode({ maxMessagesPerSecond: 200 }, async (endpoint) => {
        await using opened = new Opened(endpoint);
        const client = await opened.open('stream');
        const numbers = Array.from({ length: 600 }, (_, number) => number);
        const startMs = performance.now();
        await client.send(...numbers.map((number) => event('keep', number)));
        await client.send(question(1, 'heard'));
        expect(await client.next()).toMatchObject({ type: 'ack', args: numbers });
        // Two hundred at once, and two hundred a second, less what timers are off.
        expect(performance.now() - startMs).toBeGreaterThan(1500);
      }),
    TIMEOUT_MS,
  );

  test(
    'behind a proxy that it trusts',
    () =>
      withNode({ trustedProxies: ['127.0.0.1'] }, async (endpoint) => {
        await using opened = new Opened(endpoint);
        const headers = { 'x-forwarded-for': '203.0.113.9' };
        for (const kind of PLAIN_KINDS) {
          const client = await opened.open(kind, { headers });
          const who = { address: '203.0.113.9' };
          expect(await asked(client, 'who')).toMatchObject({ args: [who] });
        }
      }),
    TIMEOUT_MS,
  );

  test(
    'that takes none',
    () =>
      withNode({ plainClients: false }, async (endpoint) => {
        for (const path of ['/ws', '/sse', '/poll', '/poll?stream=1', '/poll?since=x.1']) {
          expect([path, (await plainRequest(endpoint, path)).status]).toEqual([path, 404]);
        }
        expect((await postTo(endpoint, 'x', '{"type":"ping"}')).status).toBe(404);
        expect((await plainRequest(endpoint, '/page')).body).toBe('a page');
      }),
    TIMEOUT_MS,
  );

  test(
    'that holds polls no longer than it is told',
    () =>
      withNode({ pollHoldMs: 100 }, async (endpoint) => {
        let { session, position } = await poll(endpoint, '');
        const first = session;
        for (let times = 0; times < 10; times += 1) {
          const answer = await poll(endpoint, `since=${position}`);
          expect(answer).toMatchObject({ session: first, messages: [] });
          ({ session, position } = answer);
        }
      }),
    TIMEOUT_MS,
  );

  test(
    'over TLS',
    async () => {
      const { cert, key } = makeCertificate();
      const [tlsCert, tlsKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      await Promise.all([Bun.write(tlsCert, cert), Bun.write(tlsKey, key)]);
      await withNode({ tlsCert, tlsKey }, async (_endpoint, node) => {
        for (const request of [
          upgradeRequest('', [], '/ws'),
          ...['/sse', '/poll?stream=1', '/poll'].map((target) => requestText({ target })),
          requestText({ target: '/sse', version: '1.0' }),
        ]) {
          const peer = await RawPeer.open(node.publicPort, true);
          peer.send(request);
          await peer.untilText('"type":"connect"');
          const session = /"session":"([^"]+)"/.exec(peer.text)?.[1];
          if (session !== undefined) {
            const poster = await RawPeer.open(node.publicPort, true);
            const body = JSON.stringify(event('back', 'x'.repeat(200_000)));
            poster.send(requestText({ target: `/poll?session=${session}`, method: 'POST', body }));
            await poster.untilText('{"accepted":1}');
            poster.leave();
            if (!request.startsWith('GET /poll HTTP')) {
              await peer.until('a long message', ({ length }) => length > 200_000);
            }
          }
          peer.leave();
        }
      });
    },
    TIMEOUT_MS,
  );

  test(
    'that compresses and negotiates nothing, whatever they accept',
    () =>
      withNode({}, async (endpoint) => {
        for (const kind of HTTP_KINDS) {
          const headers = { accept: 'application/octet-stream', 'accept-encoding': 'br, gzip' };
          const client = await openPlain(endpoint, kind, { headers });
          await expectAlive(client);
          await client.close();
        }
      }),
    TIMEOUT_MS,
  );
});
