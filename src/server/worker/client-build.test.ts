import { expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { buildClient } from './client-build.ts';

/** What a page pays for the client on its way. */
const GZIPPED_MAX_BYTES = 5_000;

test('the client is one module that imports nothing, and small', async () => {
  const bytes = await buildClient();
  expect(gzipSync(bytes, { level: 9 }).length).toBeLessThan(GZIPPED_MAX_BYTES);
  const { imports, exports } = new Bun.Transpiler({ loader: 'js' }).scan(Buffer.from(bytes));
  expect([imports, exports.sort()]).toEqual([[], ['HoldfastError', 'connect']]);
});

test('it is the same each time, so that all workers serve the same', async () => {
  expect(await buildClient()).toEqual(await buildClient());
});
