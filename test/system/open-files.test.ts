/** Connections that say nothing take a worker's open files, but not the sessions that it has. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { ServerProcess } from '../support/holdfast-process.ts';
import { ask, Clients, record } from './clients.ts';
import { eventually } from './eventually.ts';

const ROOT = join(import.meta.dir, '../..');
const OPEN_FILES = 1_000;
const SILENT = 2_000;
const SESSIONS = 10;
/** Bun closes who says nothing for 10 s, which it counts in grains of 4 s. */
const BACK_WITHIN_MS = 30_000;

setDefaultTimeout(90_000);

const clients = new Clients();
const silent: { end(): void }[] = [];
let node: ServerProcess;
let sockets: readonly Socket[];

beforeAll(async () => {
  const app = join(import.meta.dir, 'system-app.ts');
  const start = ['start', '--json', '--port', '0', '--admin-port', '0', '--workers', '1'];
  const command = ['node', join(ROOT, 'bin/holdfast.js'), ...start, '--app', app];
  const limited = ['bash', '-c', `ulimit -n ${OPEN_FILES}; exec "$0" "$@"`];
  node = await ServerProcess.launch([...limited, ...command]);
  sockets = await clients.connectMany(node.url, SESSIONS, () => ({ transports: ['websocket'] }));
});

afterAll(async () => {
  for (const socket of silent) socket.end();
  clients.close();
  await node.stop();
});

test('sessions live on, and new connections are answered once the silent are closed', async () => {
  const disconnects = record<string>([...sockets], 'disconnect');
  const connected = Array.from({ length: SILENT }, () => connectSilently(node.publicPort));
  await eventually('the worker has no file left', isAnswered, (answered) => !answered);
  for (const [index, socket] of sockets.entries()) {
    expect(await ask<string>(socket, 'echo', `still ${index}`)).toBe(`still ${index}`);
  }
  await eventually('the worker answers again', isAnswered, Boolean, BACK_WITHIN_MS);
  await Promise.all(connected);
  expect(disconnects.flat()).toEqual([]);
  expect(node.logText).not.toContain('uncaught');
});

async function isAnswered(): Promise<boolean> {
  const signal = AbortSignal.timeout(500);
  const answer = await fetch(`${node.url}/health`, { signal, keepalive: false }).catch(() => {});
  return answer?.status === 200;
}

/** Resolves once the kernel has taken the connection, or refused it. */
async function connectSilently(port: number): Promise<void> {
  const socket = { data: () => {}, error: () => {} };
  const open = await Bun.connect({ hostname: '127.0.0.1', port, socket }).catch(() => undefined);
  if (open !== undefined) silent.push(open);
}
