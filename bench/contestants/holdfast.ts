/**
 * Holdfast, started by the command that its users type, with one worker. Broadcasts go through
 * the admin API, so they take the whole way: controller, bus, worker. The worker is what is
 * measured; the controller is reported beside it.
 */

import { readFileSync } from 'node:fs';
import type { Children } from '../children.ts';
import { hasEnded } from '../children.ts';
import { PAYLOAD_BYTES, START_TIMEOUT_MS } from '../limits.ts';
import type { Contestant, RunningContestant } from './contract.ts';
import { post } from './launch.ts';
import { SOCKET_IO_PATH } from './socket-io.ts';

const ROOT_FOLDER = `${import.meta.dir}/../..`;

export const holdfast: Contestant = {
  name: 'holdfast',
  title: 'Holdfast',
  protocol: 'socket-io',
  expectedSeconds: 28,
  start,
};

async function start(children: Children): Promise<RunningContestant> {
  const [port, adminPort] = [freePort(), freePort()];
  const child = children.add(
    Bun.spawn(
      [
        ...['node', 'bin/holdfast.js', 'start', '--app', 'bench/servers/holdfast-app.ts'],
        ...['--workers', '1', '--host', '0.0.0.0'],
        ...['--port', String(port), '--admin-port', String(adminPort)],
      ],
      { cwd: ROOT_FOLDER, stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
    ),
  );
  const admin = `http://127.0.0.1:${adminPort}`;
  await ready(`${admin}/ready`, () => hasEnded(child));
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
      endLeftover(controllerPid);
      endLeftover(pid);
    },
  };
}

async function ready(url: string, ended: () => boolean): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (ended()) throw new Error('holdfast start ended before it was ready; see its message above');
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 200) return;
    await Bun.sleep(50);
  }
  throw new Error(`holdfast was not ready in ${START_TIMEOUT_MS} ms`);
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

/** The launcher passes the signal on; had it to be killed, what it started is ended by id. */
function endLeftover(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already, as it should be.
  }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '0.0.0.0', port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
