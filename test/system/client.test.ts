/** The small client and the real command: in Bun, Node.js and a browser, by each transport. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { connect, type TransportName } from '../../src/client/index.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { InstalledClient } from '../support/installed-client.ts';
import { requirement } from '../support/requires.ts';
import { WatchedClient } from '../support/watched-client.ts';
import { converse } from './client-conversation.ts';
import { eventually } from './eventually.ts';

const TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'stream', 'polling'];
const APP = join(import.meta.dir, 'client-app.ts');
/** What Node.js and pages run. */
const CONVERSATION = new Bun.Transpiler({ loader: 'ts' }).transformSync(
  readFileSync(join(import.meta.dir, 'client-conversation.ts'), 'utf8'),
);
const RUN_MS = 30_000;
/** Far less than silent sessions are kept. */
const GONE_MS = 10_000;
/** Longer than a ping and the time to answer it. */
const SILENT_MS = 60_000;
/** Several polls in a test, and a worker that is killed is missed soon. */
const SHORT = { pollHoldMs: 500, pingIntervalMs: 1_000, pingTimeoutMs: 2_000 };

const browserProgram = requirement('chromium');
const installed = new InstalledClient();
/** A page of another origin. */
const elsewhere = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => html() });
let node: HoldfastProcess;
let browser: Browser | undefined;

setDefaultTimeout(60_000);

beforeAll(async () => {
  const config = { pollHoldMs: 500, corsOrigins: [elsewhere.url.origin] };
  node = await HoldfastProcess.start({ app: APP, workers: 2, config });
  if (!browserProgram.available) return;
  const args = ['--no-sandbox', '--disable-gpu', '--no-first-run'];
  browser = await chromium.launch({ executablePath: browserProgram.path, args });
}, 60_000);

afterAll(async () => {
  installed[Symbol.dispose]();
  await browser?.close();
  await elsewhere.stop(true);
  await node.stop();
}, 60_000);

/** What comes of a conversation, whatever the runtime. */
function expected(transport: TransportName) {
  return {
    who: { user: 'ada', transport, isKnown: true },
    early: ['before it was open', null, { deep: ['ü', 1.5] }],
    rooms: ['a&b ü', 'everyone', 'lobby', 'match'],
    isInOrder: true,
    areBytes: true,
    answered: { sum: 42 },
    refused: [
      ['refused', 'joinForbidden', expect.any(String), null],
      ['refused', 'failed', 'not today', { until: 'Monday' }],
      ['refused', 'eventUnheard', expect.any(String), null],
      ['timeout', null, 'no ack came in time', null],
      ['payloadTooLarge', null, expect.any(String), null],
    ],
    still: ['here'],
    told: [
      '["match","hello"]',
      '["lobby","hello"]',
      '["everyone","hello"]',
      '["match",{"deep":[{"0":1,"1":2}]}]',
    ],
    end: {
      last: 'closed',
      errors: ['payloadTooLarge'],
      states: ['open', 'server namespace disconnect'],
      state: 'closed',
    },
  };
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('a client in Bun', async () => {
    const came = await converse(connect, node.url, { transports: [transport] });
    expect(came).toEqual(expected(transport));
  });

  test('a client in Node.js', async () => {
    const script = `${CONVERSATION}
      import { connect } from 'holdfast/client';
      import { WebSocket } from 'ws';
      const options = { transports: ['${transport}'], WebSocket };
      console.log(JSON.stringify(await converse(connect, '${node.url}', options)));`;
    const { out, err, code } = await installed.run('node', `${transport}.mjs`, script, RUN_MS);
    expect([err, code]).toEqual(['', 0]);
    expect(JSON.parse(out)).toEqual(expected(transport));
  });

  test.skipIf(!browserProgram.available)(
    browserProgram.title('clients in pages, of the node itself and of another origin'),
    async () => {
      for (const address of [`${node.url}/page.html`, elsewhere.url.href]) {
        const page = await openPage(address);
        const problems: string[] = [];
        page.on('pageerror', (error) => problems.push(String(error)));
        const url = address.startsWith(node.url) ? '/' : node.url;
        const came = await page.evaluate<unknown>(`
          Promise.all([${importedFrom('holdfast.js', url)}, ${imported(CONVERSATION)}]).then(
            ([{ connect }, { converse }]) =>
              converse(connect, '${url}', { transports: ['${transport}'] }))`);
        expect(came).toEqual(expected(transport));
        expect(problems).toEqual([]);
        await page.close();
      }
    },
  );

  test('who closes leaves nothing behind', async () => {
    const counted = async (): Promise<number> => (await node.load()).transports[transport];
    // One that polled and was killed, as a page is, counts until it was silent for long enough.
    const isNone = (count: number): boolean => count === 0;
    const before = await eventually('the others are gone', counted, isNone, SILENT_MS);
    for (let i = 0; i < 400; i++) {
      using one = new WatchedClient(node.url, { transports: [transport] });
      await one.client.emitWithAck('echo');
    }
    await eventually('they are gone', counted, (count) => count === before, GONE_MS);
  }, 120_000);

  test.each([
    ['by authenticate', { auth: { token: 'wrong' } }, 'notAuthenticated', { tries: 3 }],
    ['for a room', { rooms: ['locked'] }, 'joinForbidden', undefined],
    ['for its namespace', { namespace: '/nowhere' }, 'namespaceUnknown', undefined],
  ])('who is refused %s stays away', async (_, options, reason, data) => {
    using one = new WatchedClient(node.url, { transports: [transport], ...options });
    const closed = await one.reached('closed');
    expect(closed).toEqual({ state: 'closed', reason, message: expect.any(String), data });
    expect(one.states).toEqual(['closed']);
  });

  test('who loses the worker comes back, with its rooms, and hears of a stop', async () => {
    await using own = await HoldfastProcess.start({ app: APP, workers: 2, config: SHORT });
    using one = new WatchedClient(own.url, { transports: [transport], rooms: ['a'] });
    await one.client.join('b');
    for (const pid of await own.workerPids()) process.kill(pid as number, 'SIGKILL');
    await one.reached('open', 2);
    const rooms = await one.client.emitWithAck('rooms');
    expect(rooms).toEqual(expect.arrayContaining(['a', 'b', 'everyone']));
    await own.stop();
    await one.until('it is told of the stop', () =>
      one.changes.some((change) => 'reason' in change && change.reason === 'server shutting down'),
    );
  });
});

