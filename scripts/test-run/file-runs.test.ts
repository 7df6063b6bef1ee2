import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { FileRuns } from './file-runs.ts';

const REQUEST = { paths: [], flags: [], seed: 1, lanes: 1, stopsAtFailure: false };
const FILE_TIMEOUT_MS = 2_000;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-file-runs-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

test('a file in an endless loop is ended, and has failed', async () => {
  const path = join(folder, 'a.test.ts');
  writeFileSync(path, "import { test } from 'bun:test'; test('never ends', () => { for (;;); });");
  const runs = new FileRuns(folder, REQUEST, FILE_TIMEOUT_MS);
  const { failed, failures, seconds } = await runs.run(relative(process.cwd(), path));
  expect([failed, failures]).toEqual([1, expect.stringContaining('it ended with SIGKILL')]);
  expect(seconds).toBeLessThan(20);
});
