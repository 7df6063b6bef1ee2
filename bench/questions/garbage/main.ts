/**
 * `npm run bench:gc`: what the schedules of garbage collection (config key `gc`) cost and save.
 *
 * For each schedule Holdfast is started with one worker, and one load client goes through
 *
 *     empty ─► fill ─► hold ─► broadcasts ─► churn (all leave, all come back) ─► hold
 *
 * Every phase ends with a moment of rest, so that a collection it has caused is counted in it. The
 * worker's CPU and memory are read from /proc; loop lag and the pauses of our own collections from
 * the record that the node writes of itself (`--record-dir`), a sample each second; all
 * collections, those of the runtime among them, from JavaScriptCore's log of them
 * (`BUN_JSC_logGC`). The table goes to standard output, everything to bench/results/scratch, also
 * when some of it failed. Schedules take turns, in a rotating order.
 *
 *     bun bench/garbage/main.ts --sessions 2000 --hold 5 --only off,turnover
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { processMemory } from '../../../src/host/machine/process-usage.ts';
import type { ServerSample } from '../../../src/report/recording/record.ts';
import { USER_AUTH } from '../../contestants/contract.ts';
import { sendTick, workerPid } from '../../contestants/holdfast.ts';
import { SOCKET_IO_PATH } from '../../contestants/socket-io.ts';
import { LoadDriver } from '../../load/driver.ts';
import { Children } from '../../measure/children.ts';
import {
  PAYLOAD_BYTES,
  SESSIONS_DEFAULT,
  SETTLE_EMPTY_MS,
  SETTLE_MS,
} from '../../measure/limits.ts';
import { describeMachine } from '../../measure/machine.ts';
import { Meter } from '../../measure/meter.ts';
import { parseCount } from '../../measure/parse-count.ts';
import { rotated } from '../../measure/rotated.ts';
import type { Usage } from '../../measure/samples.ts';
import type { Collection, GarbageRun, Phase, PhaseName } from './samples.ts';
import { Subject } from './subject.ts';
import { garbageDoubts, garbageTable } from './table.ts';

const RESULTS_FOLDER = join(import.meta.dir, '..', '..', 'results', 'scratch');
const SCHEDULES = ['off', 'turnover', '1', '30', 'idle'];

interface Options {
  readonly only: readonly string[];
  readonly sessions: number;
  readonly hold: number;
  readonly broadcasts: number;
  readonly rounds: number;
}

interface Failure {
  readonly round: number;
  readonly schedule: string;
  readonly message: string;
}

/** What is read before a phase and again after it. */
interface Span {
  readonly name: PhaseName;
  readonly fromMs: number;
  readonly toMs: number;
  readonly usage: Usage;
  readonly bytesPerSession: number;
}

async function measure(
  schedule: string,
  round: number,
  options: Options,
  children: Children,
): Promise<GarbageRun> {
  const subject = new Subject(schedule, children);
  try {
    const { publicPort, adminPort } = await subject.ports();
    const admin = `http://127.0.0.1:${adminPort}`;
    const url = `ws://127.0.0.1:${publicPort}${SOCKET_IO_PATH}`;
    const load = new LoadDriver({ url, protocol: 'socket-io', auth: USER_AUTH }, children);
    try {
      const pid = await workerPid(admin);
      const say = (name: PhaseName): void =>
        console.error(`gc ${schedule}, round ${round}: ${name}`);
      const { emptyBytes, spans, lost } = await goThrough(pid, admin, options, subject, load, say);
      const samples = await subject.stop();
      const phases = spans.map((span) => phaseOf(span, samples, subject.collections));
      return { round, schedule, emptyBytes, phases, lost };
    } finally {
      await load.stop();
    }
  } finally {
    await subject.stop();
  }
}

