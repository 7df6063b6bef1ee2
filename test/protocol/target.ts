/**
 * The server that the protocol tests talk to, started the way its user starts it.
 *
 * `PROTOCOL_TARGET=reference` puts the reference implementation in its place, which checks the
 * tests themselves. Every suite runs on one worker over kept connections, and on three workers
 * with a new TCP connection for every request, so that no request can count on stickiness.
 * Beside each suite sit sessions that do nothing but answer pings: when one of them is lost, some
 * test has harmed the server even if that test itself passed.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { within } from '../support/raw-deadline.ts';
import { type Endpoint, request } from '../support/raw-polling.ts';
import { expectAlive, openSession, type Wire } from '../support/raw-socketio.ts';

export const PING_INTERVAL_MS = 300;
export const PING_TIMEOUT_MS = 200;
export const UPGRADE_TIMEOUT_MS = 500;
export const CONNECT_TIMEOUT_MS = 1000;
export const MAX_PAYLOAD_BYTES = 1_000_000;
export const ALLOWED_ORIGIN = 'https://allowed.example';

const SETTINGS = {
  pingIntervalMs: PING_INTERVAL_MS,
  pingTimeoutMs: PING_TIMEOUT_MS,
  upgradeTimeoutMs: UPGRADE_TIMEOUT_MS,
  connectTimeoutMs: CONNECT_TIMEOUT_MS,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  corsOrigins: [ALLOWED_ORIGIN],
  corsCredentials: true,
};

/** True when the reference implementation stands in; each use of it says how the two differ. */
export const isReference: boolean = process.env['PROTOCOL_TARGET'] === 'reference';

const ROOT = join(import.meta.dir, '..', '..');
const TEST_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
/** Enough for each of three workers to hold one, nearly always. */
const BYSTANDERS = 12;

export interface Target {
  readonly url: string;
  stop(): Promise<void>;
}

export interface TargetOptions {
  readonly workers: number;
}

/** Starts the server on free ports; `stop` fails when it does not end cleanly on SIGTERM. */
export async function startTarget(options: TargetOptions): Promise<Target> {
  const scratch = await mkdtemp(join(tmpdir(), 'holdfast-protocol-'));
  const config = join(scratch, 'config.json');
  await Bun.write(config, JSON.stringify(SETTINGS));
  const server = Bun.spawn(commandLine(config, options), {
    cwd: ROOT,
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const output = new Output(server.stdout);
  const log = new Output(server.stderr);
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM');
    try {
      const code = await within('the server stops on SIGTERM', server.exited, STOP_TIMEOUT_MS);
      if (code !== 0) {
        throw new Error(`the server exited with ${code}: ${log.text}`);
      }
    } finally {
      server.kill('SIGKILL');
      await rm(scratch, { recursive: true, force: true });
    }
  };
  try {
    const line = await within('the server is ready', output.firstLine, START_TIMEOUT_MS);
    const { publicPort } = JSON.parse(line) as { publicPort: number };
    return { url: `http://127.0.0.1:${publicPort}`, stop };
  } catch (cause) {
    await stop().catch(() => undefined);
    throw new Error(`the server did not start: ${log.text}`, { cause });
  }
}

function commandLine(config: string, { workers }: TargetOptions): string[] {
  if (isReference) {
    return ['node', join(import.meta.dir, 'reference-server.mjs'), JSON.stringify(SETTINGS)];
  }
  const app = join(import.meta.dir, 'protocol-app.ts');
  return [
    ...['node', 'bin/holdfast.js', 'start', '--json', '--app', app, '--config', config],
    ...['--workers', String(workers), '--port', '0', '--admin-port', '0'],
  ];
}

/** What a process writes, read all along so that a full pipe never blocks it. */
class Output {
  readonly firstLine: Promise<string>;
  text = '';

  constructor(stream: ReadableStream<Uint8Array>) {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.firstLine = promise;
    promise.catch(() => undefined);
    this.#read(stream, resolve).then(
      () => reject(new Error(`the output ended after: ${this.text}`)),
      reject,
    );
  }

  async #read(stream: ReadableStream<Uint8Array>, line: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.text += decoder.decode(chunk, { stream: true });
      if (this.text.includes('\n')) {
        line(this.text.slice(0, this.text.indexOf('\n')));
      }
    }
  }
}

interface Variant extends TargetOptions {
  readonly label: string;
  readonly freshConnections: boolean;
}

const VARIANTS: readonly Variant[] = isReference
  ? [
      { label: 'reference, kept connections', workers: 1, freshConnections: false },
      { label: 'reference, a connection per request', workers: 1, freshConnections: true },
    ]
  : [
      { label: '1 worker, kept connections', workers: 1, freshConnections: false },
      { label: '3 workers, a connection per request', workers: 3, freshConnections: true },
    ];

/** Declares a suite once for every variant; `endpoint.url` is set when its tests run. */
export function describeOnTargets(name: string, declare: (endpoint: Endpoint) => void): void {
  for (const variant of VARIANTS) {
    describe(`${name} (${variant.label})`, () => {
      const endpoint = { url: '', freshConnections: variant.freshConnections };
      let target: Target | undefined;
      let bystanders: readonly Wire[] = [];
      setDefaultTimeout(TEST_TIMEOUT_MS);

      beforeAll(async () => {
        target = await startTarget(variant);
        endpoint.url = target.url;
        const sessions = Array.from({ length: BYSTANDERS }, () =>
          openSession(endpoint, 'websocket'),
        );
        bystanders = (await Promise.all(sessions)).map(({ wire }) => wire);
      }, START_TIMEOUT_MS);

      afterAll(async () => {
        const survivors = await Promise.allSettled(bystanders.map(expectAlive));
        await Promise.allSettled(bystanders.map((wire) => wire.close()));
        await target?.stop();
        expect(survivors.filter(({ status }) => status === 'rejected')).toEqual([]);
      }, START_TIMEOUT_MS);

      declare(endpoint);
    });
  }
}

/** Shows that the server still takes new sessions. */
export async function expectServing(endpoint: Endpoint): Promise<void> {
  const { status } = await request(endpoint, 'EIO=4&transport=polling');
  expect(status).toBe(200);
}
