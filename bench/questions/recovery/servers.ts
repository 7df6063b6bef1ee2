/** The servers that clients come back to. */

import { join } from 'node:path';
import { findToken } from '../../../src/host/access/left-token.ts';
import { answers, freePort } from '../../contestants/processes.ts';
import type { Children } from '../../measure/children.ts';
import { HOLDFAST_STOP_TIMEOUT_MS } from '../../measure/limits.ts';
import { EVENT, ROOM } from './links.ts';

export interface RecoveryServer {
  readonly port: number;
  /** Of all its processes. */
  pids(): Promise<readonly number[]>;
  /** Says one numbered message to the room. */
  say(number: number): Promise<void>;
}

const FOLDER = join(import.meta.dir, 'servers');
const ROOT_FOLDER = join(import.meta.dir, '../../..');
const ROOMS = { 'match:*': { history: { messages: 10_000, seconds: 300 } } };

export async function startHoldfast(children: Children, workers: number): Promise<RecoveryServer> {
  const [port, adminPort] = [freePort(), freePort()];
  const child = children.add(
    Bun.spawn(
      [
        ...[process.execPath, 'src/cli/main.ts', 'start', '--app', join(FOLDER, 'app.ts')],
        ...['--workers', String(workers), '--rooms', JSON.stringify(ROOMS), '--log-level', 'warn'],
        ...['--port', String(port), '--admin-port', String(adminPort)],
      ],
      { cwd: ROOT_FOLDER, stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
    ),
    { stopTimeoutMs: HOLDFAST_STOP_TIMEOUT_MS },
  );
  const admin = `http://127.0.0.1:${adminPort}`;
  await answers(`${admin}/ready`, child, 'holdfast start', () => 'see its message above');
  const token = findToken({ of: 'admin', port: adminPort });
  return {
    port,
    pids: async () => {
      const { workers: all } = (await (await fetch(`${admin}/process`)).json()) as {
        workers: readonly { pid: number }[];
      };
      return [child.pid, ...all.map(({ pid }) => pid)];
    },
    say: (number) => say(`${admin}/send`, number, { authorization: `Bearer ${token}` }),
  };
}

export async function startSocketIo(children: Children): Promise<RecoveryServer> {
  const child = children.add(
    Bun.spawn(['node', join(FOLDER, 'socket-io.mjs')], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
      env: { ...process.env, NODE_ENV: 'production' },
    }),
  );
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const line = new TextDecoder().decode(value);
  const { port, controlPort } = JSON.parse(line) as { port: number; controlPort: number };
  return {
    port,
    pids: async () => [child.pid],
    say: (number) => say(`http://127.0.0.1:${controlPort}/send`, number, {}),
  };
}

async function say(
  url: string,
  number: number,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ event: EVENT, args: [number, Date.now()], room: ROOM }),
  });
  if (!answer.ok) throw new Error(`a message was not taken: HTTP ${answer.status}`);
}
