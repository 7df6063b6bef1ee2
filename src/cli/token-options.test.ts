import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError } from './cli-error.ts';
import { readToken } from './token-options.ts';

const SOURCE = { flag: '--control-token', variable: 'HOLDFAST_FLEET_CONTROL_TOKEN', what: 'It' };
const TOKEN = 'a-token-of-a-test';
const OTHER = 'b-token-of-a-test';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (text: string): string => {
  const path = join(folder, 'token');
  writeFileSync(path, text);
  return path;
};
const pipe = join(folder, 'pipe');
Bun.spawnSync(['mkfifo', pipe]);
const read = (options: object, env: Readonly<Record<string, string>> = {}) =>
  readToken(SOURCE, options as Readonly<Record<string, unknown>>, env);

test('it comes from the flag, the file or the variable, in this order', () => {
  const env = { [SOURCE.variable]: OTHER };
  expect(read({ controlToken: TOKEN }, env)).toBe(TOKEN);
  expect(read({ controlTokenFile: fileOf(`${TOKEN}\n`) }, env)).toBe(TOKEN);
  expect(read({}, env)).toBe(OTHER);
  expect(read({}, {})).toBeUndefined();
});

test('an empty variable or flag is one that is not there', () => {
  expect(read({ controlToken: '' }, { [SOURCE.variable]: '' })).toBeUndefined();
  expect(read({ controlToken: '' }, { [SOURCE.variable]: TOKEN })).toBe(TOKEN);
});

test.each([
  ['the flag', () => read({ controlToken: 'hunter2' }), '--control-token holds no token'],
  [
    'the variable',
    () => read({}, { [SOURCE.variable]: 'hunter2' }),
    'HOLDFAST_FLEET_CONTROL_TOKEN',
  ],
  ['the file', () => read({ controlTokenFile: fileOf('hunter2') }), 'token holds no token'],
  ['an empty file', () => read({ controlTokenFile: fileOf('') }), 'token holds no token'],
  ['a device without end', () => read({ controlTokenFile: '/dev/zero' }), 'is no regular file'],
  ['a pipe', () => read({ controlTokenFile: pipe }), 'cannot be read (it is no regular file)'],
  ['a folder', () => read({ controlTokenFile: folder }), 'cannot be read (it is no regular file)'],
  ['a long file', () => read({ controlTokenFile: fileOf('x'.repeat(5_000)) }), 'than 4096 bytes'],
  [
    'both',
    () => read({ controlToken: TOKEN, controlTokenFile: 'x' }),
    'Give either --control-token',
  ],
])('%s: refused in one sentence that does not show it', (_name, act, sentence) => {
  expect(act).toThrow(CliError);
  expect(act).toThrow(sentence);
  expect(act).not.toThrow('hunter2');
});
