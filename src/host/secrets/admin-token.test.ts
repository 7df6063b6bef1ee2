import { afterEach, expect, test } from 'bun:test';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findToken, leaveToken } from './admin-token.ts';
import { makePrivateFolder } from './private-folder.ts';

const before = process.env['XDG_RUNTIME_DIR'];
const folder = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'));
process.env['XDG_RUNTIME_DIR'] = folder;

afterEach(() => rmSync(join(folder, 'holdfast'), { recursive: true, force: true }));
process.on('exit', () => {
  process.env['XDG_RUNTIME_DIR'] = before;
  rmSync(folder, { recursive: true, force: true });
});

test('a token is left where only its user reads it, and found by the port', () => {
  const left = leaveToken(40_001);
  expect(statSync(left.path).mode & 0o777).toBe(0o600);
  expect(readFileSync(left.path, 'utf8')).toBe(`${left.token}\n`);
  expect(findToken(40_001)).toBe(left.token);
  expect(findToken(40_002)).toBeUndefined();
  left.remove();
  expect(findToken(40_001)).toBeUndefined();
});

test('the token of the next node replaces it, and outlives the end of the first', () => {
  const first = leaveToken(40_001);
  const second = leaveToken(40_001);
  expect(second.token).not.toBe(first.token);
  first.remove();
  expect(findToken(40_001)).toBe(second.token);
});

test('a file in its place is replaced, a link not followed', () => {
  const precious = join(folder, 'precious');
  writeFileSync(precious, 'precious');
  symlinkSync(precious, join(makePrivateFolder(), 'admin-40001.token'));
  const left = leaveToken(40_001);
  expect(readFileSync(precious, 'utf8')).toBe('precious');
  expect(findToken(40_001)).toBe(left.token);
});

test('what has not the form of a token is not taken for one', () => {
  writeFileSync(join(makePrivateFolder(), 'admin-40001.token'), 'of another kind\n');
  expect(findToken(40_001)).toBeUndefined();
});

test('a folder that others can enter is refused', () => {
  mkdirSync(join(folder, 'holdfast'));
  chmodSync(join(folder, 'holdfast'), 0o755);
  expect(() => leaveToken(40_001)).toThrow('only this user');
});
