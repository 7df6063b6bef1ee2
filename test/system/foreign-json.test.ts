/**
 * Answers, orders and recordings whose texts are made to collide in the tables of the runtime: each
 * would hold up a command, an agent or a coordinator for minutes.
 */

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentProcess } from '../support/agent-process.ts';
import { runHoldfast } from '../support/holdfast-process.ts';
import { objectText, rapidhashNames } from '../support/hostile-names.ts';
import { linesOf, MILLION, serverRecords } from '../support/made-run.ts';

setDefaultTimeout(60_000);

/** They take the parser some 9 s. */
const HOSTILE = objectText(rapidhashNames(20_000));
/** Far less than that, and more than a busy machine takes to start a command. */
const SOON_MS = 6_000;

const TOKEN = 'a-token-of-a-test';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-foreign-json-'));
const answering = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: (request, server) => {
    if (server.upgrade(request)) return undefined;
    return new Response(HOSTILE, { headers: { 'content-type': 'application/json' } });
  },
  websocket: { message() {} },
});
afterAll(async () => {
  await answering.stop(true);
  rmSync(folder, { recursive: true });
});

async function run(...args: readonly string[]) {
  const since = performance.now();
  const env = { HOLDFAST_ADMIN_TOKEN: TOKEN, HOLDFAST_FLEET_TOKEN: TOKEN };
  const ended = await runHoldfast(args, { env });
  return { ...ended, tookMs: performance.now() - since };
}

test.each([
  [['status', '--admin']],
  [['send', 'x', '--admin']],
  [['profile', '--worker', '0', '--seconds', '1', '--admin']],
  [['fleet', 'status', '--control']],
])('%p of who answers so', async (command) => {
  const { code, err, tookMs } = await run(...command, answering.url.href);
  expect(code).not.toBe(0);
  expect(err).toContain('made to collide');
  expect(tookMs).toBeLessThan(SOON_MS);
});

test('a run whose agent answers so', async () => {
  const { code, err, tookMs } = await run(
    ...['fleet', 'run', '--target', answering.url.href, '--agent', answering.url.host],
    ...['--protocol', 'websocket', '--connections', '1', '--control-port', '0'],
  );
  expect([code, err]).toEqual([1, expect.stringContaining('made to collide')]);
  expect(tookMs).toBeLessThan(SOON_MS);
});

test('an agent that is given such orders goes on', async () => {
  await using agent = await AgentProcess.start();
  const since = performance.now();
  const asked = Array.from({ length: 5 }, async () => {
    const url = `http://127.0.0.1:${agent.port}/order`;
    const headers = { authorization: `Bearer ${TOKEN}` };
    return (await fetch(url, { method: 'POST', headers, body: HOSTILE })).status;
  });
  expect(await Promise.all(asked)).toEqual([400, 400, 400, 400, 400]);
  await agent.sample();
  expect(performance.now() - since).toBeLessThan(SOON_MS);
});

test('a recording with such lines, which are left out, and honest ones', async () => {
  const records = serverRecords({ ...MILLION, sessions: 1_000, climbSeconds: 10 });
  writeFileSync(join(folder, 'server.jsonl'), `${linesOf(records)}${HOSTILE}\n${HOSTILE}\n`);
  writeFileSync(join(folder, 'memory.json'), HOSTILE);
  const { code, out, tookMs } = await run('report', folder, '--out', join(folder, 'report'));
  expect([code, out]).toEqual([0, expect.stringContaining('memory.json could not be read')]);
  expect(tookMs).toBeLessThan(2 * SOON_MS);
});
