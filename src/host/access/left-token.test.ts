import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findToken, leaveToken } from './left-token.ts';
import { placesOfUser } from './private-file.ts';

const TOKEN = 'a-token-of-a-test';
const OTHER = 'b-token-of-a-test';
const USE = { of: 'fleet-control', port: 8700 } as const;
const USER = process.geteuid?.() ?? 0;
const NOBODY = 65_534;
const isRoot = USER === 0;

let root = '';
let places: { readonly folder: string; readonly user: number }[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  places = [join(root, 'home', 'state'), join(root, 'temporary')].map((folder) => ({
    folder,
    user: USER,
  }));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const leave = (token?: string) => leaveToken(USE, token, places);
const second = (): string => places[1]?.folder ?? '';

test('what was left is found by use and port, and nobody else may read it', () => {
  const { path, token } = leave();
  expect(token).toMatch(/^[0-9a-f]{48}$/);
  expect(findToken(USE, places)).toBe(token);
  expect(findToken({ ...USE, port: 8701 }, places)).toBeUndefined();
  expect(findToken({ ...USE, of: 'admin' }, places)).toBeUndefined();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
});

test('each address of loopback has its own, and the usual one goes by its name too', () => {
  const at = (host: string) => ({ of: 'admin', port: 8600, host }) as const;
  for (const host of ['127.0.0.1', '127.0.0.2', '::1']) leaveToken(at(host), TOKEN + host, places);
  for (const host of ['127.0.0.1', '127.0.0.2']) {
    expect(findToken(at(host), places)).toBe(TOKEN + host);
  }
  expect(findToken(at('::1'), places)).toBe(`${TOKEN}::1`);
  expect(findToken(at('127.0.0.3'), places)).toBeUndefined();
  expect(findToken(at('localhost'), places)).toBe(`${TOKEN}127.0.0.1`);
});

test('the next one takes the place of the one before, and outlives its end', () => {
  const before = leave(TOKEN);
  const { path, remove } = leave(OTHER);
  expect(path).toBe(before.path);
  expect(findToken(USE, places)).toBe(OTHER);
  expect(readdirSync(join(path, '..'))).toHaveLength(1);
  before.remove();
  expect(findToken(USE, places)).toBe(OTHER);
  remove();
  expect(findToken(USE, places)).toBeUndefined();
});

test('where the first place cannot be written, the second is used and looked into', () => {
  writeFileSync(join(root, 'home'), 'no folder');
  expect(leave(TOKEN).path).toStartWith(second());
  expect(findToken(USE, places)).toBe(TOKEN);
  rmSync(root, { recursive: true });
  writeFileSync(root, 'no folder');
  expect(() => leave(TOKEN)).toThrow();
});

describe('what others may have put there is as good as none', () => {
  test('a file that others may read or write', () => {
    const { path } = leave(TOKEN);
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(path, mode);
      expect(findToken(USE, places)).toBeUndefined();
    }
  });

  test('a folder that others may write', () => {
    chmodSync(join(leave(TOKEN).path, '..'), 0o777);
    expect(findToken(USE, places)).toBeUndefined();
    expect(leave(OTHER).path).toStartWith(second());
  });

  test('a link, which is replaced and not followed', () => {
    const { path } = leave(TOKEN);
    const real = join(root, 'real');
    writeFileSync(real, readFileSync(path), { mode: 0o600 });
    rmSync(path);
    symlinkSync(real, path);
    expect(findToken(USE, places)).toBeUndefined();
    leave(OTHER);
    expect(findToken(USE, places)).toBe(OTHER);
    expect(readFileSync(real, 'utf8')).toBe(`${TOKEN}\n`);
  });

  test('a folder, a file that is too long or holds no token', () => {
    const { path } = leave(TOKEN);
    rmSync(path);
    mkdirSync(path);
    expect(findToken(USE, places)).toBeUndefined();
    rmSync(path, { recursive: true });
    for (const text of ['x'.repeat(5_000), 'short', 'two words of many letters', '']) {
      writeFileSync(path, text, { mode: 0o600 });
      expect(findToken(USE, places)).toBeUndefined();
    }
  });

  test.skipIf(!isRoot)('a file or folder of another user (needs root)', () => {
    const { path } = leave(TOKEN);
    chownSync(path, NOBODY, NOBODY);
    expect(findToken(USE, places)).toBeUndefined();
    chownSync(path, USER, USER);
    chownSync(join(path, '..'), NOBODY, NOBODY);
    expect(findToken(USE, places)).toBeUndefined();
    expect(leave(OTHER).path).toStartWith(second());
  });

  test('without a home it lies among temporary files', () => {
    const folders = placesOfUser('', root).map(({ folder }) => folder);
    expect(folders).toEqual([join(root, `holdfast-${USER}`)]);
  });

  test.skipIf(!isRoot)("another's home, as sudo may leave it, is no place (needs root)", () => {
    const home = join(root, 'their-home');
    mkdirSync(home);
    const folders = () => placesOfUser(home, root).map(({ folder }) => folder);
    const temporary = join(root, `holdfast-${USER}`);
    expect(folders()).toEqual([join(home, '.local', 'state', 'holdfast'), temporary]);
    chownSync(home, NOBODY, NOBODY);
    expect(folders()).toEqual([temporary]);
  });
});
