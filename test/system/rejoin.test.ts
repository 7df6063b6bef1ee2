/**
 * Leaving the one namespace of an app and joining it again over the same connection: the client is
 * asked about again, with what its first request said.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { RawPolling } from '../support/raw-polling.ts';
import { openWebSocket, probeWebSocket, type RawWebSocket } from '../support/raw-websocket.ts';

setDefaultTimeout(60_000);

const HEADERS = { cookie: 'session=ada' };

/** A client's packets, whichever way they go. */
interface Line {
  send(packet: string): Promise<void>;
  next(): Promise<string>;
}

async function polling(url: string): Promise<Line> {
  const endpoint = { url, freshConnections: true };
  const session = await RawPolling.open(endpoint, HEADERS, 'who=ada');
  return { send: (packet) => session.post(packet), next: async () => String(await session.next()) };
}

function overSocket(socket: RawWebSocket): Line {
  return { send: async (packet) => socket.send(packet), next: () => socket.text() };
}

async function websocket(url: string): Promise<Line> {
  const { socket } = await openWebSocket(url, { query: 'who=ada', headers: HEADERS });
  return overSocket(socket);
}

async function upgraded(url: string): Promise<Line> {
  const endpoint = { url, freshConnections: true };
  const session = await RawPolling.open(endpoint, HEADERS, 'who=ada');
  const socket = await probeWebSocket(url, session.sid);
  socket.send('5');
  return overSocket(socket);
}

describe.each([1, 3])('with %d worker(s)', (workers) => {
  let node: HoldfastProcess;

  beforeAll(async () => {
    node = await HoldfastProcess.start({ app: join(import.meta.dir, 'rejoin-app.ts'), workers });
  });
  afterAll(() => node.stop());

  test.each([
    ['polling', polling, 'polling'],
    ['a WebSocket', websocket, 'websocket'],
    ['an upgrade', upgraded, 'websocket'],
  ] as const)('over %s', async (_name, open, transport) => {
    const line = await open(node.url);
    const ids = new Set<string>();
    for (const [token, leave] of [
      [1, '41'],
      [2, '42["leave"]'],
      [3, '41'],
    ] as const) {
      await line.send(`40{"token":${token}}`);
      const { sid } = JSON.parse((await line.next()).slice(2)) as { sid: string };
      ids.add(sid);
      const greeting = JSON.parse((await line.next()).slice(2)) as unknown;
      const seen = [{ token }, HEADERS.cookie, null, 'ada', '127.0.0.1', transport];
      expect(greeting).toEqual(['auth', seen]);
      await line.send(leave);
      if (leave !== '41') expect(await line.next()).toBe('41');
    }
    expect(ids.size).toBe(3);
    await line.send('1');
  });
});
