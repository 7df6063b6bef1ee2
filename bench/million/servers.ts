/** The server of a run: Holdfast by the command its users type, or the control as a cluster. */

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../contestants/processes.ts';
import type { Child, Children } from '../measure/children.ts';
import { HOLDFAST_STOP_TIMEOUT_MS } from '../measure/limits.ts';
import { openFileLimit } from '../measure/machine.ts';
import { holdfast } from './commands.ts';
import type { KnownProcess } from './memory.ts';
import type { MillionOptions } from './options.ts';

export interface TestedServer {
  /** What `holdfast fleet run` is told about it. */
  readonly fleetArguments: readonly string[];
  /** Whether it writes server.jsonl. */
  readonly hasRecord: boolean;
  /** Its processes of this moment. */
  processes(): Promise<readonly KnownProcess[]>;
  stop(): Promise<void>;
}

/** What `holdfast start --json` prints. */
interface Listening {
  readonly publicPort: number;
  readonly adminPort: number;
}

/** The part of `GET /process` that is needed here. */
interface Processes {
  readonly nodes: readonly { readonly pid: number }[];
  readonly workers: readonly { readonly pid: number | null }[];
}

const SERVERS_FOLDER = join(import.meta.dir, '..', 'contestants', 'servers');
/** Files of a control process that hold no connection. */
const RESERVED_FILES = 256;

export function startServer(options: MillionOptions, children: Children): Promise<TestedServer> {
  return options.server === 'holdfast'
    ? startHoldfast(options, children)
    : startBare(options, children);
}

async function startHoldfast(options: MillionOptions, children: Children): Promise<TestedServer> {
  const child = children.add(
    Bun.spawn(
      [
        ...holdfast('start', '--json', '--app', join(SERVERS_FOLDER, 'holdfast-app.ts')),
        ...['--connections', String(options.connections), '--record-dir', options.out],
        ...['--port', '0', '--admin-port', '0', '--log-level', 'warn'],
        ...(options.protocol === 'poll' ? ['--poll-hold-ms', String(options.pollHold)] : []),
      ],
      { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
    ),
    { stopTimeoutMs: HOLDFAST_STOP_TIMEOUT_MS },
  );
  // It is printed when all workers are ready.
  const { publicPort, adminPort } = await firstLine<Listening>(child, child.stdout);
  const admin = `http://127.0.0.1:${adminPort}`;
  return {
    hasRecord: true,
    fleetArguments: ['--target', `http://127.0.0.1:${publicPort}`, '--admin', admin],
    processes: async () => {
      const status = (await (await fetch(`${admin}/process`)).json()) as Processes;
      return [
        ...status.nodes.map(({ pid }) => ({ role: 'controller' as const, pid })),
        ...status.workers.flatMap(({ pid }) =>
          pid === null ? [] : [{ role: 'worker' as const, pid }],
        ),
      ];
    },
    stop: () => children.stop(child),
  };
}

/** As many processes as the open-file limit asks for, on one shared port. */
async function startBare(options: MillionOptions, children: Children): Promise<TestedServer> {
  const perProcess = openFileLimit() - RESERVED_FILES;
  const mean = perProcess - 4 * Math.sqrt(perProcess);
  const count = Math.max(availableParallelism(), Math.ceil(options.connections / mean));
  const port = freePort();
  const servers = await Promise.all(
    Array.from({ length: count }, () => startBareProcess(port, children)),
  );
  // One address for the fleet: it hands each broadcast to every process.
  const relay = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const body = await request.text();
      await Promise.all(
        servers.map(({ controlPort }) =>
          fetch(`http://127.0.0.1:${controlPort}/`, { method: 'POST', body }),
        ),
      );
      return new Response('sent');
    },
  });
  return {
    hasRecord: false,
    fleetArguments: [
      ...['--target', `ws://127.0.0.1:${port}/`],
      ...['--broadcast-url', `http://127.0.0.1:${relay.port}/`],
    ],
    processes: async () => servers.map(({ child }) => ({ role: 'worker', pid: child.pid })),
    stop: async () => {
      await relay.stop(true);
      await Promise.all(servers.map(({ child }) => children.stop(child)));
    },
  };
}

async function startBareProcess(
  port: number,
  children: Children,
): Promise<{ readonly child: Child; readonly controlPort: number }> {
  const child = children.add(
    Bun.spawn([process.execPath, join(SERVERS_FOLDER, 'bare.ts'), String(port)], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    }),
  );
  const { controlPort } = await firstLine<{ controlPort: number }>(child, child.stdout);
  return { child, controlPort };
}

/** @throws Error when the process ends without one; it has then said why on its standard error */
async function firstLine<T>(child: Child, stream: ReadableStream<Uint8Array>): Promise<T> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = '';
  while (!text.includes('\n')) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the server (process ${child.pid}) ended before it was ready`);
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return JSON.parse(text.slice(0, text.indexOf('\n'))) as T;
}