test('who finds the node full comes back when told, also in a page of another origin', async () => {
  const config = { maxSessionsPerWorker: 1, corsOrigins: [elsewhere.url.origin] };
  await using own = await HoldfastProcess.start({ app: APP, workers: 1, config });
  using first = new WatchedClient(own.url);
  await first.reached('open');
  using second = new WatchedClient(own.url);
  const { reason, delayMs } = await second.reached('waiting');
  expect([reason, delayMs >= 5_000]).toEqual(['atCapacity', true]);
  expect(second.states).toEqual(['waiting']);
  if (browser !== undefined) {
    const page = await openPage(elsewhere.url.href);
    const waiting = `${importedFrom('holdfast.js', own.url)}.then(({ connect }) =>
      new Promise((onState) => connect('${own.url}', { onState })))`;
    const change = await page.evaluate<unknown>(waiting);
    expect(change).toMatchObject({ state: 'waiting', reason: 'atCapacity' });
    expect((change as { readonly delayMs: number }).delayMs).toBeGreaterThanOrEqual(5_000);
    await page.close();
  }
  first.client.close();
  second.client.close();
  await own.stop();
});

test('silent clients stay while the server lives, and notice when it stands still', async () => {
  // Polls are held for longer than a session may be silent.
  const config = { pingIntervalMs: 500, pingTimeoutMs: 2_500, plainPath: '/live/' };
  await using own = await HoldfastProcess.start({ app: APP, workers: 1, config });
  const clients = TRANSPORTS.map((transport) => {
    const options = { transports: [transport], connectTimeoutMs: 1_000 };
    return new WatchedClient(`${own.url}/live`, options);
  });
  await Promise.all(clients.map((one) => one.reached('open')));
  // Twice as long as a session may be silent.
  await Bun.sleep(6_500);
  expect(clients.map(({ states }) => states)).toEqual(TRANSPORTS.map(() => ['open']));
  const [worker] = await own.workerPids();
  process.kill(worker as number, 'SIGSTOP');
  const lost = await Promise.all(clients.map((one) => one.reached('waiting')));
  expect(lost.map(({ reason }) => reason)).toEqual(TRANSPORTS.map(() => 'ping timeout'));
  process.kill(worker as number, 'SIGCONT');
  await Promise.all(clients.map((one) => one.reached('open', 2)));
  for (const one of clients) one.client.close();
  await own.stop();
});

test.skipIf(!browserProgram.available)(
  browserProgram.title('a page that gets no WebSocket takes Server-Sent Events, and else polls'),
  async () => {
    const page = await openPage(`${node.url}/page.html`);
    const transport = `${importedFrom('holdfast.js', '/')}.then(async ({ connect }) => {
      delete globalThis.WebSocket;
      const client = connect('/');
      const [, , transport] = await client.emitWithAck('whoami');
      client.close();
      return transport;
    })`;
    expect(await page.evaluate<unknown>(transport)).toBe('sse');
    await page.route('**/sse*', (route) => route.abort());
    expect(await page.evaluate<unknown>(transport)).toBe('polling');
    await page.close();
  },
);

function html(): Response {
  return new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } });
}

function importedFrom(path: string, url: string): string {
  return `import('${url.replace(/\/$/, '')}/${path}')`;
}

function imported(code: string): string {
  return `import(${JSON.stringify(`data:text/javascript,${encodeURIComponent(code)}`)})`;
}

async function openPage(address: string): Promise<Page> {
  if (browser === undefined) throw new Error('the browser did not start');
  const page = await browser.newPage();
  await page.goto(address);
  return page;
}
