/**
 * Connections without a session: more than the worker has files, opened again as soon as they are
 * closed. Honest clients go on, and new ones get in; sessions are not taken for strangers.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { Attackers } from '../support/attackers.ts';
import { COMMAND, ServerProcess } from '../support/holdfast-process.ts';
import { bytesOf, memoryComesBack } from '../support/honest-clients.ts';
import { HonestWatch } from '../support/honest-watch.ts';
import { Clients } from './clients.ts';

const APP = join(import.meta.dir, 'strangers-app.ts');
const HOST = join(import.meta.dir, 'strangers-host.mjs');
const OPEN_FILES = 600;
const STRANGERS = 650;
const SESSIONS = 30;
const ATTACK_MS = 1_500;
/** So that an attack has more than a hundred rounds. */
const ROUND_MS = 14;
/** The next attack would show who is still busy with the last one. */
const RECOVERED_MS = 200;
const MEMORY_TOLERANCE_BYTES = 64 * 2 ** 20;

/** What a transport of socket.io-client says of its end, as far as it does. */
interface Details {
  readonly message: string;
  readonly context: { readonly responseText?: string };
}

setDefaultTimeout(120_000);

const clients = new Clients();
let node: ServerProcess;
let honest: HonestWatch;
const disconnects: string[] = [];
let pids: readonly number[];
let bytesBefore: number;

beforeAll(async () => {
  // Garbage is not what is looked for.
  const start = ['start', '--json', '--port', '0', '--admin-port', '0', '--workers', '1'];
  const command = [...COMMAND, ...start, '--gc', '1', '--app', APP];
  const limited = ['bash', '-c', `ulimit -n ${OPEN_FILES}; exec "$0" "$@"`];
  node = await ServerProcess.launch([...limited, ...command]);
  const transports = [['websocket'], ['polling'], ['polling', 'websocket']];
  const sockets = await clients.connectMany(node.url, SESSIONS, (number) => ({
    transports: transports[number % transports.length] as string[],
  }));
  for (const socket of sockets) {
    socket.on('disconnect', (reason, details) => {
      const { message = '', context } = (details ?? {}) as Partial<Details>;
      disconnects.push(`${reason}: ${message}, ${context?.responseText ?? ''}`);
    });
  }
  honest = await HonestWatch.start(node.url, {
    roundMs: ROUND_MS,
    recoveredMs: RECOVERED_MS,
    // Who is new and slow may be taken for a stranger once, but not one in a hundred.
    reconnects: true,
  });
  pids = node.processes;
  bytesBefore = bytesOf(pids);
});

afterAll(async () => {
  await honest[Symbol.asyncDispose]();
  clients.close();
  await node.stop();
});

test.each([
  ['say nothing', 'one'],
  ['say nothing', 'many'],
  ['ask for /health now and then', 'one'],
  ['ask for a file now and then', 'one'],
  ['send half a head', 'one'],
  ['send half a head', 'many'],
  ['drip a head', 'one'],
  ['send half a body', 'one'],
  ['drip a body', 'many'],
  ['drip a body for a session that is not there', 'one'],
  ['ask the app for what takes long', 'one'],
  ['ask the app for nothing', 'many'],
  ['poll without a session', 'one'],
  ['ask for another protocol', 'one'],
  ['speak TLS', 'one'],
  ['open a WebSocket and never join', 'one'],
  ['open a WebSocket and never join', 'many'],
])('%s, from %s address', async (kind, addresses) => {
  await honest.expectServedDuring((begin) => attackWith(kind, addresses, begin));
});

/** @param begin is called when those who attack are there, and have not begun */
async function attackWith(
  kind: string,
  addresses: string,
  begin: () => Promise<void>,
): Promise<void> {
  const args = [String(node.publicPort), kind, String(STRANGERS), addresses];
  const host = Bun.spawn(['node', HOST, ...args], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const words = host.stdout.getReader();
  try {
    await words.read();
    await begin();
    await host.stdin.write('go');
    await host.stdin.flush();
    await words.read();
    await Bun.sleep(ATTACK_MS);
  } finally {
    host.kill('SIGKILL');
    await host.exited;
  }
}

test.each(['one', 'many'])('a session moves to its socket through an attack, %s', async (from) => {
  await using slow = new Attackers(node.publicPort);
  const sid = await slow.openPolling();
  const socket = await slow.openOffered(sid);
  socket.send('2probe');
  await socket.heard('3probe');
  // By now a client has stopped to poll, and has nothing else than this socket.
  await attackWith('say nothing', from, async () => {});
  expect(socket.isClosed).toBe(false);
  socket.send('5', '42["honest:event",7]');
  await socket.heard('42["honest:event",7]');
  expect(socket.isClosed).toBe(false);
});

test('sessions are still there, and what the attacks took comes back', async () => {
  expect(disconnects).toEqual([]);
  expect(node.logText).not.toContain('uncaught');
  expect(node.logText).toContain('strangerCut');
  await memoryComesBack(pids, bytesBefore, MEMORY_TOLERANCE_BYTES);
});
