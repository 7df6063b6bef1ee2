/**
 * `npm run example:cluster`: clients of three nodes behind HAProxy, whose requests go anywhere,
 * hear each other; one signal ends all of it.
 *
 * With SCREENSHOT_DIR set, the page is also saved there.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { decodeSessionId } from '../../src/server/protocol/session-id.ts';
import { ServerProcess } from '../support/holdfast-process.ts';
import { type Message, PlainClient } from '../support/plain-clients.ts';
import { requirement } from '../support/requires.ts';
import { Clients } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(90_000);

const redis = requirement('redis');
const haproxy = requirement('haproxy');
const browser = requirement('chromium');
const isPossible = redis.available && haproxy.available;
const title = (name: string): string => redis.title(haproxy.title(name));

const EXAMPLE = join(import.meta.dir, '..', '..', 'examples', 'cluster', 'main.ts');
const EACH = 3;

/** One client of whatever kind, and who has shouted as it heard. */
interface Listener {
  readonly id: string;
  readonly heard: string[];
  shout(): Promise<unknown>;
}

describe.skipIf(!isPossible)('the example of a cluster', () => {
  const clients = new Clients();
  const plain: PlainClient[] = [];
  let example: ServerProcess;

  beforeAll(async () => {
    const command = [process.execPath, EXAMPLE, '--port', '0', '--json'];
    example = await ServerProcess.launch(command);
  });

  afterAll(async () => {
    clients.close();
    for (const client of plain) client.close();
    await example.stop({ signal: 'SIGINT' });
  });

  async function polling(): Promise<Listener> {
    const socket = await clients.connect(example.url, {
      transports: ['polling'],
      auth: { room: 'terrace' },
    });
    const heard: string[] = [];
    socket.on('comment', ({ by }: { by?: string }) => void (by === undefined || heard.push(by)));
    const shout = (): Promise<unknown> => socket.timeout(15_000).emitWithAck('shout');
    return { id: String(socket.id), heard, shout };
  }

  async function plainly(transport: 'websocket' | 'sse'): Promise<Listener> {
    const client = await PlainClient.open(example.url, transport, 'room=terrace');
    plain.push(client);
    const { id } = await client.nextOf('connect');
    const heard: string[] = [];
    const listen = async (): Promise<void> => {
      for (;;) note(await client.next(), heard);
    };
    // It ends with the client.
    listen().catch(() => {});
    const shout = (): Promise<unknown> =>
      client.send({ type: 'event', event: 'shout', args: [], id: 1 });
    return { id: String(id), heard, shout };
  }

  test(title('each hears what each says, once, through any node'), async () => {
    const opened: Promise<Listener>[] = [];
    for (let at = 0; at < EACH; at++) {
      opened.push(polling(), plainly('websocket'), plainly('sse'));
    }
    const all = await Promise.all(opened);
    const nodes = new Set(all.map(({ id }) => decodeSessionId(id)?.node));
    expect(nodes.size).toBe(3);
    await eventually(
      'all nodes know of all listeners',
      async () => {
        for (const { heard } of all) heard.length = 0;
        await all[0]?.shout();
        await Bun.sleep(300);
        return all.map(({ heard }) => heard.length);
      },
      (counts) => counts.every((count) => count === 1),
    );
    for (const { heard } of all) heard.length = 0;
    for (const one of all) await one.shout();
    const ids = all.map(({ id }) => id).toSorted();
    await eventually(
      'all have heard all',
      () => all.map(({ heard }) => heard.length),
      (counts) => counts.every((count) => count >= ids.length),
    );
    for (const { heard } of all) expect(heard.toSorted()).toEqual(ids);
  });

  test.skipIf(!browser.available)(browser.title(title('the page shows its node')), async () => {
    const arguments_ = ['--no-sandbox', '--disable-gpu', '--no-first-run'];
    const shown = await chromium.launch({ executablePath: browser.path, args: arguments_ });
    try {
      const page = await shown.newPage({ viewport: { width: 1100, height: 760 } });
      await page.goto(example.url);
      await page.waitForSelector('[data-transport="websocket"][data-current]');
      expect(await page.textContent('#node')).toMatch(/^node [0-9a-f]{6}$/);
      await eventually(
        'the workers of three nodes are counted',
        () => page.textContent('#workers'),
        (text) => text === ', one of 6',
      );
      const folder = process.env['SCREENSHOT_DIR'];
      if (folder) await page.screenshot({ path: join(folder, 'cluster.png') });
    } finally {
      await shown.close();
    }
  });
});

function note({ event, args }: Message, heard: string[]): void {
  const [comment] = (args ?? []) as readonly { readonly by?: string }[];
  if (event === 'comment' && comment?.by !== undefined) heard.push(comment.by);
}
