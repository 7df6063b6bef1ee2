/** What stops a run is told by name: the server's limits, and the fleet's own. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { FleetVerdict } from '../../src/report/recording/record.ts';
import { FleetProcess, runFleet } from '../support/fleet-process.ts';
import { COMMAND, ROOT, ServerProcess } from '../support/holdfast-process.ts';
import { eventually } from './eventually.ts';

const STOCK = ['node', join(ROOT, 'test', 'support', 'stock-server.mjs')];
const HOLDFAST = COMMAND.join(' ');
const LIMIT = ['prlimit', '--nofile=1000:1000'];
const STALLING = ['--connections', '1500', '--rate', '1500', '--hold', '1', '--stall', '2'];

/** Gives the commands after it a network of their own with 500 local ports. */
const FEW_PORTS = [
  ...['unshare', '--net', 'sh', '-c'],
  'ip link set lo up && echo 20000 20499 > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"',
  'sh',
];
const hasFewPorts = Bun.spawnSync([...FEW_PORTS, 'true'], { stderr: 'ignore' }).success;
const needsRoot = hasFewPorts ? '' : ' (needs root, and iproute2, for a network of its own)';

setDefaultTimeout(120_000);

/** Long enough for some hundred sessions on a machine that has other work. */
const CLIMB_TIMEOUT_MS = 40_000;

function findingOf({ findings }: FleetVerdict, name: string): string {
  return findings.find((finding) => finding.name === name)?.text ?? '';
}

describe('a server limited to 1,000 files', () => {
  test('stock: its process and its files are named', async () => {
    await using server = await ServerProcess.launch([...LIMIT, ...STOCK]);
    const { code, verdict } = await runFleet([
      ...['--target', server.url, '--protocol', 'websocket', ...STALLING],
    ]);
    expect({ code, verdict: verdict.verdict }).toEqual({ code: 1, verdict: 'failed' });
    expect(verdict.findings[0]?.name).toBe('EMFILE');
    expect(findingOf(verdict, 'EMFILE')).toBe(
      `The server process ${server.pid} (node) has 1,000 of 1,000 files open.`,
    );
    expect(verdict.findings[0]?.advice).toContain('ulimit -n');
    expect(findingOf(verdict, 'not reached')).toMatch(/^9\d\d of 1,500 sessions were open/);
  });

  test('Holdfast: its capacity and its files are named', async () => {
    const start = ['start', '--json', '--port', '0', '--admin-port', '0', '--workers', '1'];
    await using node = await ServerProcess.launch([...LIMIT, ...COMMAND, ...start]);
    const { adminPort } = JSON.parse(node.logText.split('\n')[0] ?? '') as { adminPort: number };
    const admin = `http://127.0.0.1:${adminPort}`;
    const { code, verdict } = await runFleet(['--target', node.url, '--admin', admin, ...STALLING]);
    expect({ code, verdict: verdict.verdict }).toEqual({ code: 1, verdict: 'failed' });
    const finding = findingOf(verdict, 'server capacity');
    expect(finding).toMatch(/^The node has reached its capacity of 7\d\d sessions; /);
    expect(finding).toMatch(/; its process \d+ \(.+\) has [78]\d\d of 1,000 files open\.$/);
    expect(findingOf(verdict, 'HTTP 503')).toContain('at capacity');
  });
});

test('a server that takes a third of the rate: the time left is three times as long', async () => {
  const rate = 300;
  const waiting: (() => void)[] = [];
  const timer = setInterval(() => waiting.shift()?.(), 3_000 / rate);
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request, self) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return self.upgrade(request) ? undefined : new Response('', { status: 400 });
    },
    websocket: { message() {} },
  });
  try {
    await using fleet = await FleetProcess.start([
      ...['--target', `ws://127.0.0.1:${server.port}`, '--protocol', 'websocket'],
      ...['--connections', '3000', '--rate', String(rate), '--hold', '1'],
    ]);
    const { open, secondsLeft } = await eventually(
      'some are open',
      () => fleet.status(),
      (status) => status.open >= 200,
    );
    const byWhatWasAsked = (3_000 - open) / rate;
    expect(secondsLeft).toBeGreaterThan(byWhatWasAsked * 2);
    expect(secondsLeft).toBeLessThan(byWhatWasAsked * 6);
  } finally {
    clearInterval(timer);
    await server.stop(true);
  }
});

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.launch(STOCK);
});
afterAll(() => server.stop());

