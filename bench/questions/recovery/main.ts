/**
 * `npm run bench:recovery`: clients that are cut and come back.
 *
 * *Jitter*: clients of all transports are cut for a moment again and again while messages go out;
 * the official Socket.IO server with recovery beside it. *Storm*: all clients are cut at once,
 * messages go out, and all come back at once.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { cpuSeconds, processMemory } from '../../../src/host/machine/process-usage.ts';
import { Children } from '../../measure/children.ts';
import { describeMachine } from '../../measure/machine.ts';
import { parseCount } from '../../measure/parse-count.ts';
import type { LinkKind } from './links.ts';
import { type RecoveryServer, startHoldfast, startSocketIo } from './servers.ts';
import type { SwarmOrder, SwarmReport } from './swarm.ts';

const ALL_KINDS: readonly LinkKind[] = ['socket-io', 'websocket', 'sse', 'stream', 'polling'];
const CUT_EVERY_SECONDS = 15;
const AWAY_SECONDS = 2;
/** For those that are away at the end to come back and be told. */
const LAST_SECONDS = 10;
const STORM_MESSAGES = 20;
const WORKERS = 2;

interface Row {
  readonly row: string;
  readonly messages: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly serverBytes: number;
  readonly report: SwarmReport;
}

interface Swarm {
  ask(): Promise<SwarmReport>;
  tell(line: string): void;
}

async function startSwarm(children: Children, order: SwarmOrder): Promise<Swarm> {
  const child = children.add(
    Bun.spawn([process.execPath, join(import.meta.dir, 'swarm.ts'), JSON.stringify(order)], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    }),
  );
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let text = '';
  const line = async (): Promise<string> => {
    while (!text.includes('\n')) {
      const { done, value } = await reader.read();
      if (done) throw new Error('the clients have ended');
      text += decoder.decode(value, { stream: true });
    }
    const at = text.indexOf('\n');
    const first = text.slice(0, at);
    text = text.slice(at + 1);
    return first;
  };
  const tell = (said: string): void => {
    void child.stdin.write(`${said}\n`);
    void child.stdin.flush();
  };
  await line();
  return {
    tell,
    ask: async () => {
      tell('report');
      return JSON.parse(await line()) as SwarmReport;
    },
  };
}

async function jitter(
  row: string,
  server: RecoveryServer,
  swarm: Swarm,
  { seconds, perSecond }: { readonly seconds: number; readonly perSecond: number },
): Promise<Row> {
  const pids = await server.pids();
  const before = sumOf(pids, cpuSeconds);
  const startMs = performance.now();
  let number = 0;
  while (number < seconds * perSecond) {
    await server.say(number++);
    await Bun.sleep(Math.max(0, startMs + (number / perSecond) * 1_000 - performance.now()));
  }
  const serverCpuSeconds = sumOf(pids, cpuSeconds) - before;
  const report = await told(swarm, number - 1, LAST_SECONDS);
  return { row, messages: number, seconds, serverCpuSeconds, serverBytes: bytesOf(pids), report };
}

async function storm(row: string, server: RecoveryServer, swarm: Swarm): Promise<Row> {
  const pids = await server.pids();
  await server.say(0);
  await told(swarm, 0, LAST_SECONDS);
  swarm.tell('cut');
  await Bun.sleep(1_000);
  for (let number = 1; number <= STORM_MESSAGES; number++) await server.say(number);
  const before = sumOf(pids, cpuSeconds);
  const startMs = performance.now();
  swarm.tell('back');
  const report = await told(swarm, STORM_MESSAGES, 12 * LAST_SECONDS);
  const seconds = (performance.now() - startMs) / 1_000;
  const serverCpuSeconds = sumOf(pids, cpuSeconds) - before;
  const messages = STORM_MESSAGES + 1;
  return { row, messages, seconds, serverCpuSeconds, serverBytes: bytesOf(pids), report };
}

/** The report once all have been told so many, or when the time is over. */
async function told(swarm: Swarm, number: number, seconds: number): Promise<SwarmReport> {
  const deadlineMs = performance.now() + seconds * 1_000;
  for (;;) {
    const report = await swarm.ask();
    if (report.least >= number || performance.now() > deadlineMs) return report;
    await Bun.sleep(100);
  }
}

