/**
 * Holdfast, started by `holdfast start` with one worker, without the launcher for Node. Broadcasts
 * go through the admin API, so they take the whole way: controller, bus, worker. The worker is what
 * is measured; the controller is reported beside it.
 */

import { findToken } from '../../src/host/access/left-token.ts';
import type { Children } from '../measure/children.ts';
import { HOLDFAST_STOP_TIMEOUT_MS, PAYLOAD_BYTES } from '../measure/limits.ts';
import { type Contestant, type RunningContestant, USER_AUTH } from './contract.ts';
import { post } from './launch.ts';
import { answers, freePort } from './processes.ts';
import { SOCKET_IO_PATH } from './socket-io.ts';

const APP = `${import.meta.dir}/servers/holdfast-app.ts`;
const ROOT_FOLDER = `${import.meta.dir}/../..`;
const ADMIN_TIMEOUT_MS = 5_000;
/** Everyone is the room of the empty name. */
const KEPT = { '': { history: { messages: 1_000, seconds: 60 } } };

/** For its clients of Socket.IO. */
export const holdfast: Contestant = {
  name: 'holdfast',
  title: 'Holdfast',
  protocol: 'socket-io',
  auth: USER_AUTH,
  expectedSeconds: 28,
  start: (children) => startHoldfast(children),
};

/** The same, whose sessions can all be recovered, and what is said to everyone is kept. */
export const holdfastKept: Contestant = {
  ...holdfast,
  name: 'holdfast-history',
  title: 'Holdfast, history',
  start: (children) => startHoldfast(children, ['--rooms', JSON.stringify(KEPT)]),
};

/** Path and query of each transport of the plain protocol. */
const PLAIN_PATHS = { websocket: '/ws', sse: '/sse', stream: '/poll?stream=1', poll: '/poll' };

/** For clients of the plain protocol: the same server with the same app. */
export function plainHoldfast(protocol: keyof typeof PLAIN_PATHS): Contestant {
  return {
    name: `holdfast-${protocol}`,
    title: `Holdfast, ${protocol}`,
    protocol,
    auth: USER_AUTH,
    expectedSeconds: protocol === 'poll' ? 40 : 28,
    start: (children) => startHoldfast(children, [], PLAIN_PATHS[protocol]),
  };
}

/**
 * @param flags further flags of `holdfast start`
 * @param path and query that clients ask for
 */
export async function startHoldfast(
  children: Children,
  flags: readonly string[] = [],
  path: string = SOCKET_IO_PATH,
): Promise<RunningContestant> {
  const [port, adminPort] = [freePort(), freePort()];
  const child = children.add(
    Bun.spawn(
      [
        ...[process.execPath, 'src/cli/main.ts', 'start', '--app', APP],
        ...['--workers', '1', '--host', '0.0.0.0', '--log-level', 'warn'],
        ...['--port', String(port), '--admin-port', String(adminPort)],
        ...flags,
      ],
      { cwd: ROOT_FOLDER, stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
    ),
    { stopTimeoutMs: HOLDFAST_STOP_TIMEOUT_MS },
  );
  const stop = (): Promise<void> => children.stop(child);
  const admin = `http://127.0.0.1:${adminPort}`;
  let pid: number;
  try {
    await answers(`${admin}/ready`, child, 'holdfast start', () => 'see its message above');
    pid = await workerPid(admin);
  } catch (error) {
    await stop();
    throw error;
  }
  let sequence = 0;
  return {
    pid,
    otherPids: [child.pid],
    url: `ws://127.0.0.1:${port}${path}`,
    broadcast: async (count) => {
      const sends = Array.from({ length: count }, () => {
        sequence += 1;
        const payload = String(sequence).padEnd(PAYLOAD_BYTES, '.');
        return sendTick(admin, payload);
      });
      await Promise.all(sends);
    },
    stop,
  };
}

/** Sends an event to all sessions, with the token that the node has left for its user. */
export function sendTick(admin: string, payload: string): Promise<void> {
  const token = findToken({ of: 'admin', port: Number(new URL(admin).port) });
  const headers = { authorization: `Bearer ${token}` };
  return post(`${admin}/send`, { event: 'tick', args: [payload] }, headers);
}

/**
 * The process id of the one worker of a node.
 * @param admin the URL of its admin API
 * @throws Error when it does not answer, or names none
 */
export async function workerPid(admin: string): Promise<number> {
  const response = await fetch(`${admin}/process`, {
    signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS),
  });
  const status = (await response.json()) as { workers?: { pid?: unknown }[] };
  const pid = status.workers?.[0]?.pid;
  if (typeof pid !== 'number') throw new Error('GET /process of holdfast named no worker pid');
  return pid;
}
