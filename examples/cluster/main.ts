/**
 * Three nodes on one machine, linked by Redis, behind HAProxy: `npm run example:cluster`.
 *
 *     browser ─▶ HAProxy :8500 ─▶ node, node, node ◀─▶ Redis
 *
 * Every request goes to whichever node has the fewest connections; nothing is sticky. HAProxy has
 * the file that `holdfast generate haproxy` writes for where the nodes are. On hosts of your own it
 * is the same, but for the addresses: `--broker` is all that makes nodes a cluster.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { free, installed, Programs } from './programs.ts';

const HOLDFAST = [process.execPath, join(import.meta.dir, '..', '..', 'src', 'cli', 'main.ts')];
const NODES = 3;
const WORKERS = 2;
/** Small, so that HAProxy needs few files; on hosts of your own leave it out. */
const SESSIONS_PER_WORKER = 200;

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '8500' },
    json: { type: 'boolean', default: false },
  },
});

interface NodePorts {
  readonly publicPort: number;
  readonly adminPort: number;
}

interface Cluster {
  readonly url: string;
  readonly redis: number;
  readonly nodes: readonly NodePorts[];
}

async function start(programs: Programs, folder: string): Promise<Cluster> {
  const redis = free();
  const noFiles = ['--save', '', '--appendonly', 'no', '--dir', folder];
  const redisServer = installed('redis-server', 'valkey-server');
  const haproxy = installed('haproxy');
  programs.start([redisServer, '--bind', '127.0.0.1', '--port', String(redis), ...noFiles]);
  await programs.listens(redis);

  // What nodes have in common. They find each other by the broker; the rest is for one machine.
  const shared = [
    ...['--broker', `redis://127.0.0.1:${redis}`, '--cluster-host', '127.0.0.1'],
    ...['--trusted-proxies', '127.0.0.1', '--workers', String(WORKERS)],
    ...['--max-sessions-per-worker', String(SESSIONS_PER_WORKER), '--log-level', 'warn'],
  ];
  const nodes = await Promise.all(Array.from({ length: NODES }, () => startNode(programs, shared)));

  const port = flags.port === '0' ? free() : Number(flags.port);
  const file = join(folder, 'haproxy.cfg');
  const upstreams = nodes.map(({ publicPort }) => `127.0.0.1:${publicPort}`);
  const front = ['--listen', `127.0.0.1:${port}`, '--upstream', ...upstreams, '--out', file];
  await programs.run([...HOLDFAST, 'generate', 'haproxy', ...shared, ...front]);
  programs.start([haproxy, '-f', file]);
  const url = `http://127.0.0.1:${port}`;
  await programs.answers(`${url}/ready`);
  return { url, redis, nodes };
}

/** A node on any free ports, which it tells when it is ready. */
async function startNode(programs: Programs, shared: readonly string[]): Promise<NodePorts> {
  const ports = ['--json', '--port', '0', '--admin-port', '0'];
  return JSON.parse(await programs.says([...HOLDFAST, 'start', ...shared, ...ports]));
}

function textOf({ url, redis, nodes }: Cluster): string {
  const [first] = nodes;
  return [
    `Open ${url}, reload, and see the node change beside the transport.`,
    `HAProxy is at ${url}, Redis at 127.0.0.1:${redis}.`,
    ...nodes.map(
      ({ publicPort, adminPort }, at) =>
        `Node ${at + 1} is at http://127.0.0.1:${publicPort}, its admin port is ${adminPort}.`,
    ),
    `Say something to all: npx holdfast send "Half time" --admin-port ${first?.adminPort}`,
    'Ctrl-C ends all of it.',
  ].join('\n');
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
const programs = new Programs();
let code = 0;
try {
  const cluster = await start(programs, folder);
  const publicPort = Number(new URL(cluster.url).port);
  console.log(flags.json ? JSON.stringify({ publicPort, ...cluster }) : textOf(cluster));
  await programs.over;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  code = 1;
} finally {
  await programs.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code);
