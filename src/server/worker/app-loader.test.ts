import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadApp } from './app-loader.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-app-'));
let files = 0;

afterAll(() => rmSync(folder, { recursive: true }));

function appFile(text: string): string {
  const path = join(folder, `app-${files++}.ts`);
  writeFileSync(path, text);
  return path;
}

test('an app file far from the package gets `holdfast`', async () => {
  const app = await loadApp(
    appFile(`import { ack, defineApp } from 'holdfast';
      export default defineApp({ on: { two: () => ack(1, 2) }, namespaces: { '/b': {} } });`),
  );
  expect(Object.keys(app.namespaces ?? {})).toEqual(['/b']);
  const two = app.on?.['two'] as unknown as () => { values: unknown[] };
  expect(two().values).toEqual([1, 2]);
});

test.each([
  ['exports nothing', 'export const app = {};', 'export default defineApp'],
  ['exports a function', 'export default () => {};', 'export default defineApp'],
  ['does not parse', 'export default {', 'cannot be loaded'],
  ['throws', "throw new Error('no database');", 'no database'],
  ['has a handler that is text', "export default { on: { x: 'y' } };", "'x'"],
  ['has a namespace without a slash', 'export default { namespaces: { chat: {} } };', "'chat'"],
  ['has a namespace with a comma', "export default { namespaces: { '/a,b': {} } };", "'/a,b'"],
  ['declares / twice', "export default { namespaces: { '/': {} } };", "'/'"],
])('an app file that %s is refused in words', async (_name, text, told) => {
  const path = appFile(text);
  const error = await loadApp(path).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toContain(path);
  expect((error as Error).message).toContain(told);
});
