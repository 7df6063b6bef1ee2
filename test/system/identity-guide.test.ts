/** The examples of docs/IDENTITY.md, each run as it stands there, against the real command. */

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/host/config/schema.ts';
import { HoldfastProcess, ROOT } from '../support/holdfast-process.ts';
import { within } from '../support/raw-deadline.ts';
import { ALL_TRANSPORTS, present } from './token-client.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'tokens-app.ts');
const SECRET = 'a secret of thirty-two bytes or more';
const folder = mkdtempSync(join(tmpdir(), 'identity-guide-'));
afterAll(() => rmSync(folder, { recursive: true }));

const page = await Bun.file(join(ROOT, 'docs', 'IDENTITY.md')).text();
const blocks = [...page.matchAll(/^```js\n\/\/ (\w+\.mjs):.*\n([\s\S]*?)^```$/gm)];
mkdirSync(join(folder, 'node_modules'));
symlinkSync(join(ROOT, 'node_modules', 'jose'), join(folder, 'node_modules', 'jose'));
for (const [, name = '', text = ''] of blocks) writeFileSync(join(folder, name), text);

function run(name: string, env: Readonly<Record<string, string>> = {}) {
  return Bun.spawn(['node', name], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
}

async function tokenBy(name: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  return (await within(`${name} ends`, run(name, env).stdout.text(), 20_000)).trim();
}

async function startWith(config: Partial<Config>): Promise<HoldfastProcess> {
  return await HoldfastProcess.start({ app: APP, workers: 2, config });
}

/** Whether a token lets its user in over every transport. */
async function isLetIn(node: HoldfastProcess, token: string): Promise<boolean> {
  const told = await Promise.all(
    ALL_TRANSPORTS.map((over) =>
      present(node.url, over, { headers: { authorization: `Bearer ${token}` } }),
    ),
  );
  return told.every(({ isIn, user }) => isIn && user === 'ada');
}

test('the page has an example for each kind of key', () => {
  expect(blocks.map(([, name]) => name)).toEqual(['secret.mjs', 'key.mjs', 'provider.mjs']);
});

test('a secret', async () => {
  await using node = await startWith({ tokenSecret: SECRET });
  const token = await tokenBy('secret.mjs', { HOLDFAST_TOKEN_SECRET: SECRET });
  expect(await isLetIn(node, token)).toBe(true);
  expect(await isLetIn(node, `${token}x`)).toBe(false);
});

test('a file', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const path = join(folder, 'public.pem');
  writeFileSync(path, publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(folder, 'private.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await using node = await startWith({ tokenKeyFile: path });
  expect(await isLetIn(node, await tokenBy('key.mjs'))).toBe(true);
});

test('a provider, which may be down once its keys are known', async () => {
  const provider = run('provider.mjs', { PORT: '0' });
  try {
    const { value } = await provider.stdout.getReader().read();
    const url = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`;
    const expected = {
      tokenIssuer: 'https://login.example.com',
      tokenAudience: 'live.example.com',
    };
    await using node = await startWith({ tokenKeysUrl: `${url}/jwks.json`, ...expected });
    const token = await (await fetch(url)).text();
    expect(await isLetIn(node, token)).toBe(true);
    provider.kill();
    await provider.exited;
    expect(await isLetIn(node, token)).toBe(true);
    await using other = await startWith({ tokenKeysUrl: `${url}/jwks.json` });
    expect(await isLetIn(other, token)).toBe(false);
    await other.logged('why', ({ msg }) => msg.includes('cannot be fetched, there are none'));
  } finally {
    provider.kill('SIGKILL');
  }
});
