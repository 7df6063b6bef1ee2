import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import * as jose from 'jose';
import { keySetOf, newKey, type SigningKey } from '../../../../test/support/tokens.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { KeySet } from './key-set.ts';
import { KeyUrl } from './key-url.ts';
import { UnknownKey } from './token-keys.ts';

type Answer = () => Response | Promise<Response>;

/** Who publishes keys, and a clock that goes on when told. */
class Provider implements AsyncDisposable {
  answer: Answer;
  asked = 0;
  nowMs = 0;
  readonly warnings: unknown[] = [];
  readonly keys: KeyUrl;
  readonly #server: Bun.Server<undefined>;

  constructor(answer: Answer) {
    this.answer = answer;
    this.#server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => {
        this.asked++;
        return this.answer();
      },
    });
    this.keys = new KeyUrl({
      url: `http://127.0.0.1:${this.#server.port}/keys`,
      log: { warn: (_text, fields) => this.warnings.push(fields?.['reason']) },
      read: (text) => KeySet.read(text, jose),
      now: () => this.nowMs,
    });
  }

  find(kid: string): Promise<unknown> {
    return this.keys.keyFor({ alg: 'EdDSA', kid });
  }

  /** Whether a key is found, and how often the provider has been asked by then. */
  async look(kid: string): Promise<readonly [string, number]> {
    const found = await this.find(kid).then(
      () => 'found',
      (error: unknown) => (error as Error).name,
    );
    return [found, this.asked];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

const PACE = LIMITS.tokenKeysPaceMs;
let a: SigningKey;
let b: SigningKey;
beforeAll(async () => {
  [a, b] = await Promise.all([newKey('EdDSA', 'a'), newKey('EdDSA', 'b')]);
});

const says =
  (...keys: readonly SigningKey[]): Answer =>
  () =>
    new Response(keySetOf(...keys));
const isDown: Answer = () => new Response('', { status: 503 });

test('keys are asked for once, by all who wait', async () => {
  await using provider = new Provider(says(a));
  await Promise.all(Array.from({ length: 20 }, () => provider.find('a')));
  expect(provider.asked).toBe(1);
});

test('a key that is not known is asked for once in a while', async () => {
  await using provider = new Provider(says(a));
  await provider.find('a');
  provider.answer = says(a, b);
  expect(await provider.look('b')).toEqual(['UnknownKey', 1]);
  provider.nowMs += PACE;
  expect(await provider.look('b')).toEqual(['found', 2]);
  expect(await provider.look('c')).toEqual(['UnknownKey', 2]);
  provider.nowMs += PACE;
  const many = Array.from({ length: 20 }, (_, n) => provider.look(`made up ${n}`));
  expect((await Promise.all(many)).every(([found]) => found === 'UnknownKey')).toBe(true);
  expect(provider.asked).toBe(3);
});

test('while the provider is down its keys are believed', async () => {
  await using provider = new Provider(says(a));
  await provider.find('a');
  provider.answer = isDown;
  provider.nowMs += LIMITS.tokenKeysFreshMs + 1;
  expect(await provider.look('a')).toEqual(['found', expect.any(Number)]);
  await provider.keys.fetch();
  provider.nowMs += PACE;
  expect(await provider.look('b')).toEqual(['UnknownKey', 3]);
  expect(await provider.look('a')).toEqual(['found', 3]);
  expect(provider.warnings).toEqual(['it answers with 503', 'it answers with 503']);
});

test('a key that was taken back is not believed for long', async () => {
  await using provider = new Provider(says(a, b));
  await provider.find('b');
  provider.answer = says(a);
  provider.nowMs += LIMITS.tokenKeysFreshMs + 1;
  await provider.find('a');
  await provider.keys.fetch();
  expect(await provider.look('b')).toEqual(['UnknownKey', 2]);
});

test('who comes after a long silence waits for the keys of now', async () => {
  await using provider = new Provider(says(a, b));
  await provider.find('b');
  provider.answer = says(a);
  provider.nowMs += 2 * LIMITS.tokenKeysFreshMs + 1;
  expect(await provider.look('b')).toEqual(['UnknownKey', 2]);
  provider.answer = isDown;
  provider.nowMs += 2 * LIMITS.tokenKeysFreshMs + 1;
  expect(await provider.look('a')).toEqual(['found', 3]);
  expect(await provider.look('a')).toEqual(['found', 3]);
});

test('one that is down at first is asked again', async () => {
  await using provider = new Provider(isDown);
  expect(await provider.look('a')).toEqual(['NoKeys', 1]);
  expect(await provider.look('a')).toEqual(['NoKeys', 1]);
  provider.answer = says(a);
  provider.nowMs += PACE;
  expect(await provider.look('a')).toEqual(['found', 2]);
});

describe('an answer is not used', () => {
  let elsewhere: Bun.Server<undefined>;
  beforeAll(() => {
    elsewhere = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => says(a)() });
  });
  afterAll(() => elsewhere.stop(true));

  const secret = { kty: 'oct', k: 'AAAA', kid: 'a', alg: 'HS256' };
  test.each<[string, Answer, string]>([
    ['of a redirect', () => Response.redirect(`http://127.0.0.1:${elsewhere.port}/`), '302'],
    ['that is huge', () => new Response(`{"keys":["${'x'.repeat(300_000)}"]}`), 'longer than'],
    ['that is no JSON', () => new Response('<html>'), 'it is neither'],
    ['that is half', () => new Response('{"keys":[{'), 'it is no JSON'],
    ['without keys', () => Response.json({}), 'it has no public key'],
    ['of keys that are no list', () => Response.json({ keys: 7 }), 'no list'],
    ['of null', () => Response.json({ keys: [null, 7, 'a'] }), 'it has no public key'],
    ['with a secret', () => Response.json({ keys: [secret, a.jwk] }), 'or a secret'],
    ['with a private key', () => Response.json({ keys: [{ ...a.jwk, d: 'AAAA' }] }), 'private key'],
    [
      'of very many',
      () => Response.json({ keys: Array.from({ length: 101 }, () => a.jwk) }),
      'more than 100 keys',
    ],
  ])('%s', async (_name, answer, said) => {
    await using provider = new Provider(answer);
    expect(await provider.look('a')).toEqual(['NoKeys', 1]);
    expect(provider.warnings).toEqual([expect.stringContaining(said)]);
  });
});

test('of two keys of one name neither is taken, nor is one without a name', async () => {
  await using provider = new Provider(says(a, { ...b, jwk: { ...b.jwk, kid: 'a' } }));
  expect(await provider.look('a')).toEqual(['UnknownKey', 1]);
  const nameless = provider.keys.keyFor({ alg: 'EdDSA' }).catch((error: unknown) => error);
  expect(await nameless).toBeInstanceOf(UnknownKey);
});

test('keys for encryption are passed over', async () => {
  await using provider = new Provider(says(a, { ...b, jwk: { ...b.jwk, use: 'enc' } }));
  expect(await provider.look('a')).toEqual(['found', 1]);
  expect(await provider.look('b')).toEqual(['UnknownKey', 1]);
});
