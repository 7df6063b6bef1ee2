/**
 * Centrifugo 6.3 or later, in Go. Its binary is not packaged by Debian or npm, so it takes part
 * only where `--centrifugo PATH` names it.
 *
 * The load client speaks plain WebSocket to its unidirectional endpoint; the connect request, with
 * the channel to subscribe to, stands in the URL (`cf_connect`). Each session gets one frame more
 * than is broadcast, the answer to that request, while sessions are established. Its heartbeat is a
 * ping frame. The Go runtime spreads over all cores, where the others have one thread for
 * connections; its CPU is counted over all.
 */

import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Children } from '../measure/children.ts';
import { PAYLOAD_BYTES } from '../measure/limits.ts';
import type { Contestant, RunningContestant } from './contract.ts';
import { post } from './launch.ts';
import { answers, freePort } from './processes.ts';

const CHANNEL = 'all';
/** For the publisher on loopback; Centrifugo refuses an empty one. */
const API_KEY = 'bench';

/** Path and query that clients ask for: who connects, and to which channel. */
export const CENTRIFUGO_PATH: string = `/connection/uni_websocket?cf_connect=${encodeURIComponent(
  JSON.stringify({ subs: { [CHANNEL]: {} } }),
)}`;

/** @param binary the path that the user gave; undefined when none was given */
export function centrifugo(binary: string | undefined): Contestant {
  // It starts in a folder of its own, where a relative path would lead elsewhere.
  const path = binary === undefined ? undefined : resolve(binary);
  return {
    name: 'centrifugo',
    title: 'Centrifugo',
    protocol: 'websocket',
    expectedSeconds: 45,
    unavailable: () => unavailable(path),
    version: () => output([path ?? 'centrifugo', 'version']),
    start: (children) => start(path ?? 'centrifugo', children),
  };
}

function unavailable(binary: string | undefined): string | undefined {
  if (binary === undefined) return 'the path of its binary is not known: give --centrifugo PATH';
  try {
    accessSync(binary, constants.X_OK);
    return undefined;
  } catch {
    return `${binary} cannot be executed: name the binary of Centrifugo with --centrifugo PATH`;
  }
}

interface Ports {
  /** Clients, on every address. */
  readonly client: number;
  /** The API and the health check, on loopback alone. */
  readonly internal: number;
}

/**
 * No token and no permission beyond the one channel; buffers for many idle connections, as its
 * pages on WebSocket advise. Its unidirectional WebSocket sends a ping frame every 25 s whatever is
 * set here (`DefaultWebsocketPingInterval`), as the others do, and beside it a message `{}` that
 * clients of its own want. Each session would pay for both, so the message is off; the timeout must
 * be less than the interval, also below 0.
 */
export function centrifugoConfiguration(ports: Ports): Readonly<Record<string, unknown>> {
  return {
    http_server: {
      address: '0.0.0.0',
      port: ports.client,
      internal_address: '127.0.0.1',
      internal_port: String(ports.internal),
    },
    log: { level: 'error' },
    // Failures as HTTP statuses, where the default is 200 with an error inside.
    http_api: { key: API_KEY, error_mode: 'transport' },
    health: { enabled: true },
    usage_stats: { disabled: true },
    client: {
      allow_anonymous_connect_without_token: true,
      ping_interval: '-1s',
      pong_timeout: '-2s',
    },
    channel: {
      without_namespace: {
        allow_subscribe_for_client: true,
        allow_subscribe_for_anonymous: true,
      },
    },
    websocket: { disabled: true },
    uni_websocket: { enabled: true, use_write_buffer_pool: true, read_buffer_size: 512 },
  };
}

async function start(binary: string, children: Children): Promise<RunningContestant> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-centrifugo-'));
  const ports = { client: freePort(), internal: freePort() };
  const configuration = JSON.stringify(centrifugoConfiguration(ports), null, 2);
  writeFileSync(join(directory, 'config.json'), configuration);
  const log = join(directory, 'centrifugo.log');
  const child = children.add(
    Bun.spawn([binary, '--config', 'config.json'], {
      cwd: directory,
      stdin: 'ignore',
      stdout: Bun.file(log),
      stderr: Bun.file(log),
    }),
    { cleanUp: () => rmSync(directory, { recursive: true, force: true }) },
  );
  const stop = (): Promise<void> => children.stop(child);
  const api = `http://127.0.0.1:${ports.internal}`;
  try {
    await answers(`${api}/health`, child, 'centrifugo', () => lastWords(log));
  } catch (error) {
    await stop();
    throw error;
  }
  let sequence = 0;
  return {
    pid: child.pid,
    otherPids: [],
    url: `ws://127.0.0.1:${ports.client}${CENTRIFUGO_PATH}`,
    broadcast: async (count) => {
      const sends = Array.from({ length: count }, () => {
        sequence += 1;
        const data = String(sequence).padEnd(PAYLOAD_BYTES, '.');
        return post(`${api}/api/publish`, { channel: CHANNEL, data }, { 'x-api-key': API_KEY });
      });
      await Promise.all(sends);
    },
    stop,
  };
}

function output(command: string[]): string {
  const { stdout } = Bun.spawnSync(command, { stderr: 'ignore' });
  return stdout.toString().trim() || 'unknown';
}

function lastWords(log: string): string {
  try {
    return `it said: ${readFileSync(log, 'utf8').trim().split('\n').at(-1) || 'nothing'}`;
  } catch {
    return 'it said nothing';
  }
}
