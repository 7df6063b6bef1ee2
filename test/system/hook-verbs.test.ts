/** What Socket.IO clients ask the server itself for, and sessions that run out, with hooks. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { HOOK_SECRET, HookBackend } from '../support/hook-backend.ts';
import { openExpiring } from './expiry-client.ts';
import { openRulesClient } from './rules-client.ts';
import { ALL_TRANSPORTS, isSocketIo } from './token-client.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'rules-app.ts');
const SHORT_MS = 8_000;
const LONG_MS = 600_000;

/** The token of `expiry-client.ts` is the name here; each new one is a name with an end. */
const backend = new HookBackend(({ call, auth, join: rooms }) => {
  if (call === 'join') return { allow: !(rooms as readonly string[]).includes('hidden') };
  const { token = 'ada', long } = auth as { readonly token?: string; readonly long?: boolean };
  const expiresAt = (Date.now() + (long === true ? LONG_MS : SHORT_MS)) / 1_000;
  return { allow: true, user: token, grants: ['a', 'hidden'], expiresAt };
});
let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: APP,
    workers: 2,
    config: {
      hookUrl: backend.url,
      hookSecret: HOOK_SECRET,
      hookCalls: ['connect', 'join'],
      refreshMs: 5_000,
    },
  });
});
afterAll(async () => {
  await node.stop();
  await backend[Symbol.asyncDispose]();
});

test.each(ALL_TRANSPORTS)('a join waits for the hook, over %s', async (over) => {
  const client = await openRulesClient(node.url, over);
  expect(await client.join('a')).toBeUndefined();
  expect(await client.join('hidden')).toBe('this room may not be joined');
  expect(await client.join('b')).toBe('this room may not be joined');
  expect(await client.ask('rooms')).toEqual(['a']);
  client.close();
});

test('the hook is asked again before its word runs out', async () => {
  const stays = ALL_TRANSPORTS.map(async (over) => {
    const client = await openExpiring(node.url, over, 'ada', () => ({ token: 'ada', long: true }));
    await Bun.sleep(SHORT_MS + 1_000);
    expect([over, client.asked, client.told]).toEqual([over, 1, []]);
    expect(await client.join('a')).toBe(true);
    client.close();
  });
  const ends = ALL_TRANSPORTS.map(async (over) => {
    const client = await openExpiring(node.url, over, 'ada', () => ({ token: 'bob', long: true }));
    await client.ended();
    expect(client.told[0]).toBe(isSocketIo(over) ? 'expired' : 'session expired');
  });
  await Promise.all([...stays, ...ends]);
});
