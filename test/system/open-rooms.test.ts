/** Whether an operator is told that plain clients may join any room of an app. */

import { expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/host/config/schema.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

setDefaultTimeout(60_000);

test.each<[string, string, Partial<Config>, number]>([
  ['lets clients in, and says nothing of rooms', 'authenticate() {}', {}, 1],
  ['says who may join', 'authenticate() {}, mayJoin: () => true', {}, 0],
  ['lets everybody in', '', {}, 0],
  ['is for Socket.IO alone', 'authenticate() {}', { plainClients: false }, 0],
  ['has a namespace without a word of rooms', "namespaces: { '/a': { authenticate() {} } }", {}, 1],
])('of an app that %s', async (_name, parts, config, times) => {
  const folder = mkdtempSync(join(tmpdir(), 'open-rooms-'));
  const app = join(folder, 'app.ts');
  writeFileSync(
    app,
    `import { defineApp } from 'holdfast';\nexport default defineApp({ ${parts} });`,
  );
  try {
    await using node = await HoldfastProcess.start({ app, workers: 2, config });
    // What workers say comes by a way of its own, and all of it before the end.
    await node.stop();
    const told = node.log.filter(({ msg }) => msg.includes('declare mayJoin'));
    expect(told).toHaveLength(times);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
