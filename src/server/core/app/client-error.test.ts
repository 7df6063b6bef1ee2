/** Which errors tell a client their text. Those of systems and drivers must not. */

import { afterAll, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { ClientError, tellable } from './client-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-driver-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a call throws, or rejects with. */
async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** A function that throws, in a file of the given folder. */
async function throwerIn(path: string): Promise<(message: string) => never> {
  const file = join(folder, path, 'index.js');
  mkdirSync(join(folder, path), { recursive: true });
  writeFileSync(file, 'export const fail = (message) => { throw new Error(message); };');
  return ((await import(file)) as { fail: (message: string) => never }).fail;
}

class SoldOut extends ClientError {
  override readonly name = 'SoldOut';
}

describe('told', () => {
  test('a client error, with its data', () => {
    const error = new ClientError('sold out', { data: { left: 0 }, cause: new Error('row 7') });
    expect(tellable(error)).toEqual({ message: 'sold out', data: { left: 0 } });
    expect(tellable(new SoldOut('none left'))).toEqual({ message: 'none left', data: undefined });
    expect((error.cause as Error).message).toBe('row 7');
  });

  test.each<[string, () => unknown]>([
    ['thrown', () => Promise.reject(new Error('wrong token'))],
    ['thrown later', () => Bun.sleep(1).then(() => Promise.reject(new Error('wrong token')))],
    ['made without new', () => Promise.reject(Error('wrong token'))],
    ['with a cause', () => Promise.reject(new Error('wrong token', { cause: 'x' }))],
    ['with data', () => Promise.reject(Object.assign(new Error('wrong token'), { data: 1 }))],
    [
      'from inside a native function',
      () =>
        [1].map(() => {
          throw new Error('wrong token');
        }),
    ],
  ])('a plain error of the app, %s', async (_name, call) => {
    expect(tellable(await thrownBy(call))?.message).toBe('wrong token');
  });

  test('one of another file of the app', async () => {
    const fail = await throwerIn('lib/auth');
    expect(tellable(await thrownBy(() => fail('wrong token')))?.message).toBe('wrong token');
  });

  test('one whose text has lines', async () => {
    expect(tellable(await thrownBy(() => Promise.reject(new Error('a\nb'))))?.message).toBe('a\nb');
    expect(tellable(await thrownBy(() => Promise.reject(new Error(''))))?.message).toBe('');
  });
});

describe('not told', () => {
  test.each<[string, () => unknown]>([
    ['a file that is missing', () => readFileSync('/secret/path')],
    ['a file that is missing, later', () => Bun.file('/secret/path').text()],
    ['a program that is missing', () => Bun.spawn(['/secret/path'])],
    ['a refused connection', () => fetch('http://127.0.0.1:1/secret')],
    ['a parser', () => JSON.parse('{secret')],
    ['the runtime, by a plain error without a code', () => createHash('secret')],
    ['the runtime, from native code', () => Bun.gunzipSync(Buffer.from('secret'))],
    ['a password', () => Bun.password.verify('a', 'secret')],
    ['another realm', () => runInNewContext('throw new Error("secret")')],
    ['an aborted call', () => AbortSignal.abort().throwIfAborted()],
    ['a code', () => Promise.reject(Object.assign(new Error('secret'), { code: 'ER_PARSE' }))],
    ['a number', () => Promise.reject(Object.assign(new Error('secret'), { errno: 1064 }))],
    ['a query', () => Promise.reject(Object.assign(new Error('secret'), { sql: 'SELECT' }))],
    ['another name', () => Promise.reject(Object.assign(new Error('secret'), { name: 'DbError' }))],
    ['a class', () => Promise.reject(new (class DbError extends Error {})('secret'))],
    ['a type error', () => Promise.reject(new TypeError('secret'))],
    ['many', () => Promise.reject(new AggregateError([], 'secret'))],
    ['a text', () => Promise.reject('secret')],
    ['what looks like an error', () => Promise.reject({ message: 'secret', stack: 'Error: s' })],
    ['an error that inherits', () => Promise.reject(Object.create(new Error('secret')))],
    ['nothing', () => Promise.reject(undefined)],
  ])('%s', async (_name, call) => {
    expect(tellable(await thrownBy(call))).toBeUndefined();
  });

  test('a plain error of a package', async () => {
    const fail = await throwerIn('node_modules/driver');
    expect(tellable(await thrownBy(() => fail('secret')))).toBeUndefined();
  });

  test('one of a package whose text looks like a file of the app', async () => {
    const fail = await throwerIn('node_modules/driver2');
    const frame = `\n    at authenticate (${import.meta.path}:1:1)`;
    expect(tellable(await thrownBy(() => fail(`no user ada${frame}`)))).toBeUndefined();
  });

  test.each([
    [
      'taken before anybody looked',
      `export function fail(m) {
        const error = new Error(m); Error.captureStackTrace(error, fail);
        throw error;
      }`,
    ],
    [
      'taken after somebody looked',
      `export function fail(m) {
        const error = new Error(m);
        if (error.stack !== '') Error.captureStackTrace(error, fail);
        throw error;
      }`,
    ],
    [
      'put on it',
      `export function fail(m) {
        const at = {}; Error.captureStackTrace(at, fail); const error = new Error(m);
        error.stack = at.stack.replace(/^.*\\n/, 'Error: ' + m + '\\n');
        throw error;
      }`,
    ],
    [
      'kept for one that comes later',
      `export async function fail(m) {
        const at = {}; Error.captureStackTrace(at, fail); await 1; const error = new Error(m);
        error.stack = at.stack.replace(/^.*\\n/, 'Error: ' + m + '\\n');
        throw error;
      }`,
    ],
  ])("one of a package with its caller's trace, %s", async (name, code) => {
    const file = join(folder, 'node_modules', `${name.replaceAll(' ', '-')}.js`);
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    writeFileSync(file, code);
    const { fail } = (await import(file)) as { fail: (message: string) => unknown };
    const error = await thrownBy(async () => {
      await fail('secret');
    });
    const frame = (error as Error).stack?.split('\n').find((line) => line.includes(' at '));
    expect(frame).toContain(import.meta.path);
    expect(tellable(error)).toBeUndefined();
  });

  test('one without a stack', () => {
    const error = new Error('secret');
    delete error.stack;
    expect(tellable(error)).toBeUndefined();
    expect(tellable(Object.assign(new Error('secret'), { stack: 7 }))).toBeUndefined();
  });

  test('a client error whose text is none', () => {
    const error = Object.assign(new ClientError('x'), { message: { secret: 1 } });
    expect(tellable(error)).toBeUndefined();
  });

  test('what throws when it is looked at', () => {
    const trap = new Proxy(new ClientError('x'), {
      get: () => {
        throw new Error('looked at');
      },
    });
    expect(tellable(trap)).toBeUndefined();
  });
});
