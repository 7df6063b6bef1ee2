/** Tokens on the real command: who is let in, who is not, and that nobody is told why. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/host/config/schema.ts';
import { HoldfastProcess, runHoldfast } from '../support/holdfast-process.ts';
import { openPlain, PLAIN_KINDS } from '../support/plain-client.ts';
import {
  encoded,
  inSeconds,
  keySetOf,
  madeUp,
  newKey,
  type SigningKey,
  signed,
} from '../support/tokens.ts';
import { eventually } from './eventually.ts';
import { ALL_TRANSPORTS, type Presented, present, type Told } from './token-client.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'tokens-app.ts');
const SECRET = 'a secret of thirty-two bytes or more';
const AUDIENCE = 'live.example.com';
const ISSUER = 'https://login.example.com';
/** What is right in a token, but for what a case changes. */
const RIGHT = { sub: 'ada', aud: AUDIENCE, iss: ISSUER };
const folder = mkdtempSync(join(tmpdir(), 'tokens-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function start(config: Partial<Config>, workers = 1): Promise<HoldfastProcess> {
  return await HoldfastProcess.start({ app: APP, workers, config });
}

/** How often clients were refused for a reason. */
async function refused(node: HoldfastProcess, reason: string): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  const lines = text.matchAll(/^holdfast_refusals_total\{(.*)\} (\d+)$/gm);
  return [...lines]
    .filter(([, labels]) => labels?.includes(`reason="${reason}"`))
    .reduce((sum, [, , count]) => sum + Number(count), 0);
}

const byAuth = (token: unknown): Presented => ({ auth: { token } });

