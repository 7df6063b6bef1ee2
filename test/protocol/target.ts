/**
 * The server that the protocol tests talk to, started the way its user starts it.
 *
 * `PROTOCOL_TARGET=reference` puts the reference implementation in its place, which checks the
 * tests themselves. Every suite runs on one worker over kept connections, and on three workers
 * with a new TCP connection for every request, so that no request can count on stickiness.
 * A suite that measures how long the server waits for something sets that time (`times`).
 * Beside each suite sit sessions that do nothing but answer pings: when one of them is lost, some
 * test has harmed the server even if that test itself passed.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess, ServerProcess } from '../support/holdfast-process.ts';
import { type Endpoint, request } from '../support/raw-polling.ts';
import { expectAlive, openSession, type Wire } from '../support/raw-socketio.ts';

/** After how many milliseconds the server under test does what; as its configuration has it. */
export interface Times {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly upgradeTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

/** Long enough that a busy machine ends no session. */
export const CALM: Times = {
  pingIntervalMs: 1000,
  pingTimeoutMs: 5000,
  upgradeTimeoutMs: 5000,
  connectTimeoutMs: 5000,
};

export const MAX_PAYLOAD_BYTES = 1_000_000;
export const ALLOWED_ORIGIN = 'https://allowed.example';

const SETTINGS = {
  ...CALM,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  corsOrigins: [ALLOWED_ORIGIN],
  corsCredentials: true,
};

/** True when the reference implementation stands in; each use of it says how the two differ. */
export const isReference: boolean = process.env['PROTOCOL_TARGET'] === 'reference';

const APP = join(import.meta.dir, 'protocol-app.ts');
const REFERENCE = join(import.meta.dir, 'reference-server.mjs');
const TEST_TIMEOUT_MS = 60_000;
const START_TIMEOUT_MS = 60_000;
/** Enough for each of three workers to hold one, nearly always. */
const BYSTANDERS = 12;

export type Target = Pick<ServerProcess, 'url' | 'stop'>;

export interface TargetOptions {
  readonly workers: number;
  /** Those that differ from `CALM`. */
  readonly times?: Partial<Times>;
}

/** Starts the server on free ports; `stop` fails when it does not end cleanly on SIGTERM. */
export function startTarget({ workers, times }: TargetOptions): Promise<Target> {
  const config = { ...SETTINGS, ...times };
  if (!isReference) return HoldfastProcess.start({ app: APP, config, workers });
  return ServerProcess.launch(['node', REFERENCE, JSON.stringify(config)]);
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
export function describeOnTargets(
  name: string,
  declare: (endpoint: Endpoint) => void,
  times: Partial<Times> = {},
): void {
  for (const variant of VARIANTS) {
    describe(`${name} (${variant.label})`, () => {
      const endpoint = { url: '', freshConnections: variant.freshConnections };
      let target: Target | undefined;
      let bystanders: readonly Wire[] = [];
      setDefaultTimeout(TEST_TIMEOUT_MS);

      beforeAll(async () => {
        target = await startTarget({ ...variant, times });
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
