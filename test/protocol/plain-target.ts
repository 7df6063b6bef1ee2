/**
 * A node for the tests of the plain protocol, started the way its user starts it: one worker over
 * kept connections, and three workers with a connection for every request, so that most requests
 * reach another worker than the session's.
 *
 * Beside each suite sit sessions that do nothing: when one of them is lost, some test has harmed
 * the server even if that test itself passed.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from 'bun:test';
import { join } from 'node:path';
import type { Config } from '../../src/host/config/schema.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import {
  openPlain,
  PLAIN_KINDS,
  type PlainClient,
  type PlainKind,
} from '../support/plain-client.ts';
import { type Message, question } from '../support/plain-messages.ts';
import type { Endpoint } from '../support/raw-polling.ts';

export const PLAIN_APP: string = join(import.meta.dir, 'plain-app.ts');
export const ALLOWED_ORIGIN = 'https://allowed.example';
export const MAX_PAYLOAD_BYTES = 1_000_000;
export const PING_INTERVAL_MS = 1000;
/** Long enough that a busy machine ends no session. */
export const PING_TIMEOUT_MS = 8000;
export const POLL_HOLD_MS = 2000;

const SETTINGS: Partial<Config> = {
  pingIntervalMs: PING_INTERVAL_MS,
  pingTimeoutMs: PING_TIMEOUT_MS,
  pollHoldMs: POLL_HOLD_MS,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  corsOrigins: [ALLOWED_ORIGIN],
};

const TEST_TIMEOUT_MS = 60_000;
const BYSTANDERS_OF_A_KIND = 2;
const VARIANTS = [
  { label: '1 worker, kept connections', workers: 1, freshConnections: false },
  { label: '3 workers, a connection per request', workers: 3, freshConnections: true },
] as const;

/** Starts a node of the tests' app; what is configured goes over what all tests have. */
export function startPlain(
  workers: number,
  config: Partial<Config> = {},
): Promise<HoldfastProcess> {
  return HoldfastProcess.start({ app: PLAIN_APP, workers, config: { ...SETTINGS, ...config } });
}

/** The endpoint of a node of its own, with a connection per request. */
export function endpointOf({ url }: HoldfastProcess): Endpoint {
  return { url, freshConnections: true };
}

/** Declares a suite once for every variant; `endpoint.url` is set when its tests run. */
export function describePlain(name: string, declare: (endpoint: Endpoint) => void): void {
  for (const { label, workers, freshConnections } of VARIANTS) {
    describe(`${name} (${label})`, () => {
      const endpoint = { url: '', freshConnections };
      let node: HoldfastProcess | undefined;
      let bystanders: readonly PlainClient[] = [];
      setDefaultTimeout(TEST_TIMEOUT_MS);

      beforeAll(async () => {
        node = await startPlain(workers);
        endpoint.url = node.url;
        const kinds = PLAIN_KINDS.flatMap((kind) => Array(BYSTANDERS_OF_A_KIND).fill(kind));
        bystanders = await Promise.all(
          kinds.map((kind: PlainKind) => openPlain(endpoint, kind, { rooms: ['bystanders'] })),
        );
      }, TEST_TIMEOUT_MS);

      afterAll(async () => {
        const survivors = await Promise.allSettled(bystanders.map(expectAlive));
        await Promise.allSettled(bystanders.map((client) => client.close()));
        await node?.stop();
        expect(survivors.filter(({ status }) => status === 'rejected')).toEqual([]);
      }, TEST_TIMEOUT_MS);

      declare(endpoint);
    });
  }
}

/** Shows that a session is alive and has heard nothing else: an event goes, its answer comes. */
export async function expectAlive(client: PlainClient): Promise<void> {
  const mark = crypto.randomUUID();
  expect(await asked(client, 'echo', mark)).toEqual({ type: 'ack', id: 99, args: [mark] });
}

/** The next message after a question, which is its answer unless something else was under way. */
export async function asked(
  client: PlainClient,
  name: string,
  ...args: readonly unknown[]
): Promise<Message> {
  await client.send(question(99, name, ...args));
  return await client.next(`the answer to ${name} over ${client.kind}`);
}

/** Waits until a client that asked to `watch` hears that a session has ended, and tells why. */
export async function whyGone(watcher: PlainClient, id: string): Promise<string> {
  for (;;) {
    const { args } = await watcher.next(`the app hears that ${id} has ended`);
    const [gone, reason] = args as [string, string];
    if (gone === id) return reason;
  }
}

/** Opens clients for one test, and closes them when it is over. */
export class Opened implements AsyncDisposable {
  readonly #clients: PlainClient[] = [];
  readonly #endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  async open(...args: DropFirst<Parameters<typeof openPlain>>): Promise<PlainClient> {
    const client = await openPlain(this.#endpoint, ...args);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#clients.map((client) => client.close()));
  }
}

type DropFirst<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest]
  ? Rest
  : never;
