/**
 * Runs a swarm in the network it is started in, against a server of its own, and prints what it
 * counted, as JSON: the program of `inNamespace`, for tests that must change the kernel's settings.
 */

import type { AgentCounters, AgentOrder } from '../../src/fleet/agent/contract.ts';
import { ScriptedServer } from './scripted-server.ts';
import { SwarmRun, WEBSOCKET } from './swarm-run.ts';

export interface NamespaceRun {
  /** Shell commands that run first, with the loopback interface already up. */
  readonly setup: string;
  /** `ws://SERVER/` in targets stands for the server. */
  readonly order: Partial<AgentOrder>;
  /** How long it goes on before its counts are read. */
  readonly forMs: number;
}

export interface NamespaceResult {
  readonly open: number;
  readonly connecting: number;
  readonly counters: AgentCounters;
}

/** Whether this user may make a network of its own. */
export const CAN_MAKE_NAMESPACE: boolean =
  Bun.spawnSync(['unshare', '-n', 'ip', 'link', 'set', 'lo', 'up'], { stderr: 'ignore' })
    .exitCode === 0;

/** Runs a swarm in a network of its own, and returns what it counted. */
export async function inNamespace(run: NamespaceRun): Promise<NamespaceResult> {
  const script = `set -e; ip link set lo up; ${run.setup}; exec "$0" "$@"`;
  const program = [process.execPath, import.meta.path, JSON.stringify(run)];
  const child = Bun.spawn(['unshare', '-n', 'bash', '-c', script, ...program], {
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, err, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`the swarm in its network failed: ${err}`);
  return JSON.parse(out) as NamespaceResult;
}

async function main(text: string): Promise<void> {
  const { order, forMs } = JSON.parse(text) as NamespaceRun;
  using server = new ScriptedServer({ host: '0.0.0.0' });
  const targets = order.targets?.map((target) =>
    target.replace('SERVER', `127.0.0.1:${server.port}`),
  );
  using run = new SwarmRun({ ...WEBSOCKET, ...order, targets: targets ?? [server.url] });
  await Bun.sleep(forMs);
  run.order({ connections: run.open });
  await Bun.sleep(100);
  const { open, connecting, counters } = run;
  console.log(JSON.stringify({ open, connecting, counters }));
}

if (import.meta.main) {
  await main(process.argv[2] ?? '');
  process.exit(0);
}