describe("the fleet's own limits make a run void", () => {
  test.skipIf(!hasFewPorts)(`local ports${needsRoot}`, async () => {
    const script = `
      ${STOCK.join(' ')} 9000 > /dev/null &
      until ${HOLDFAST} fleet run --json --control-port 9001 --target ws://127.0.0.1:9000 \\
        --protocol websocket --connections 1 --hold 0 > /dev/null 2>&1; do sleep 0.2; done
      ${HOLDFAST} fleet run --json --control-port 9001 --target ws://127.0.0.1:9000 \\
        --protocol websocket --source 127.0.0.1 ${STALLING.join(' ')}
      kill $!`;
    const run = Bun.spawn([...FEW_PORTS, 'sh', '-c', script], { stderr: 'ignore' });
    const verdict = JSON.parse(await run.stdout.text()) as FleetVerdict;
    expect(verdict.verdict).toBe('void');
    expect(verdict.findings[0]?.name).toMatch(/^EADDR/);
    expect(verdict.findings[0]?.text).toContain(
      'ran out of local ports: there is one source address, which has 500 ports',
    );
    expect(verdict.findings[0]?.advice).toContain('--source');
  });

  test('an agent that gets no CPU for two seconds', async () => {
    await using fleet = await FleetProcess.start([
      ...['--target', server.url, '--connections', '200', '--rate', '1000', '--hold', '5'],
    ]);
    const { agents } = await eventually(
      'the fleet holds',
      () => fleet.status(),
      ({ phase }) => phase === 'hold',
      CLIMB_TIMEOUT_MS,
    );
    const pid = agents[0]?.pid as number;
    process.kill(pid, 'SIGSTOP');
    await Bun.sleep(2_000);
    process.kill(pid, 'SIGCONT');
    const { code, verdict } = await fleet.ended();
    expect({ code, verdict: verdict.verdict }).toEqual({ code: 1, verdict: 'void' });
    expect(verdict.findings[0]?.name).toBe('agent loop lag');
    expect(verdict.findings[0]?.text).toMatch(
      /agent local 0 stood still for (1,[5-9]|[2-9],\d)\d\d ms/,
    );
    expect(verdict.lost).toBe(0);
  });

  test('an agent that is lost; the run goes on with the others', async () => {
    await using fleet = await FleetProcess.start([
      ...['--target', server.url, '--connections', '200', '--rate', '1000', '--hold', '3'],
      ...['--processes', '2'],
    ]);
    const { agents } = await eventually(
      'the fleet holds',
      () => fleet.status(),
      ({ phase }) => phase === 'hold',
      CLIMB_TIMEOUT_MS,
    );
    process.kill(agents[1]?.pid as number, 'SIGKILL');
    const { code, verdict } = await fleet.ended();
    expect({ code, verdict: verdict.verdict }).toEqual({ code: 1, verdict: 'void' });
    expect(verdict.findings[0]?.text).toBe('Agent local 1 was lost: its process ended (SIGKILL).');
    expect(verdict.heldSeconds).toBeGreaterThanOrEqual(3);
    const events = fleet.records.filter((record) => 'what' in record && record.what === 'agent');
    expect(events).toHaveLength(1);
  });
});

test('a server that ends during the run is told apart from one that fails', async () => {
  await using server = await ServerProcess.launch(STOCK);
  await using fleet = await FleetProcess.start([
    ...['--target', server.url, '--connections', '300', '--rate', '1000', '--hold', '3'],
    ...['--stall', '1'],
  ]);
  await eventually(
    'the fleet holds',
    () => fleet.status(),
    ({ phase }) => phase === 'hold',
    CLIMB_TIMEOUT_MS,
  );
  process.kill(server.pid, 'SIGKILL');
  const { verdict } = await fleet.ended();
  expect(verdict.verdict).toBe('failed');
  expect(findingOf(verdict, 'server ended')).toBe(
    `The server process ${server.pid} (node) ended during the run.`,
  );
  expect(verdict.lost).toBe(300);
  expect(findingOf(verdict, 'ECONNREFUSED')).toContain('nothing listened');
});
