/** The public port answers on IPv4 and IPv6 unless it is told otherwise. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';

setDefaultTimeout(60_000);

const hasIpv6 = existsSync('/proc/net/if_inet6');
let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({ app: join(import.meta.dir, 'system-app.ts'), workers: 1 });
});
afterAll(() => node.stop());

const hosts = ['127.0.0.1', ...(hasIpv6 ? ['[::1]'] : [])];

test.each(hosts)('a client at %s is served', async (host) => {
  const socket = io(`http://${host}:${node.publicPort}`, { forceNew: true, reconnection: false });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  expect(await socket.emitWithAck('echo', host)).toBe(host);
  socket.close();
});
