/** The example backends of hooks, as their users run them, behind the real command. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { HoldfastProcess, ROOT } from '../support/holdfast-process.ts';
import { HOOK_SECRET } from '../support/hook-backend.ts';
import { openPlain } from '../support/plain-client.ts';
import { within } from '../support/raw-deadline.ts';
import { requirement } from '../support/requires.ts';

const python = requirement('python3');
const EXAMPLES = join(ROOT, 'examples', 'hooks');
const MINUTE_MS = 60_000;

setDefaultTimeout(60_000);

/** An example at work; what it prints is noted. */
class Example {
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>;
  text = '';
  url = '';

  constructor(command: readonly string[]) {
    this.#child = Bun.spawn([...command], {
      env: { PATH: process.env['PATH'], HOLDFAST_HOOK_SECRET: HOOK_SECRET, PORT: '0' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    });
  }

  async listening(): Promise<void> {
    void this.#follow();
    await this.printed('listens on ');
    this.url = /listens on (\S+)/.exec(this.text)?.[1] ?? '';
  }

  async printed(text: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!this.text.includes(text)) await Bun.sleep(10);
    };
    await within(`the example prints "${text}"`, wait(), MINUTE_MS / 4);
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }

  async #follow(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stdout) this.text += decoder.decode(bytes);
  }
}

interface Forgery {
  readonly secret?: string;
  /** How old it is. */
  readonly ageMs?: number;
  /** What is sent instead of what was signed. */
  readonly sent?: string;
  readonly signature?: (right: string) => string;
}

const CONNECT = { call: 'connect', namespace: '/', auth: { name: 'eve' } };

function request(url: string, body: object, forgery: Forgery = {}): () => Promise<Response> {
  const { secret = HOOK_SECRET, ageMs = 0, sent, signature = (right) => right } = forgery;
  const text = JSON.stringify({ id: crypto.randomUUID(), ...body });
  const timestamp = String(Date.now() - ageMs);
  const right = createHmac('sha256', secret).update(`${timestamp}.${text}`).digest('hex');
  const headers = {
    'content-type': 'application/json',
    'holdfast-timestamp': timestamp,
    'holdfast-signature': signature(`sha256=${right}`),
  };
  return () => fetch(url, { method: 'POST', headers, body: sent ?? text });
}

const BACKENDS: readonly [string, boolean, readonly string[]][] = [
  ['in Node.js', true, ['node', join(EXAMPLES, 'node', 'backend.mjs')]],
  [
    python.title('in Python'),
    python.available,
    [python.path, join(EXAMPLES, 'python', 'backend.py')],
  ],
];

for (const [name, isAvailable, command] of BACKENDS) {
  describe.skipIf(!isAvailable)(`the example ${name}`, () => {
    let example: Example;

    beforeAll(async () => {
      example = new Example(command);
      await example.listening();
    });

    afterAll(async () => {
      await example.stop();
    });

    test('decides, counts and hears', async () => {
      await using node = await HoldfastProcess.start({
        workers: 2,
        config: {
          hookUrl: example.url,
          hookSecret: HOOK_SECRET,
          hookCalls: ['connect', 'event', 'join', 'disconnect'],
        },
      });
      const endpoint = { url: node.url, freshConnections: false };
      const refused: unknown = await openPlain(endpoint, 'websocket').catch(
        (fault: unknown) => fault,
      );
      expect(String(refused)).toContain('say your name');
      const auth = { name: 'ada' };
      const client = await openPlain(endpoint, 'websocket', { auth, rooms: ['user:ada'] });
      await client.send(
        { type: 'event', event: 'vote', args: ['home'], id: 1 },
        { type: 'event', event: 'vote', args: ['home'], id: 2 },
        { type: 'event', event: 'vote', args: ['nobody'], id: 3 },
        { type: 'event', event: 'ü', id: 4 },
      );
      expect(await client.next()).toMatchObject({ type: 'ack', id: 1, args: ['home', 1] });
      expect(await client.next()).toMatchObject({ type: 'ack', id: 2, args: ['home', 2] });
      expect(await client.next()).toMatchObject({ id: 3, message: 'vote for home or guests' });
      expect(await client.next()).toMatchObject({ id: 4, message: 'nobody knows the event ü' });
      await client.send({ type: 'join', room: 'user:bob', id: 5 });
      expect(await client.next()).toMatchObject({ id: 5, reason: 'joinForbidden' });
      await client.send({ type: 'disconnect' });
      await example.printed('ada was here for 0 s: client namespace disconnect');
      await client.close();
    });

    test.each<[string, Forgery]>([
      ['another secret', { secret: 'another-secret-of-32-characters-' }],
      ['another body', { sent: JSON.stringify({ ...CONNECT, id: '1' }) }],
      ['no signature', { signature: () => '' }],
      ['half a signature', { signature: (right) => right.slice(0, 20) }],
      ['a signature in capitals', { signature: (right) => right.toUpperCase() }],
      ['no algorithm', { signature: (right) => right.slice('sha256='.length) }],
      ['an old timestamp', { ageMs: 6 * MINUTE_MS }],
      ['a timestamp to come', { ageMs: -6 * MINUTE_MS }],
    ])('a request with %s is refused', async (_name, forgery) => {
      expect((await request(example.url, CONNECT, forgery)()).status).toBe(401);
    });

    test('a request that comes again is refused', async () => {
      const send = request(example.url, CONNECT);
      expect((await send()).status).toBe(200);
      expect((await send()).status).toBe(401);
    });

    test('a second try has the answer of the first', async () => {
      const vote = { ...CONNECT, id: 'once', call: 'event', event: 'vote', args: ['guests'] };
      const first = await (await request(example.url, vote)()).json();
      await Bun.sleep(2);
      expect(await (await request(example.url, vote)()).json()).toEqual(first);
      const next = await (await request(example.url, { ...vote, id: 'more' })()).json();
      expect(next).toEqual({ ack: ['guests', 2] });
    });

    test('rubbish is no end of it', async () => {
      const rubbish = request(example.url, {}, {});
      expect((await rubbish()).status).toBe(500);
      expect((await fetch(example.url, { method: 'POST', body: 'x' })).status).toBe(401);
      expect((await request(example.url, CONNECT)()).status).toBe(200);
    });
  });
}
