/** The server of a run: Holdfast by the command its users type, or the control as a cluster. */

import { join } from 'node:path';
import { type Child, type Children, hasEnded } from '../children.ts';
import { answers, freePort } from '../contestants/processes.ts';
import { openFileLimit } from '../machine.ts';
import { holdfast } from './commands.ts';
import type { KnownProcess } from './memory.ts';
import type { MillionOptions } from './options.ts';

export interface TestedServer {
  /** What `holdfast fleet run` is told about it. */
  readonly fleetArguments: readonly string[];
  /** Its processes of this moment. */
  processes(): readonly KnownProcess[];
  stop(): Promise<void>;
}

const BENCH_FOLDER = join(import.meta.dir, '..');
/** Files of a control process that hold no connection. */
const RESERVED_FILES = 256;

export function startServer(options: MillionOptions, children: Children): Promise<TestedServer> {
  return options.server === 'holdfast'
    ? startHoldfast(options, children)
    : startBare(options, children);
}

async function startHoldfast(options: MillionOptions, children: Children): Promise<TestedServer> {
  const [port, adminPort] = [freePort(), freePort()];
  const admin = `http://127.0.0.1:${adminPort}`;
  const child = children.add(
    Bun.spawn(
      [
        ...holdfast('start', '--app', join(BENCH_FOLDER, 'servers', 'holdfast-app.ts')),
        ...['--connections', String(options.connections), '--record-dir', options.out],
        ...['--port', String(port), '--admin-port', String(adminPort), '--log-level', 'warn'],
      ],
      { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
    ),
  );
  await answers(`${admin}/ready`, child, 'holdfast start', () => 'see its message above');
  const status = (await (await fetch(`${admin}/process`)).json()) as {
    readonly nodes: readonly { readonly pid: number }[];
    readonly workers: readonly { readonly pid: number }[];
  };
  const processes: readonly KnownProcess[] = [
    ...status.nodes.map(({ pid }) => ({ role: 'controller' as const, pid })),
    ...status.workers.map(({ pid }) => ({ role: 'worker' as const, pid })),
  ];
  return {
    fleetArguments: ['--target', `http://127.0.0.1:${port}/socket.io/`, '--admin', admin],
    processes: () => processes,
    stop: () => children.stop(child),
  };
}

/** As many processes as the open-file limit asks for, on one shared port. */
async function startBare(options: MillionOptions, children: Children): Promise<TestedServer> {
  const perProcess = openFileLimit() - RESERVED_FILES;
  const mean = perProcess - 4 * Math.sqrt(perProcess);
  const count = Math.ceil(options.connections / mean);
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
    fleetArguments: [
      ...['--target', `ws://127.0.0.1:${port}/`, '--protocol', 'websocket'],
      ...['--broadcast-url', `http://127.0.0.1:${relay.port}/`],
    ],
    processes: () => servers.map(({ child }) => ({ role: 'worker', pid: child.pid })),
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
    Bun.spawn([process.execPath, join(BENCH_FOLDER, 'servers', 'bare.ts'), String(port)], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    }),
  );
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  if (hasEnded(child)) throw new Error('the control did not start');
  const { controlPort } = JSON.parse(new TextDecoder().decode(value)) as { controlPort: number };
  return { child, controlPort };
}
