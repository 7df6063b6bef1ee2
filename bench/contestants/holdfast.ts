/**
 * Holdfast, started by the command that its users type, with one worker. Broadcasts go through
 * the admin API, so they take the whole way: controller, bus, worker. The worker is what is
 * measured; the controller is reported beside it.
 */

import { readFileSync } from 'node:fs';
import type { Children } from '../children.ts';
import { PAYLOAD_BYTES } from '../limits.ts';
import type { Contestant, RunningContestant } from './contract.ts';
import { post } from './launch.ts';
import { answers, endLeftover, freePort } from './processes.ts';
import { SOCKET_IO_PATH } from './socket-io.ts';

const ROOT_FOLDER = `${import.meta.dir}/../..`;

export const holdfast: Contestant = {
  name: 'holdfast',
  title: 'Holdfast',
  protocol: 'socket-io',
  expectedSeconds: 28,
  start: (children) => startHoldfast(children),
};

/** @param flags further flags of `holdfast start` */
export async function startHoldfast(
  children: Children,
  flags: readonly string[] = [],
): Promise<RunningContestant> {
  const [port, adminPort] = [freePort(), freePort()];
  const child = children.add(
    Bun.spawn(
      [
        ...['node', 'bin/holdfast.js', 'start', '--app', 'bench/servers/holdfast-app.ts'],
        ...['--workers', '1', '--host', '0.0.0.0'],
        ...['--port', String(port), '--admin-port', String(adminPort)],
        ...flags,
      ],
      { cwd: ROOT_FOLDER, stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
    ),
  );
  const admin = `http://127.0.0.1:${adminPort}`;
  await answers(`${admin}/ready`, child, 'holdfast start', () => 'see its message above');
  const pid = await workerPid(`${admin}/process`);
  const controllerPid = parentPid(pid);
  let sequence = 0;
  return {
    pid,
    otherPids: [controllerPid],
    url: `ws://127.0.0.1:${port}${SOCKET_IO_PATH}`,
    broadcast: async (count) => {
      const sends = Array.from({ length: count }, () => {
        sequence += 1;
        const payload = String(sequence).padEnd(PAYLOAD_BYTES, '.');
        return post(`${admin}/send`, { event: 'tick', args: [payload] });
      });
      await Promise.all(sends);
    },
    stop: async () => {
      await children.stop(child);
      // The launcher passes the signal on, unless it had to be killed.
      endLeftover(controllerPid);
      endLeftover(pid);
    },
  };
}

async function workerPid(url: string): Promise<number> {
  const status = (await (await fetch(url)).json()) as { workers?: { pid?: unknown }[] };
  const pid = status.workers?.[0]?.pid;
  if (typeof pid !== 'number') throw new Error('GET /process of holdfast named no worker pid');
  return pid;
}

/** The worker's parent is the controller. */
function parentPid(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
}
