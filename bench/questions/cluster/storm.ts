/**
 * `npm run bench:storm`: what Redis is asked while a crowd comes to three nodes at once, each
 * session with a user of its own and a room: once where nothing is kept, once where sessions can be
 * recovered, and once where the sessions of a user are counted over all nodes.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { cpuSeconds } from '../../../src/host/machine/process-usage.ts';
import { freePort } from '../../contestants/processes.ts';
import { type Child, Children, hasEnded } from '../../measure/children.ts';
import { describeMachine } from '../../measure/machine.ts';
import { parseCount } from '../../measure/parse-count.ts';
import { type Redis, startHoldfast, startRedis } from './servers.ts';

const ROOT = join(import.meta.dir, '..', '..', '..');
const APP = join(import.meta.dir, 'servers', 'storm-app.ts');
const NODES = 3;
/** Fewer than a process may open files on the reference machine. */
const SESSIONS_PER_PROCESS = 12_000;
/** So that ports of one address are enough: each is a destination of its own. */
const ADDRESSES = 4;
const SAMPLE_MS = 1_000;
/** What is written late is written by then. */
const SETTLE_MS = 3_000;
/** Asked by the bench itself. */
const OWN_COMMANDS = new Set(['info', 'config|resetstat', 'ping', 'hello', 'client|setinfo']);
const KEPT = { 'match:*': { history: { messages: 100, seconds: 60 } } };

/** As many seats as the fleet takes to try its targets, and some more. */
const ROWS: readonly { readonly name: string; readonly flags: readonly string[] }[] = [
  { name: 'nothing kept', flags: [] },
  { name: 'recovery', flags: ['--rooms', JSON.stringify(KEPT)] },
  { name: 'seats', flags: ['--max-sessions-per-user', '20'] },
];

interface Row {
  readonly name: string;
  readonly sessions: number;
  readonly seconds: number;
  readonly commandsPerSession: number;
  /** The most, over a second or somewhat more. */
  readonly peakPerSecond: number;
  readonly calls: Readonly<Record<string, number>>;
  readonly redisCpuSeconds: number;
  readonly redisInBytes: number;
  readonly controllersCpuSeconds: number;
}

interface Options {
  readonly sessions: number;
  readonly rate: number;
  readonly timeout: number;
  readonly only?: string;
  readonly out: string;
}

function parseOptions(argv: readonly string[]): Options {
  return new Command('npm run bench:storm --')
    .description('Measures what Redis is asked while sessions come to three nodes.')
    .option('--sessions <count>', 'sessions that come', parseCount, 100_000)
    .option('--rate <count>', 'of them in a second, at the most', parseCount, 5_000)
    .option('--timeout <seconds>', 'for all of them to come', parseCount, 150)
    .option('--only <text>', 'rows whose names contain this')
    .option('--out <folder>', 'where the raw results go', 'bench/results/scratch')
    .parse(argv)
    .opts<Options>();
}

