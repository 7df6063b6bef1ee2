/** The nodes of each contestant, and the Redis between them. */

import { join } from 'node:path';
import { withinStart } from '../../contestants/launch.ts';
import { childPids, freePort } from '../../contestants/processes.ts';
import type { Child, Children } from '../../measure/children.ts';
import { HOLDFAST_STOP_TIMEOUT_MS, START_TIMEOUT_MS } from '../../measure/limits.ts';

const ROOT = join(import.meta.dir, '..', '..', '..');
const APP = join(import.meta.dir, 'servers', 'app.ts');
const SOCKET_IO = join(import.meta.dir, 'servers', 'socket-io.mjs');

export interface ClusterNode {
  readonly port: number;
  /** Of Holdfast the controller, then the workers. */
  readonly pids: readonly number[];
}

export interface Contestant {
  readonly name: string;
  start(redisPort: number, nodes: number, children: Children): Promise<readonly ClusterNode[]>;
}

const MUCH = '100000000';
/** One session says what hundreds would. */
const UNBOUNDED = ['--max-messages-per-second', MUCH, '--max-bytes-per-second', MUCH];

export const CONTESTANTS: readonly Contestant[] = [
  holdfast('holdfast', ['--broker-socket-io', 'false']),
  holdfast('holdfast, heard by Socket.IO', []),
  official('socket.io, redis-adapter', 'classic'),
  official('socket.io, sharded adapter', 'sharded'),
];

function holdfast(name: string, flags: readonly string[]): Contestant {
  return {
    name,
    start: async (redisPort, nodes, children) => {
      const all = [...UNBOUNDED, ...flags, '--app', APP, '--workers', '1'];
      const count = Array.from({ length: nodes });
      return await Promise.all(count.map(() => startHoldfast(redisPort, all, children)));
    },
  };
}

/** @param flags of `holdfast start`, beside those of ports and Redis */
export async function startHoldfast(
  redisPort: number,
  flags: readonly string[],
  children: Children,
): Promise<ClusterNode & { readonly admin: string }> {
  const broker = ['--broker', `redis://127.0.0.1:${redisPort}`, '--cluster-host', '127.0.0.1'];
  // Any free ports, which it tells: many start at once.
  const ports = ['--port', '0', '--admin-port', '0', '--json'];
  const child = children.add(
    Bun.spawn(
      [
        ...[process.execPath, 'src/cli/main.ts', 'start', '--log-level', 'error'],
        ...[...broker, ...ports, ...flags],
      ],
      { cwd: ROOT, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
    ),
    { stopTimeoutMs: HOLDFAST_STOP_TIMEOUT_MS },
  );
  const said = await withinStart(firstText(child.stdout), child, 'holdfast start');
  const { publicPort: port, adminPort } = JSON.parse(said) as Record<string, number>;
  const admin = `http://127.0.0.1:${adminPort}`;
  return { port: port as number, admin, pids: [child.pid, ...childPids(child.pid)] };
}

function official(name: string, kind: 'classic' | 'sharded'): Contestant {
  return {
    name,
    start: async (redisPort, nodes, children) => {
      const one = async (): Promise<ClusterNode> => {
        const child = children.add(
          Bun.spawn(['node', SOCKET_IO, String(redisPort), kind], {
            stdin: 'pipe',
            stdout: 'pipe',
            stderr: 'inherit',
            env: { ...process.env, NODE_ENV: 'production' },
          }),
        );
        const said = await withinStart(firstText(child.stdout), child, name);
        const { port } = JSON.parse(said) as { port: number };
        return { port, pids: [child.pid] };
      };
      return await Promise.all(Array.from({ length: nodes }, one));
    },
  };
}

/** Of a program that writes one short line, and nothing more. */
async function firstText(stream: ReadableStream<Uint8Array>): Promise<string> {
  const { value } = await stream.getReader().read();
  return new TextDecoder().decode(value);
}

export interface Redis {
  readonly port: number;
  readonly pid: number;
  readonly child: Child;
  readonly version: string;
  command(...args: readonly string[]): Promise<string>;
}

/** Redis or Valkey, which keeps nothing on disk. @throws Error that says what to install */
export async function startRedis(children: Children): Promise<Redis> {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin`;
  const program = Bun.which('redis-server', { PATH }) ?? Bun.which('valkey-server', { PATH });
  if (program === null) throw new Error('Install redis-server or valkey-server first.');
  const port = freePort();
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = children.add(
    Bun.spawn([program, ...flags], { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' }),
  );
  const client = new Bun.RedisClient(`redis://127.0.0.1:${port}`);
  const command = async (name = '', ...args: readonly string[]): Promise<string> =>
    String(await client.send(name, [...args]));
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while ((await command('PING').catch(() => '')) !== 'PONG') {
    if (performance.now() > deadlineMs) throw new Error('Redis does not answer');
    await Bun.sleep(50);
  }
  const version = /redis_version:(\S+)/.exec(await command('INFO', 'server'))?.[1] ?? 'unknown';
  return { port, pid: child.pid, child, version, command };
}
