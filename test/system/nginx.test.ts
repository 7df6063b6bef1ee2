/**
 * A proxy that buffers what it passes on: nginx as it comes, without `proxy_buffering off`. What is
 * said to a client arrives before anything else is said, over each transport.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { Nginx } from '../support/nginx.ts';
import { PLAIN_TRANSPORTS, PlainClient, type PlainTransport } from '../support/plain-clients.ts';
import { requirement } from '../support/requires.ts';
import { Clients } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const program = requirement('nginx');
const APP = join(import.meta.dir, 'plain-app.ts');
const MESSAGES = 50;
/** Longer than what nginx lets pass has ever taken here, by far. */
const HELD_BACK_MS = 1_000;

const clients = new Clients();
let node: HoldfastProcess;
let nginx: Nginx;
/**
 * HTTP/1.0 to the node, which is what nginx speaks if it is told nothing; 1.1, with compression;
 * 1.0 again, deaf to the header that asks it not to buffer. Of 1.1 it passes each whole chunk on.
 */
let [plainest, usual, deaf] = ['', '', ''];

beforeAll(async () => {
  if (!program.available) return;
  node = await HoldfastProcess.start({ app: APP, workers: 2, config: { pollHoldMs: 1_000 } });
  const pass = (rest: string): string => `location / { proxy_pass ${node.url}; ${rest} }`;
  const newer =
    'proxy_http_version 1.1; proxy_set_header Host $http_host; ' +
    'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;';
  const gzip =
    'gzip on; gzip_min_length 1; gzip_proxied any; ' +
    'gzip_types text/event-stream application/x-ndjson application/json text/plain;';
  nginx = await Nginx.start(program.path, [
    pass(''),
    `${gzip} ${pass(newer)}`,
    pass('proxy_ignore_headers X-Accel-Buffering;'),
  ]);
  [plainest, usual, deaf] = nginx.urls as [string, string, string];
});

afterAll(async () => {
  clients.close();
  await nginx?.[Symbol.asyncDispose]();
  await node?.stop();
});

/** Reads an answer for as long as the signal lets it. */
async function readAll(
  url: string,
  signal: AbortSignal,
  onText: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  try {
    const answer = await fetch(url, { signal });
    for await (const chunk of answer.body ?? []) onText(decoder.decode(chunk, { stream: true }));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Each message has arrived before the next is said, by the client itself and by others. */
async function expectAtOnce(url: string, transport: PlainTransport): Promise<void> {
  const room = `${transport}-${url.slice(-5)}`;
  const client = await PlainClient.open(url, transport, `room=${room}&user=ada`);
  expect(await client.next()).toMatchObject({ type: 'connect', rooms: ['all', room] });
  expect(await client.next()).toMatchObject({ event: 'welcome', args: ['ada', transport] });
  for (let at = 0; at < MESSAGES; at++) {
    await node.publish({ event: 'news', args: [at], room });
    expect(await client.next()).toMatchObject({ event: 'news', args: [at] });
  }
  await client.send({ type: 'event', event: 'echo', args: ['x'.repeat(100_000)], id: 1 });
  expect((await client.nextOf('ack', 1)).args).toEqual(['x'.repeat(100_000)]);
  client.close();
}

describe.skipIf(!program.available)(program.title('behind nginx'), () => {
  test.each(PLAIN_TRANSPORTS)('what is said arrives at once (%s)', (transport) =>
    expectAtOnce(usual, transport),
  );

  test.each(['sse', 'stream', 'polling'] as const)(
    'so it does through HTTP/1.0 (%s)',
    (transport) => expectAtOnce(plainest, transport),
  );

  test.each(['/sse?', '/poll?stream=1&'])(
    'without the header that asks for it all waits until buffers are full (%s)',
    async (target) => {
      const gone = new AbortController();
      const room = `deaf-${target.length}`;
      let text = '';
      const reading = readAll(`${deaf}${target}room=${room}`, gone.signal, (more) => {
        text += more;
      });
      await Bun.sleep(HELD_BACK_MS);
      expect(text).toBe('');
      const fillUp = async (): Promise<string> => {
        await node.publish({ event: 'long', args: ['x'.repeat(100_000)], room });
        return text;
      };
      await eventually('all comes', fillUp, (all) => all.includes('"connect"'));
      gone.abort();
      await reading;
    },
  );

  test('a poll that waits needs no header: its answer is whole', async () => {
    await expectAtOnce(deaf, 'polling');
  });

  test.each([
    ['polling', ['polling']],
    ['polling and an upgrade', ['polling', 'websocket']],
  ])('Socket.IO by %s', async (_how, transports) => {
    const socket = await clients.connect(usual, { transports });
    for (let at = 0; at < MESSAGES; at++) {
      expect(await socket.timeout(10_000).emitWithAck('echo', at)).toBe(at);
    }
  });
});
