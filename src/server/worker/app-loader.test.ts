import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../core/log/log.ts';
import { loadApp } from './app-loader.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-app-'));
let files = 0;

afterAll(() => rmSync(folder, { recursive: true }));

const doubts: string[] = [];
const LOG: Log = {
  debug: () => {},
  info: () => {},
  warn: (text) => doubts.push(text),
  error: () => {},
};

function appFile(text: string, extension = 'ts'): string {
  const path = join(folder, `app-${files++}.${extension}`);
  writeFileSync(path, text);
  return path;
}

test('an app file far from the package gets `holdfast`', async () => {
  const app = await loadApp(
    appFile(`import { ack, defineApp } from 'holdfast';
      export default defineApp({ on: { two: () => ack(1, 2) }, namespaces: { '/b': {} } });`),
    LOG,
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
  ['exports a promise', 'export default Promise.resolve({});', 'await it there'],
  ['exports an instance', 'class A {}\nexport default new A();', 'an instance of A'],
  ['misspells a hook', 'export default { autenticate() {} };', "the nearest is 'authenticate'"],
  ['throws no error', "throw 'no database';", 'no database'],
  ['declares / twice', "export default { namespaces: { '/': {} } };", "'/'"],
])('an app file that %s is refused in words', async (_name, text, told) => {
  const path = appFile(text);
  const error = await loadApp(path, LOG).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toContain(path);
  expect((error as Error).message).toContain(told);
});

test('an app file of CommonJS, or compiled to it, is taken as well', async () => {
  for (const text of [
    'module.exports = { on: { a() {} }, connected() {} };',
    'exports.__esModule = true; exports.default = { on: { a() {} }, connected() {} };',
    'module.exports = { __esModule: true, default: { on: { a() {} }, connected() {} } };',
  ]) {
    const app = await loadApp(appFile(text, 'cjs'), LOG);
    expect(Object.keys(app)).toEqual(['on', 'connected']);
  }
});

test('what is probably not meant is said, with the file', async () => {
  const path = appFile('export default { on: { started() {} } };');
  await loadApp(path, LOG);
  expect(doubts).toEqual([expect.stringContaining(`${path} declares the event 'started'`)]);
});
