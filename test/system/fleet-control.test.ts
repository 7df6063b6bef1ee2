/** Live control of a running fleet from other processes, agents elsewhere, and its ends. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FleetProcess, runFleet } from '../support/fleet-process.ts';
import {
  COMMAND,
  HoldfastProcess,
  ROOT,
  runHoldfast,
  ServerProcess,
} from '../support/holdfast-process.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'system-app.ts');
const STOCK = ['node', join(ROOT, 'test', 'support', 'stock-server.mjs')];
const IN_EFFECT_MS = 5_000;

setDefaultTimeout(60_000);

let node: HoldfastProcess;
let other: ServerProcess;

beforeAll(async () => {
  [node, other] = await Promise.all([
    HoldfastProcess.start({ app: APP, workers: 2 }),
    ServerProcess.launch(STOCK),
  ]);
});
afterAll(async () => {
  await node.stop();
  await other.stop();
});

test('connections, rate and target are set from another process, and it is stopped', async () => {
  await using fleet = await FleetProcess.start([
    ...['--target', node.url, '--connections', '200', '--rate', '1000', '--hold', '120'],
  ]);
  const opens = async (count: number, phase = 'hold') => {
    const setAtMs = performance.now();
    const status = await eventually(
      `${count} sessions are open`,
      () => fleet.status(),
      (now) => now.open === count && now.phase === phase,
    );
    expect(performance.now() - setAtMs).toBeLessThan(IN_EFFECT_MS);
    return status;
  };
  await opens(200);

  expect(await fleet.command('set', 'connections', '1500')).toMatchObject({ wanted: 1500 });
  await opens(1500);
  await fleet.command('set', 'connections', '300');
  await opens(300);
  expect(await fleet.command('set', 'rate', '250')).toMatchObject({ rate: 250 });
  await fleet.command('set', 'rate', '2000');

  await fleet.command('set', 'target', other.url);
  await eventually(
    'all have moved to the other server',
    async () => (await node.load()).connections,
    (connections) => connections === 0,
  );
  const moved = await opens(300);
  expect(moved.losses).toEqual({});
  expect(moved.agents).toHaveLength(1);
  expect(moved.agents[0]).toMatchObject({ open: 300, lost: null });
  expect(moved.latencies.connect?.count).toBe(moved.established);

  expect(await failureOf(fleet.command('set', 'connections', '9000000'))).toContain('hold at most');
  expect(await failureOf(fleet.command('set', 'rate', '0'))).toContain('"rate" must be a number');
  expect(await failureOf(fleet.command('set', 'target', 'ws://127.0.0.1:1/'))).toContain(
    'ECONNREFUSED',
  );
  await fleet.command('stop');
  const { code, verdict } = await fleet.ended();
  expect(verdict).toMatchObject({ verdict: 'passed', lost: 0, connectionsHeldMax: 1500 });
  expect(verdict.findings.map(({ name }) => name)).toContain('stopped');
  expect(code).toBe(0);
  const sets = fleet.records.flatMap((record) =>
    'what' in record && record.what === 'set' ? [record.text] : [],
  );
  expect(sets).toEqual([
    'connections 1,500',
    'connections 300',
    'rate 250',
    'rate 2,000',
    `target ${other.url}`,
    'stop, during hold',
  ]);
});

test('Ctrl-C during the climb: sessions leave, and the verdict says who stopped it', async () => {
  await using fleet = await FleetProcess.start([
    ...['--target', node.url, '--connections', '5000', '--rate', '100', '--hold', '60'],
  ]);
  await eventually(
    'some are open',
    () => fleet.status(),
    ({ open }) => open > 50,
  );
  fleet.kill('SIGINT');
  const { code, verdict } = await fleet.ended();
  expect({ code, verdict: verdict.verdict }).toEqual({ code: 1, verdict: 'void' });
  expect(verdict.findings[0]).toMatchObject({ name: 'stopped' });
  expect(fleet.records.at(-1)).toEqual(verdict);
  await eventually(
    'none is left',
    () => node.load(),
    ({ connections }) => connections === 0,
  );
});

test('a second Ctrl-C ends it at once', async () => {
  await using fleet = await FleetProcess.start([
    ...['--target', node.url, '--connections', '500', '--rate', '1000', '--hold', '60'],
  ]);
  await eventually(
    'it holds',
    () => fleet.status(),
    ({ phase }) => phase === 'hold',
  );
  // Then leaving takes as long as it may, which is five seconds.
  await fleet.command('set', 'rate', '1');
  fleet.kill('SIGINT');
  await eventually(
    'it leaves',
    () => fleet.status(),
    ({ phase }) => phase === 'leave',
  );
  // What is refused is not carried out: the sessions go on leaving.
  const refusal = await failureOf(fleet.command('set', 'connections', '900'));
  expect(refusal).toContain('The run is leaving already');
  expect(await fleet.status()).toMatchObject({ wanted: 0, phase: 'leave' });
  const atMs = performance.now();
  fleet.kill('SIGINT');
  const { verdict } = await fleet.ended();
  expect(performance.now() - atMs).toBeLessThan(2_500);
  expect(verdict.findings.map(({ name }) => name)).toContain('stopped');
});

test('agents elsewhere are used with their token, and hold nothing afterwards', async () => {
  await using agent = await agentProcess('a-token-of-the-fleet');
  const agents = ['--agent', `127.0.0.1:${agent.port}`];
  const load = ['--connections', '300', '--rate', '1000', '--hold', '1', '--broadcasts', '1'];
  const target = ['--target', node.url, '--admin', `http://127.0.0.1:${node.adminPort}`];
  const refused = await runHoldfast([
    ...[
      'fleet',
      'run',
      '--control-port',
      '0',
      ...target,
      ...agents,
      '--token',
      'not-the-right-one',
    ],
  ]);
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.err).toBe(
    `holdfast: The agent at 127.0.0.1:${agent.port} refuses the token: ` +
      'give its own with --token-file or HOLDFAST_FLEET_TOKEN.\n',
  );
  for (const end of [[], ['--no-leave']]) {
    const args = [...target, ...agents, ...load, ...end, '--token', 'a-token-of-the-fleet'];
    const { code, verdict, records } = await runFleet(args);
    expect({ code, verdict: verdict.verdict }).toEqual({ code: 0, verdict: 'passed' });
    expect(verdict.broadcasts[0]?.received).toBe(300);
    // The clocks are the same one, so what they are apart is an error of measuring.
    expect(verdict.deliveryLatency?.max).toBeLessThan(2_000_000);
    expect(JSON.stringify(records[0])).not.toContain('a-token-of-the-fleet');
    await eventually(
      'none is left',
      () => node.load(),
      ({ connections }) => connections === 0,
    );
  }
});

/** @param token undefined lets it make one */
async function agentProcess(
  token: string | undefined,
): Promise<AsyncDisposable & { readonly port: number }> {
  const child = Bun.spawn([...COMMAND, 'fleet', 'agent', '--listen', '127.0.0.1:0', '--json'], {
    cwd: ROOT,
    env: { ...process.env, HOLDFAST_FLEET_TOKEN: token ?? '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { value } = await child.stdout.getReader().read();
  const { port } = JSON.parse(new TextDecoder().decode(value)) as { port: number };
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      expect(await child.exited).toBe(0);
    },
  };
}

test('who controls a run is the user who runs it, or who is told the token', async () => {
  await using fleet = await FleetProcess.start([
    ...['--target', node.url, '--connections', '10', '--hold', '120'],
  ]);
  const { control, controlToken, tokenPath } = fleet;
  expect(statSync(tokenPath).mode & 0o777).toBe(0o600);
  expect(fleet.err).not.toContain(controlToken);
  // Other users of this host, pages in a browser and scanners reach the port as well.
  for (const authorization of ['', 'Bearer x', `Bearer ${controlToken}x`]) {
    const json = { 'content-type': 'application/json', authorization };
    const body = JSON.stringify({ target: 'ws://127.0.0.1:1/' });
    for (const [path, init] of [
      ['/status', {}],
      ['/set', { method: 'POST', body }],
      ['/stop', { method: 'POST', body: '{}' }],
    ] as const) {
      expect((await fetch(control + path, { ...init, headers: json })).status).toBe(401);
    }
  }
  const port = new URL(control).port;
  const elsewhere = { env: { HOME: '/nowhere', TMPDIR: '/nowhere' } };
  const refused = await runHoldfast(['fleet', 'stop', '--control-port', port], elsewhere);
  expect(refused.err).toBe(
    'holdfast: The run wants its control token: ask as the user who runs it, or give it with ' +
      '--control-token-file or HOLDFAST_FLEET_CONTROL_TOKEN.\n',
  );
  const status = ['fleet', 'status', '--json', '--control-port', port];
  const byFile = await runHoldfast([...status, '--control-token-file', tokenPath], elsewhere);
  const byVariable = await runHoldfast(status, {
    env: { ...elsewhere.env, HOLDFAST_FLEET_CONTROL_TOKEN: controlToken },
  });
  expect([byFile.code, byVariable.code]).toEqual([0, 0]);
  await fleet.command('stop');
  await fleet.ended();
  expect(existsSync(tokenPath)).toBe(false);
});

test('an agent on this host needs no token of anybody: the run of its user finds it', async () => {
  await using agent = await agentProcess(undefined);
  const args = ['--target', node.url, '--agent', `127.0.0.1:${agent.port}`];
  const { verdict } = await runFleet([...args, '--connections', '50', '--hold', '1']);
  expect(verdict).toMatchObject({ verdict: 'passed', connectionsHeldMax: 50 });
});

/** The message of the error that it ends with; empty when there is none. */
function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
}