async function runRow(
  { name, flags }: (typeof ROWS)[number],
  { sessions, rate, timeout }: Options,
  children: Children,
): Promise<Row> {
  console.error(`${name}: starting`);
  const redis = await startRedis(children);
  const workers = String(Math.ceil(sessions / NODES / SESSIONS_PER_PROCESS));
  const all = ['--app', APP, '--workers', workers, '--broker-socket-io', 'false', ...flags];
  const starting = Array.from({ length: NODES }, () => startHoldfast(redis.port, all, children));
  const nodes = await Promise.all(starting);
  await redis.command('CONFIG', 'RESETSTAT');
  const cpu = (): number => nodes.reduce((sum, { pids }) => sum + cpuSeconds(pids[0] as number), 0);
  const before = { controllers: cpu(), redis: cpuSeconds(redis.pid), atMs: performance.now() };
  const crowd = startCrowd(
    nodes.map(({ port }) => port),
    sessions,
    rate,
    children,
  );
  let peakPerSecond = 0;
  let last = { total: 0, atMs: performance.now() };
  for (let there = 0; there < sessions; ) {
    if (hasEnded(crowd)) throw new Error('the fleet ended before all were there');
    const seconds = (performance.now() - before.atMs) / 1_000;
    if (seconds > timeout) throw new Error(`${there} sessions were there after ${timeout} s`);
    await Bun.sleep(SAMPLE_MS);
    const now = { total: totalOf(await callsOf(redis)), atMs: performance.now() };
    const perSecond = ((now.total - last.total) / (now.atMs - last.atMs)) * 1_000;
    peakPerSecond = Math.max(peakPerSecond, Math.round(perSecond));
    last = now;
    there = await sessionsOf(nodes.map(({ admin }) => admin));
    console.error(`${name}: ${there} sessions, ${last.total} commands`);
  }
  const seconds = Math.round((performance.now() - before.atMs) / 100) / 10;
  await Bun.sleep(SETTLE_MS);
  const calls = await callsOf(redis);
  const stats = await redis.command('INFO', 'stats');
  return {
    ...{ name, sessions, seconds, peakPerSecond, calls },
    commandsPerSession: Math.round((totalOf(calls) / sessions) * 10_000) / 10_000,
    redisCpuSeconds: Math.round((cpuSeconds(redis.pid) - before.redis) * 100) / 100,
    redisInBytes: Number(/^total_net_input_bytes:(\d+)/m.exec(stats)?.[1]),
    controllersCpuSeconds: Math.round((cpu() - before.controllers) * 100) / 100,
  };
}

function startCrowd(
  ports: readonly number[],
  sessions: number,
  rate: number,
  children: Children,
): Child {
  const targets = Array.from({ length: ADDRESSES }, (_, at) =>
    ports.map((port) => ['--target', `http://127.0.0.${at + 1}:${port}`]),
  );
  const flags = [
    ...[...targets.flat(2), '--auth', '{"user":"user-{n}"}', '--protocol', 'socket-io'],
    ...['--connections', String(sessions), '--rate', String(rate), '--hold', '600', '--no-leave'],
    ...['--processes', String(Math.ceil(sessions / SESSIONS_PER_PROCESS)), '--local'],
    ...['--control-port', String(freePort())],
  ];
  return children.add(
    Bun.spawn([process.execPath, 'src/cli/main.ts', 'fleet', 'run', ...flags], {
      ...{ cwd: ROOT, stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
    }),
  );
}

async function sessionsOf(admins: readonly string[]): Promise<number> {
  const loads = admins.map(async (admin) => {
    const answer = await fetch(`${admin}/load`);
    return ((await answer.json()) as { readonly connections: number }).connections;
  });
  return (await Promise.all(loads)).reduce((sum, count) => sum + count, 0);
}

/** How often each command was run, those of scripts included. */
async function callsOf(redis: Redis): Promise<Readonly<Record<string, number>>> {
  const stats = await redis.command('INFO', 'commandstats');
  const found = [...stats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)];
  const calls = found.map(([, command = '', count]) => [command, Number(count)] as const);
  return Object.fromEntries(calls.filter(([command]) => !OWN_COMMANDS.has(command)));
}

function totalOf(calls: Readonly<Record<string, number>>): number {
  return Object.values(calls).reduce((sum, count) => sum + count, 0);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  const children = new Children();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void children.stopAll().finally(() => process.exit(130)));
  }
  const date = new Date().toISOString();
  const rows: Row[] = [];
  for (const row of ROWS.filter(({ name }) => name.includes(options.only ?? ''))) {
    try {
      rows.push(await runRow(row, options, children));
      console.error(JSON.stringify(rows.at(-1)));
    } finally {
      await children.stopAll();
    }
  }
  const { sessions, rate } = options;
  mkdirSync(options.out, { recursive: true });
  const file = join(options.out, `${date.slice(0, 19).replaceAll(':', '-')}-storm.json`);
  const command = `npm run bench:storm -- --sessions ${sessions} --rate ${rate}`;
  const results = { date, command, machine: describeMachine(), rows };
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(`Raw results: ${file}`);
  process.exit(0);
}

await main();