describe('public keys in a file', () => {
  let rsa: SigningKey;
  let ec: SigningKey;
  let ed: SigningKey;
  let other: SigningKey;
  let node: HoldfastProcess;
  const path = join(folder, 'keys.json');

  beforeAll(async () => {
    [rsa, ec, ed, other] = await Promise.all([
      newKey('RS256', 'r1'),
      newKey('ES256', 'e1'),
      newKey('EdDSA', 'd1'),
      newKey('RS256', 'r1'),
    ]);
    writeFileSync(path, keySetOf(rsa, ec, ed));
    const claims = { tokenAudience: AUDIENCE, tokenIssuer: ISSUER };
    node = await start({ tokenKeyFile: path, tokenCookie: 'live', ...claims }, 2);
  });
  afterAll(() => node.stop());

  const cases: Readonly<Record<string, readonly [string, () => unknown]>> = {
    'without an algorithm': ['tokenAlgorithm', () => madeUp({ alg: 'none' }, RIGHT)],
    'with an algorithm of another case': ['tokenAlgorithm', () => madeUp({ alg: 'NONE' }, RIGHT)],
    'of HS256 by the public key in PEM form': [
      'tokenAlgorithm',
      () => madeUp({ alg: 'HS256', kid: 'r1' }, RIGHT, rsa.pem),
    ],
    'of HS256 by the public key as it stands in the file': [
      'tokenAlgorithm',
      () => madeUp({ alg: 'HS256', kid: 'r1' }, RIGHT, JSON.stringify(rsa.jwk)),
    ],
    'of an algorithm that its key could have': [
      'tokenAlgorithm',
      () => madeUp({ alg: 'PS256', kid: 'r1' }, RIGHT, 'x'),
    ],
    'signed by another key of the same name': ['tokenForged', () => signed(other, RIGHT)],
    'of a key that is not there': ['tokenKeyUnknown', () => signed(other, RIGHT, { kid: 'r2' })],
    'of a name of a key of another kind': [
      'tokenKeyUnknown',
      () => signed(rsa, RIGHT, { kid: 'e1' }),
    ],
    'whose claims were changed': [
      'tokenForged',
      async () => {
        const [head, , signature] = (await signed(rsa, RIGHT)).split('.');
        return `${head}.${encoded({ ...RIGHT, sub: 'root' })}.${signature}`;
      },
    ],
    'without its signature': [
      'tokenForged',
      async () => (await signed(rsa, RIGHT)).replace(/[^.]*$/, ''),
    ],
    'that has expired': ['tokenExpired', () => signed(rsa, { ...RIGHT, exp: inSeconds(-60) })],
    'that is not valid yet': ['tokenEarly', () => signed(ec, { ...RIGHT, nbf: inSeconds(60) })],
    'for another audience': ['tokenClaims', () => signed(ed, { ...RIGHT, aud: 'other' })],
    'for no audience': ['tokenClaims', () => signed(ed, { sub: 'ada', iss: ISSUER })],
    'of another issuer': ['tokenClaims', () => signed(ec, { ...RIGHT, iss: `${ISSUER}/` })],
    'without a user': ['tokenClaims', () => signed(ec, { aud: AUDIENCE, iss: ISSUER })],
    'with a user that cannot be': ['tokenClaims', () => signed(ec, { ...RIGHT, sub: '' })],
    'with rooms that are no list': ['tokenClaims', () => signed(ec, { ...RIGHT, rooms: 'a' })],
    'with a pattern of two stars': ['tokenClaims', () => signed(ec, { ...RIGHT, rooms: ['a**'] })],
    'with an expiry that is no number': [
      'tokenClaims',
      () => signed(ec, { ...RIGHT, exp: 'never' as unknown as number }),
    ],
    'that asks to understand what nobody knows': [
      'tokenMalformed',
      () => madeUp({ alg: 'RS256', kid: 'r1', crit: ['x'], x: 1 }, RIGHT, 'x'),
    ],
    'that is too long': ['tokenMalformed', () => signed(ec, { ...RIGHT, more: 'x'.repeat(8_000) })],
    'that nests too deeply': [
      'tokenMalformed',
      () => `${Buffer.from('['.repeat(3_000)).toString('base64url')}.e30.AA`,
    ],
    'that is no token': ['tokenMalformed', () => 'open sesame'],
    'that is three empty parts': ['tokenMalformed', () => '..'],
    'that is empty': ['tokenMalformed', () => ''],
    'that is a number': ['tokenMalformed', () => 7],
    'that is null': ['tokenMalformed', () => null],
    'that is an object': ['tokenMalformed', () => ({ length: 5 })],
    'that is a list': ['tokenMalformed', () => ['a.b.c']],
  };

  test.each(ALL_TRANSPORTS)('a bad token is refused with the same words over %s', async (over) => {
    const told: (readonly [string, Told])[] = [];
    for (const [name, [, make]] of Object.entries(cases)) {
      told.push([name, await present(node.url, over, byAuth(await make()))]);
    }
    told.push(['none', await present(node.url, over, {})]);
    const [, first] = told[0] as (typeof told)[number];
    expect(first.isIn).toBe(false);
    expect(JSON.stringify(first.refusal)).toContain('not authenticated');
    expect(told.filter(([, one]) => !Bun.deepEquals(one, first))).toEqual([]);
  });

  test.each(PLAIN_KINDS)('the same goes for who opens by a message, over %s', async (kind) => {
    const endpoint = { url: node.url, freshConnections: true };
    const open = async (token: unknown): Promise<unknown> => {
      const opened = openPlain(endpoint, kind, { auth: { token }, by: 'message' });
      try {
        const client = await opened;
        await client.close();
        return client.connect.user;
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(await open(await signed(ed, RIGHT))).toBe('ada');
    const told = new Set<unknown>();
    for (const [, make] of Object.values(cases)) told.add(await open(await make()));
    expect([...told]).toEqual([expect.stringContaining('not authenticated')]);
  });

  test('operators are told which', async () => {
    const claims = { tokenAudience: AUDIENCE, tokenIssuer: ISSUER };
    await using own = await start({ tokenKeyFile: path, ...claims });
    for (const [, make] of Object.values(cases)) {
      await present(own.url, 'polling', byAuth(await make()));
    }
    await present(own.url, 'polling', {});
    const reasons = [...Object.values(cases).map(([reason]) => reason), 'anonymousRefused'];
    const expected = Map.groupBy(reasons, (reason) => reason);
    await eventually(
      'all were counted',
      () => Promise.all([...expected.keys()].map((reason) => refused(own, reason))),
      (counts) => counts.every((count, at) => count === [...expected.values()][at]?.length),
    );
    // Nothing of it is a fault of the app.
    expect(own.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  describe.each(ALL_TRANSPORTS)('over %s', (over) => {
    test('each kind of key lets its user in', async () => {
      for (const key of [rsa, ec, ed]) {
        const claims = { ...RIGHT, sub: key.kid, exp: inSeconds(60), join: ['lobby'] };
        const told = await present(node.url, over, byAuth(await signed(key, claims)));
        expect(told).toMatchObject({ isIn: true, user: key.kid });
        expect(told.rooms).toEqual(expect.arrayContaining(['lobby', 'of the app']));
      }
    });

    test('a token is found wherever it is', async () => {
      const token = await signed(ec, RIGHT);
      const places: readonly Presented[] = [
        { headers: { authorization: `Bearer ${token}` } },
        { headers: { authorization: `bEARER   ${token}` } },
        { query: { token } },
        { headers: { cookie: `a=b; live=${token}; c="d"` } },
        { headers: { authorization: 'Basic YTpi' }, query: { token } },
      ];
      for (const place of places) {
        expect(await present(node.url, over, place)).toMatchObject({ isIn: true, user: 'ada' });
      }
    });

    test('the first place counts', async () => {
      const token = await signed(ec, RIGHT);
      const bad: readonly Presented[] = [
        { auth: { token: 'bad' }, query: { token } },
        { headers: { authorization: 'Bearer bad' }, query: { token } },
        { headers: { authorization: 'Bearer' }, query: { token } },
        { query: { token: '' }, headers: { cookie: `live=${token}` } },
        { headers: { cookie: `live=bad; live=${token}` } },
        { headers: { cookie: `alive=${token}` } },
      ];
      for (const place of bad) {
        expect(await present(node.url, over, place)).toMatchObject({ isIn: false });
      }
    });

    test('the app may refuse, and not make it somebody else', async () => {
      const token = await signed(ec, RIGHT);
      const refusal = (be: string) => present(node.url, over, { auth: { token, be } });
      expect(JSON.stringify(await refusal('refused'))).toContain('not you, ada');
      expect(await refusal('somebody else')).toMatchObject({ isIn: false });
    });
  });

  test('keys are read again when the file changes, and stay when it breaks', async () => {
    const later = await newKey('EdDSA', 'd2');
    const isIn = async (key: SigningKey): Promise<boolean> =>
      (await present(node.url, 'polling', byAuth(await signed(key, RIGHT)))).isIn;
    // Two workers look at the file, each for itself: so many do not all come to one of them.
    const both = (): Promise<readonly boolean[]> =>
      Promise.all(Array.from({ length: 16 }, () => isIn(later)));
    writeFileSync(path, keySetOf(rsa, ec, ed, later));
    await eventually('all know the new key', both, (known) => known.every(Boolean));
    writeFileSync(path, '{"keys":[');
    await Bun.sleep(1_100);
    expect(new Set(await both())).toEqual(new Set([true]));
    writeFileSync(path, keySetOf(rsa, ec, ed));
    await eventually('none knows it any more', both, (known) => !known.some(Boolean));
    await node.logged('that it broke', ({ msg }) => msg.includes('is not used'));
  });
});

describe('a secret', () => {
  let node: HoldfastProcess;
  const good = (claims: object = {}): string =>
    madeUp({ alg: 'HS256' }, { ...RIGHT, ...claims }, SECRET);

  beforeAll(async () => {
    const claims = { tokenUserClaim: 'uid', tokenDataClaim: 'https://example.com/data' };
    node = await start({ tokenSecret: SECRET, allowAnonymous: true, ...claims });
  });
  afterAll(() => node.stop());

  test.each(ALL_TRANSPORTS)('over %s: good, bad, and none, which is anonymous', async (over) => {
    const rsa = await newKey('RS256', 'r1');
    const told = [
      await present(node.url, over, byAuth(good({ uid: 42 }))),
      await present(node.url, over, byAuth(madeUp({ alg: 'HS256' }, { uid: 'a' }, `${SECRET}.`))),
      await present(node.url, over, byAuth(madeUp({ alg: 'none' }, { uid: 'a' }))),
      await present(node.url, over, byAuth(madeUp({ alg: 'HS512' }, { uid: 'a' }, SECRET))),
      await present(node.url, over, byAuth(await signed(rsa, { uid: 'a' }))),
      await present(node.url, over, byAuth(good({ uid: 0.5 }))),
      await present(node.url, over, {}),
    ];
    expect(told.map(({ isIn, user }) => [isIn, user])).toEqual([
      [true, '42'],
      [false, undefined],
      [false, undefined],
      [false, undefined],
      [false, undefined],
      [false, undefined],
      [true, undefined],
    ]);
  });

  test('it is shown nowhere', async () => {
    const shown = [
      await (await node.admin('/process')).text(),
      await (await node.admin('/metrics')).text(),
      JSON.stringify(node.log),
    ];
    expect(shown.filter((text) => text.includes(SECRET))).toEqual([]);
  });
});

describe('a start', () => {
  const key = async (): Promise<SigningKey> => await newKey('ES256', 'e1');

  test.each<[string, string, string]>([
    ['no file', '', 'cannot be read (ENOENT)'],
    ['no key', 'hello', 'it is neither a public key in PEM form nor a JWK or JWK set'],
    ['no keys', '{"keys":[]}', 'it has no public key'],
    ['a secret', '{"keys":[{"kty":"oct","k":"AAAA"}]}', 'it holds a private key or a secret'],
    ['a short key', '{"kty":"RSA","n":"AQAB","e":"AQAB"}', 'it has no public key of RSA (2048'],
  ])('with %s in tokenKeyFile says so and fails', async (name, text, said) => {
    const path = join(folder, `${name}.pem`);
    if (text !== '') writeFileSync(path, text);
    const flags = ['--port', '0', '--admin-port', '0', '--workers', '1', '--app', APP];
    const { code, err } = await runHoldfast(['start', ...flags, '--token-key-file', path]);
    expect(code).not.toBe(0);
    expect(err).toContain(said);
  });

  test('with a private key in tokenKeyFile says so and fails', async () => {
    const path = join(folder, 'private.pem');
    const { privateKey } = await key();
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const flags = ['--port', '0', '--admin-port', '0', '--workers', '1', '--app', APP];
    const { code, err } = await runHoldfast(['start', ...flags, '--token-key-file', path]);
    expect(code).not.toBe(0);
    expect(err).toContain('it holds a private key');
  });

  test.each<[readonly string[], string]>([
    [['--token-secret', 'short'], '32 to 4096 bytes'],
    [['--token-secret', `-----BEGIN PUBLIC KEY-----${'A'.repeat(64)}`], 'no key in PEM'],
    [['--token-secret', SECRET, '--token-algorithms', 'RS256'], 'must be "HS256" alone'],
    [['--token-keys-url', 'https://a.example', '--token-algorithms', 'HS256'], 'leave it out'],
    [['--token-secret', SECRET, '--token-keys-url', 'https://a.example'], 'only one of'],
    [['--token-keys-url', 'file:///etc/passwd'], 'an address such as'],
    [['--token-audience', 'a'], 'without which no token is looked at'],
  ])('with %p is refused', async (flags, said) => {
    const { code, err } = await runHoldfast(['start', ...flags]);
    expect([code !== 0, err]).toEqual([true, expect.stringContaining(said)]);
    expect(err).not.toContain(SECRET);
  });

  test('with a key in PEM form needs no name of a key', async () => {
    const path = join(folder, 'one.pem');
    const one = await key();
    writeFileSync(path, one.pem);
    await using node = await start({ tokenKeyFile: path });
    const token = await signed(one, { sub: 'ada' }, { kid: undefined });
    expect(await present(node.url, 'sse', byAuth(token))).toMatchObject({ user: 'ada' });
  });

  test('without tokens and authenticate says that everyone is anonymous, once', async () => {
    const path = join(folder, 'app.ts');
    writeFileSync(path, "import { defineApp } from 'holdfast';\nexport default defineApp({});");
    await using node = await HoldfastProcess.start({ app: path, workers: 2 });
    // What workers say comes by a way of its own, and all of it before the end.
    await node.stop();
    const said = node.log.filter(({ msg }) => msg.includes('everyone is anonymous'));
    expect(said.map(({ level }) => level)).toEqual(['info']);
  });
});
