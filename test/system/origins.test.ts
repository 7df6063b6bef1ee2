/** Which pages may connect: the server's own, however proxies name it, and those listed. */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { RawConnection } from '../support/raw-http.ts';

const HANDSHAKE = '/socket.io/?EIO=4&transport=polling';
const UPGRADE = '/socket.io/?EIO=4&transport=websocket';

let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'origins-app.ts'),
    workers: 1,
    config: {
      corsOrigins: ['https://*.listed.example', 'capacitor://localhost', 'null'],
      corsCredentials: true,
    },
  });
});
afterAll(() => node.stop());

async function statuses(headers: readonly string[]): Promise<readonly (number | undefined)[]> {
  const lines = headers.map((line) => `${line}\r\n`).join('');
  const socket =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const requests = [`GET ${HANDSHAKE} HTTP/1.1\r\n${lines}\r\n`];
  requests.push(`GET ${UPGRADE} HTTP/1.1\r\n${lines}${socket}\r\n`);
  return await Promise.all(
    requests.map(async (text) => {
      const connection = await RawConnection.open(node.url);
      connection.write(text);
      const response = await connection.response();
      connection.close();
      return response?.status;
    }),
  );
}

test.each([
  ['with a default port', ['Host: shop.example:443', 'Origin: https://shop.example']],
  ['in capitals', ['Host: SHOP.Example', 'Origin: https://shop.example']],
  [
    'without the port',
    ['Host: shop.example', 'Via: 1.1 proxy', 'Origin: http://shop.example:8080'],
  ],
  [
    'as another proxy says',
    ['Host: 10.1.1.1:8500', 'X-Forwarded-Host: shop.example', 'Origin: https://shop.example'],
  ],
  ['by a pattern', ['Host: x', 'Origin: https://a.b.listed.example']],
  ['of an app shell', ['Host: x', 'Origin: capacitor://localhost']],
  ['without an origin of its own', ['Host: x', 'Origin: null']],
  ['that the app lets in', ['Host: x', 'Origin: https://asked.example']],
])('a page %s may connect', async (_how, headers) => {
  expect(await statuses(headers)).toEqual([200, 101]);
});

test('a page on another port of the host may not, without a proxy in between', async () => {
  const origin = 'Origin: http://shop.example:9999';
  expect(await statuses(['Host: shop.example', origin])).toEqual([403, 403]);
  expect(await statuses(['Host: shop.example:443', origin])).toEqual([403, 403]);
});

test.each([
  'https://listed.example',
  'https://evillisted.example',
  'https://a.listed.example.evil.example',
  'https://a.listed.example:8443',
  'tauri://localhost',
  'https://throws.example',
  'https://answers-yes.example',
])('a page of %s may not', async (origin) => {
  expect(await statuses(['Host: x', `Origin: ${origin}`])).toEqual([403, 403]);
});

test('errors can be read by pages that may connect', async () => {
  const headers = { origin: 'https://a.listed.example' };
  const answers = await Promise.all([
    fetch(`${node.url}${HANDSHAKE}&sid=unknown`, { headers }),
    fetch(`${node.url}/socket.io/?EIO=3&transport=polling`, { headers }),
    fetch(`${node.url}${HANDSHAKE}`, { method: 'PUT', headers }),
  ]);
  for (const answer of answers) {
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([
      answer.status,
      'https://a.listed.example',
    ]);
  }
});