async function goThrough(
  pid: number,
  admin: string,
  options: Options,
  subject: Subject,
  load: LoadDriver,
  say: (name: PhaseName) => void,
): Promise<{ emptyBytes: number; spans: readonly Span[]; lost: number }> {
  const meter = new Meter(pid, load.pid, [subject.controllerPid]);
  await Bun.sleep(SETTLE_EMPTY_MS);
  const emptyBytes = processMemory(pid).rssBytes;
  const spans: Span[] = [];
  const phase = async (name: PhaseName, work: () => Promise<unknown>): Promise<void> => {
    say(name);
    const [mark, fromMs] = [meter.mark(), Date.now()];
    await work();
    await Bun.sleep(SETTLE_MS);
    const { loopLagMs } = await load.send({ kind: 'counters' });
    const bytesPerSession = (processMemory(pid).rssBytes - emptyBytes) / options.sessions;
    const usage = meter.since(mark, loopLagMs);
    spans.push({ name, fromMs, toMs: Date.now(), usage, bytesPerSession });
  };
  const fill = (): Promise<unknown> => load.send({ kind: 'fill', sessions: options.sessions });
  const hold = (): Promise<unknown> => Bun.sleep(options.hold * 1000);
  await phase('fill', fill);
  await phase('hold', hold);
  await phase('broadcasts', () => broadcast(options, load, admin));
  await phase('churn', async () => {
    await load.send({ kind: 'leave' });
    await fill();
  });
  await phase('hold again', hold);
  const { lost } = await load.send({ kind: 'counters' });
  return { emptyBytes, spans, lost };
}

/** The client counts deliveries from its start, and these are the first. */
async function broadcast(options: Options, load: LoadDriver, admin: string): Promise<void> {
  for (let sent = 1; sent <= options.broadcasts; sent += 1) {
    const delivered = load.send({ kind: 'await', deliveries: options.sessions * sent });
    // A failure of the sending is the one to report, so this must not go unhandled.
    delivered.catch(() => {});
    await sendTick(admin, `${sent}`.padEnd(PAYLOAD_BYTES, '.'));
    await delivered;
  }
}

function phaseOf(
  { name, fromMs, toMs, usage, bytesPerSession }: Span,
  samples: readonly ServerSample[],
  collections: readonly Collection[],
): Phase {
  const within = samples.filter(({ atMs }) => atMs > fromMs && atMs <= toMs);
  const longest = (values: readonly (number | null | undefined)[]): number =>
    values.reduce<number>((max, value) => Math.max(max, value ?? 0), 0);
  const counts = within.map((sample) => sample.collections[0] ?? 0);
  const before = samples.findLast(({ atMs }) => atMs <= fromMs)?.collections[0] ?? 0;
  return {
    name,
    usage,
    bytesPerSession: Math.round(bytesPerSession),
    lagMaxMs: longest(within.map((sample) => sample.loopLagMs[0])),
    pauseMaxMs: longest(within.map((sample) => sample.collectionMs[0])),
    collections: longest(counts) - before,
    logged: collections.filter(({ atMs }) => atMs > fromMs && atMs <= toMs),
  };
}

/** Runs the rounds; a schedule that fails once is left out of the rounds that follow. */
async function runRounds(
  options: Options,
  children: Children,
): Promise<{ runs: readonly GarbageRun[]; failures: readonly Failure[] }> {
  const runs: GarbageRun[] = [];
  const failures: Failure[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const schedule of rotated(options.only, round - 1)) {
      if (failures.some((failure) => failure.schedule === schedule)) continue;
      try {
        runs.push(await measure(schedule, round, options, children));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        console.error(`gc ${schedule}, round ${round} failed: ${message}`);
        failures.push({ round, schedule, message });
      }
    }
  }
  return { runs, failures };
}

function parseOptions(argv: readonly string[]): Options {
  return new Command('npm run bench:gc --')
    .description('Measures what the schedules of garbage collection cost and save.')
    .option('--only <schedules>', 'by comma', (text) => text.split(','), SCHEDULES)
    .option('--sessions <count>', 'sessions to hold', parseCount, SESSIONS_DEFAULT)
    .option('--hold <seconds>', 'how long, each time', parseCount, 40)
    .option('--broadcasts <count>', 'to all sessions', parseCount, 20)
    .option('--rounds <count>', 'of all schedules, in turn', parseCount, 1)
    .addHelpText('after', '\nExample:\n  npm run bench:gc -- --sessions 2000 --hold 5')
    .parse(argv)
    .opts<Options>();
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  const machine = describeMachine();
  const children = new Children();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void children.stopAll().finally(() => process.exit(130)));
  }
  const { runs, failures } = await runRounds(options, children);
  if (runs.length > 0) console.log(garbageTable(runs, options.only));
  for (const sentence of garbageDoubts(runs)) console.log(sentence);
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const date = new Date().toISOString();
  const file = join(RESULTS_FOLDER, `${date.slice(0, 19).replaceAll(':', '-')}-gc.json`);
  const results = { date, options, machine, runs, failures };
  writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`);
  console.log(`Raw results: ${file}`);
  process.exit(failures.length > 0 ? 1 : 0);
}

await main();
