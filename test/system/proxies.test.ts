/** A client's address behind proxies that the operator declared, and behind those nobody did. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { ask, Clients } from './clients.ts';

const APP = join(import.meta.dir, 'proxies-app.ts');
const HEADERS = {
  standard: { forwarded: 'for=8.8.8.8, for="[2001:db8::7]:4711";proto=https' },
  older: { 'x-forwarded-for': '8.8.8.8, 2001:db8::7' },
  forged: { 'x-forwarded-for': '2001:db8::7', forwarded: 'for=8.8.8.8' },
};

setDefaultTimeout(60_000);

const clients = new Clients();
/** The proxies of the last two have shown to nobody yet which header they write. */
const nodes: HoldfastProcess[] = [];

beforeAll(async () => {
  const declared = { trustedProxies: ['10.0.0.0/8', '127.0.0.0/8', '::1'] };
  const configs = [{}, declared, declared, declared];
  const start = (config: object): Promise<HoldfastProcess> =>
    HoldfastProcess.start({ app: APP, workers: 1, config });
  nodes.push(...(await Promise.all(configs.map(start))));
});

afterAll(async () => {
  clients.close();
  await Promise.all(nodes.map((node) => node.stop()));
});

test.each([
  ['a client without a proxy', 1, {}, '127.0.0.1'],
  ['one behind a proxy that writes Forwarded', 1, HEADERS.standard, '2001:db8::7'],
  ['one behind a proxy that writes X-Forwarded-For', 1, HEADERS.older, '2001:db8::7'],
  ['one that forges the header its proxy does not write', 2, HEADERS.forged, '127.0.0.1'],
  ['one that plays the proxy', 0, HEADERS.older, '127.0.0.1'],
])('%s', async (_what, number, extraHeaders, address) => {
  const { url } = nodes[number] as HoldfastProcess;
  for (const transport of ['polling', 'websocket']) {
    const socket = await clients.connect(url, { transports: [transport], extraHeaders });
    expect(await ask<string>(socket, 'whereFrom')).toBe(address);
  }
});

test('one that forges the header its proxy is known not to write', async () => {
  const { url } = nodes[3] as HoldfastProcess;
  // Somebody else came through it, and sent neither.
  await clients.connect(url, { extraHeaders: HEADERS.older });
  const socket = await clients.connect(url, { extraHeaders: HEADERS.forged });
  expect(await ask<string>(socket, 'whereFrom')).toBe('2001:db8::7');
});