const sumOf = (pids: readonly number[], of: (pid: number) => number): number =>
  pids.reduce((sum, pid) => sum + of(pid), 0);

const bytesOf = (pids: readonly number[]): number =>
  sumOf(pids, (pid) => processMemory(pid).pssBytes);

function say({ row, messages, seconds, serverCpuSeconds, report }: Row): void {
  const { clients, told: all, missed, repeated, recovered, unrecovered, cuts } = report;
  const { delaysMs: live, delaysOfMissedMs: late } = report;
  console.log(
    [
      `${row}: ${clients} clients, ${messages} messages, ${cuts} cuts, ${seconds.toFixed(1)} s`,
      `  told ${all}, missed ${missed}, twice ${repeated}, the least has ${report.least + 1}`,
      `  came back whole ${recovered}, not whole ${unrecovered}`,
      `  ms live p50 ${live.p50} p99 ${live.p99} max ${live.max}`,
      `  ms of what was missed p50 ${late.p50} p99 ${late.p99} max ${late.max} (${late.count})`,
      `  CPU of the server ${serverCpuSeconds.toFixed(2)} s`,
    ].join('\n'),
  );
}

interface Options {
  readonly clients: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly storm: number;
  readonly only: string;
  readonly out?: string;
}

async function run(options: Options): Promise<void> {
  const children = new Children();
  const rows: Row[] = [];
  const order = { hostname: '127.0.0.1', cutEverySeconds: CUT_EVERY_SECONDS };
  const wanted = options.only.split(',');
  try {
    const runs: [string, () => Promise<Row>][] = [
      [
        'holdfast',
        async () => {
          const server = await startHoldfast(children, WORKERS);
          const { port } = server;
          const { clients } = options;
          const all = { ...order, port, clients, kinds: ALL_KINDS, awaySeconds: AWAY_SECONDS };
          return jitter('holdfast', server, await startSwarm(children, all), options);
        },
      ],
      [
        'socket.io',
        async () => {
          const server = await startSocketIo(children);
          const { port } = server;
          const { clients } = options;
          const kinds = ['socket-io'] as const;
          const all = { ...order, port, clients, kinds, awaySeconds: AWAY_SECONDS };
          return jitter('socket.io', server, await startSwarm(children, all), options);
        },
      ],
      [
        'storm',
        async () => {
          const server = await startHoldfast(children, WORKERS);
          const { port } = server;
          const all = {
            ...order,
            port,
            clients: options.storm,
            cutEverySeconds: 0,
            awaySeconds: 0,
          };
          const kinds = ['socket-io'] as const;
          return storm('storm', server, await startSwarm(children, { ...all, kinds }));
        },
      ],
    ];
    for (const [name, start] of runs) {
      if (!wanted.includes(name)) continue;
      const row = await start();
      rows.push(row);
      say(row);
      await children.stopAll();
    }
  } finally {
    await children.stopAll();
  }
  if (options.out === undefined) return;
  mkdirSync(options.out, { recursive: true });
  const results = {
    date: new Date().toISOString(),
    command: `npm run bench:recovery -- ${process.argv.slice(2).join(' ')}`,
    machine: describeMachine(),
    rows,
  };
  const file = join(options.out, `${results.date.slice(0, 19).replaceAll(':', '-')}-recovery.json`);
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(`Wrote ${file}.`);
}

const options = new Command('npm run bench:recovery --')
  .description('Measures clients that are cut and come back.')
  .option('--clients <count>', 'clients under jitter', parseCount, 2_000)
  .option('--seconds <count>', 'how long messages go out', parseCount, 120)
  .option('--per-second <count>', 'messages a second', parseCount, 10)
  .option('--storm <count>', 'clients that come back at once', parseCount, 10_000)
  .option('--only <names>', 'of holdfast, socket.io and storm', 'holdfast,socket.io,storm')
  .option('--out <folder>', 'where the raw results go')
  .addHelpText('after', '\nExample:\n  npm run bench:recovery -- --clients 200 --seconds 20')
  .parse()
  .opts<Options>();
await run(options);
