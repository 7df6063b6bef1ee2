/**
 * A fleet on hosts that exist: eight of them, reached by a real sshd each, and one coordinator that
 * finds their agents by itself.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetStatus } from '../../src/fleet/coordinator/status.ts';
import type { FleetVerdict } from '../../src/report/recording/record.ts';
import {
  COMMAND,
  type Ended,
  HoldfastProcess,
  ROOT,
  runHoldfast,
} from '../support/holdfast-process.ts';
import { HostNetwork, NO_HOST_NETWORK } from '../support/host-network.ts';
import { within } from '../support/raw-deadline.ts';
import { requirement } from '../support/requires.ts';
import { eventually } from './eventually.ts';

const HOSTS = 8;
const AGENTS_PER_HOST = 1;
const LOST = HOSTS - 1;
const LOST_WITHIN_MS = 30_000;
const END_TIMEOUT_MS = 40_000;

setDefaultTimeout(180_000);

const sshd = requirement('sshd');
const reason = sshd.available ? NO_HOST_NETWORK : sshd.reason;
const title = (name: string): string => (reason === '' ? name : `${name} (${reason})`);

let network: HostNetwork;
let node: HoldfastProcess;

beforeAll(async () => {
  if (reason !== '') return;
  network = await HostNetwork.start(HOSTS, sshd.path);
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'system-app.ts'),
    workers: 2,
    bash: network.bash,
  });
});
afterAll(async () => {
  await node?.stop();
  await network?.[Symbol.asyncDispose]();
});

function holdfast(...args: readonly string[]): Promise<Ended> {
  return runHoldfast(args, { bash: network.bash, env: { HOME: network.folder } });
}

async function json<T>(...args: readonly string[]): Promise<T> {
  const { out, err } = await holdfast(...args, '--json');
  if (out === '') throw new Error(err);
  return JSON.parse(out) as T;
}

function hostNames(): readonly string[] {
  return network.addresses.map((address) => `root@${address}:22`);
}

function startArgs(...hosts: readonly string[]): readonly string[] {
  return [
    ...['fleet', 'hosts', 'start', '--ssh', hosts.join(','), '--ssh-config', network.sshConfig],
    ...['--command', network.command, '--agents', String(AGENTS_PER_HOST)],
  ];
}

function runArgs(connections: number, hold: number): readonly string[] {
  return [
    ...['fleet', 'run', '--target', `http://${network.address}:${node.publicPort}`],
    ...['--connections', String(connections), '--rate', '1000', '--hold', String(hold)],
  ];
}

interface Hosts {
  readonly answering: number;
  readonly hosts: readonly { readonly name: string; readonly open: number }[];
}

test.skipIf(reason !== '')(
  title('eight hosts, one run up and down, one host lost: the verdict is right'),
  async () => {
    const started = await holdfast(...startArgs(...hostNames()), '--json');
    expect([started.code, started.err]).toEqual([0, '']);
    expect(JSON.parse(started.out)).toMatchObject({ answering: HOSTS });
    const state = join(network.folder, '.local', 'state', 'holdfast');
    const [kept = ''] = readdirSync(state);
    expect(statSync(join(state, kept)).mode & 0o777).toBe(0o600);
    const { token } = JSON.parse(readFileSync(join(state, kept), 'utf8')).fleets[0];
    expect(started.out).not.toContain(token);

    const quiet = await json<FleetVerdict>(...runArgs(400, 1));
    expect(quiet).toMatchObject({ verdict: 'passed', connectionsHeldMax: 400, lost: 0 });

    const child = Bun.spawn(
      ['bash', '-c', network.bash, 'bash', ...COMMAND, ...runArgs(2_000, 300), '--json'],
      {
        cwd: ROOT,
        env: { ...process.env, HOME: network.folder },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    try {
      const out = child.stdout.text();
      const open = (count: number) => fleetStatus(`${count} are open`, (now) => now.open === count);
      const status = await open(2_000);
      expect(status.agents).toHaveLength(HOSTS * AGENTS_PER_HOST);
      await holdfast('fleet', 'set', 'connections', '3000');
      await open(3_000);
      const busy = await json<Hosts>('fleet', 'hosts', 'status');
      expect(busy.hosts.reduce((sum, host) => sum + host.open, 0)).toBe(3_000);
      await holdfast('fleet', 'set', 'connections', '1000');
      await open(1_000);

      network.lose(LOST);
      const lost = await fleetStatus(
        'its agents are lost',
        ({ agents }) => agents.filter((agent) => agent.lost !== null).length === AGENTS_PER_HOST,
      );
      expect(lost.losses).toEqual({});
      await holdfast('fleet', 'stop');
      const code = await within('the run ends', child.exited, END_TIMEOUT_MS);
      const verdict = JSON.parse(await out) as FleetVerdict;
      expect([code, verdict.verdict]).toEqual([1, 'void']);
      expect(verdict.findings[0]).toMatchObject({ name: 'agent lost' });
      expect(verdict.findings[0]?.text).toContain(`Agent ${network.addresses[LOST]}:8710 was lost`);
    } finally {
      child.kill('SIGKILL');
    }

    await everythingStops();
  },
);

/** All but the host that is gone, which is told, and forgotten when that is asked for. */
async function everythingStops(): Promise<void> {
  expect(await json<Hosts>('fleet', 'hosts', 'status')).toMatchObject({ answering: HOSTS - 1 });
  const stopped = await holdfast('fleet', 'hosts', 'stop', 'all');
  expect([stopped.code, stopped.out]).toEqual([1, '7 hosts stopped.\n']);
  expect(stopped.err).toContain(`(${hostNames()[LOST]}: ssh: connect to host`);
  for (let index = 0; index < HOSTS; index++) expect(network.processes(index)).toEqual([]);
  expect(readdirSync(join(network.theirHome, '.local', 'state', 'holdfast'))).toHaveLength(1);

  const forgotten = await holdfast('fleet', 'hosts', 'stop', 'all', '--forget');
  expect([forgotten.code, forgotten.err]).toEqual([0, '']);
  expect(await json<Hosts>('fleet', 'hosts', 'status')).toEqual({ answering: 0, hosts: [] });
}

function fleetStatus(what: string, holds: (status: FleetStatus) => boolean): Promise<FleetStatus> {
  const ask = async (): Promise<FleetStatus | undefined> => {
    const { out } = await holdfast('fleet', 'status', '--json');
    return out === '' ? undefined : (JSON.parse(out) as FleetStatus);
  };
  const found = eventually(what, ask, (now) => now !== undefined && holds(now), LOST_WITHIN_MS);
  return found as Promise<FleetStatus>;
}
