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
 * (`BUN_JSC_logGC`). The table goes to standard output, everything to bench/results/scratch.
 *
 *     bun bench/garbage.ts --sessions 2000 --hold 5 --only off,turnover
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { Command } from 'commander';
import { processMemory } from '../src/machine/process-usage.ts';
import type { RunRecord, ServerSample } from '../src/recording/record.ts';
import { Children } from './children.ts';
import { post } from './contestants/launch.ts';
import { SOCKET_IO_PATH } from './contestants/socket-io.ts';
import { PAYLOAD_BYTES, SESSIONS_DEFAULT, SETTLE_EMPTY_MS, SETTLE_MS } from './limits.ts';
import { LoadDriver } from './load/driver.ts';
import { describeMachine } from './machine.ts';
import { Meter } from './meter.ts';
import type { Usage } from './samples.ts';

const ROOT_FOLDER = join(import.meta.dir, '..');
const RESULTS_FOLDER = join(ROOT_FOLDER, 'bench/results/scratch');
const SCHEDULES = ['off', 'turnover', '1', '30', 'idle'];
const PHASES = ['fill', 'hold', 'broadcasts', 'churn', 'hold again'] as const;

type PhaseName = (typeof PHASES)[number];

interface Options {
  readonly only: readonly string[];
  readonly sessions: number;
  readonly hold: number;
  readonly broadcasts: number;
  readonly rounds: number;
}

interface Phase {
  readonly name: PhaseName;
  readonly usage: Usage;
  /** Resident memory of the worker for each session, at the end, without the empty worker's. */
  readonly bytesPerSession: number;
  readonly lagMaxMs: number;
  /** Of the collections that the schedule began. */
  readonly pauseMaxMs: number;
  readonly collections: number;
  /** All of the phase, as JavaScriptCore logs them: ours, and those of the runtime. */
  readonly logged: readonly Collection[];
}

interface Collection {
  readonly atMs: number;
  readonly isFull: boolean;
  /** The longest stop of the program in it. */
  pauseMs: number;
}

interface Run {
  readonly round: number;
  readonly schedule: string;
  readonly emptyBytes: number;
  readonly phases: readonly Phase[];
  readonly lost: number;
}

interface Ports {
  readonly publicPort: number;
  readonly adminPort: number;
}

/** What is read before a phase and again after it. */
interface Span {
  readonly name: PhaseName;
  readonly fromMs: number;
  readonly toMs: number;
  readonly usage: Usage;
  readonly bytesPerSession: number;
}

/** A running node with one worker, and all that it says of its collections. */
class Subject {
  readonly collections: Collection[] = [];
  readonly #children: Children;
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'holdfast-gc-'));
  readonly #ports = Promise.withResolvers<Ports>();

  constructor(schedule: string, children: Children) {
    this.#children = children;
    this.#child = children.add(
      Bun.spawn(
        [
          ...[process.execPath, 'src/cli/main.ts', 'start', '--json', '--workers', '1'],
          ...['--port', '0', '--admin-port', '0', '--log-format', 'json'],
          ...['--app', 'bench/servers/holdfast-app.ts', '--gc', schedule],
          ...['--record-dir', join(this.#folder, 'record')],
        ],
        {
          cwd: ROOT_FOLDER,
          env: { ...process.env, BUN_JSC_logGC: '1' },
          stdin: 'ignore',
          stdout: 'pipe',
          stderr: 'pipe',
        },
      ),
    );
    void followLines(this.#child.stdout, (line) => {
      if (line.startsWith('{"publicPort"')) this.#ports.resolve(JSON.parse(line) as Ports);
    });
    void followLines(this.#child.stderr, (line) => this.#logged(line));
    void this.#child.exited.then((code) =>
      this.#ports.reject(new Error(`holdfast start ended with code ${code}`)),
    );
  }

  get ports(): Promise<Ports> {
    return this.#ports.promise;
  }

  get controllerPid(): number {
    return this.#child.pid;
  }

  /** Ends the node. @returns the samples of its record */
  async stop(): Promise<readonly ServerSample[]> {
    await this.#children.stop(this.#child);
    const text = readFileSync(join(this.#folder, 'record/server.jsonl'), 'utf8');
    rmSync(this.#folder, { recursive: true });
    const records = text.split('\n').slice(0, -1);
    return records
      .map((line) => JSON.parse(line) as RunRecord)
      .filter((record) => record.record === 'server-sample');
  }

  /** The worker's lines come through the node's log; those of the controller are its own. */
  #logged(line: string): void {
    const text = line.startsWith('{') ? (JSON.parse(line) as { msg: string }).msg : '';
    if (!text.startsWith('[GC<')) {
      if (text !== '' && !/^(GC END|Requesting GC)/.test(text)) console.error(text);
      return;
    }
    const kind = /START .*=> (Full|Eden)Collection/.exec(text)?.[1];
    if (kind) this.collections.push({ atMs: Date.now(), isFull: kind === 'Full', pauseMs: 0 });
    const current = this.collections.at(-1);
    if (current === undefined) return;
    for (const [, pause] of text.matchAll(/\bp=([\d.]+)ms/g)) {
      current.pauseMs = Math.max(current.pauseMs, Number(pause));
    }
  }
}

async function followLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
}

async function measure(
  schedule: string,
  round: number,
  options: Options,
  children: Children,
): Promise<Run> {
  const subject = new Subject(schedule, children);
  const { publicPort, adminPort } = await subject.ports;
  const admin = `http://127.0.0.1:${adminPort}`;
  const url = `ws://127.0.0.1:${publicPort}${SOCKET_IO_PATH}`;
  const load = new LoadDriver({ url, protocol: 'socket-io' }, children);
  const workerPid = await pidOfWorker(admin);
  const meter = new Meter(workerPid, load.pid, [subject.controllerPid]);
  await Bun.sleep(SETTLE_EMPTY_MS);
  const emptyBytes = processMemory(workerPid).rssBytes;

  const spans: Span[] = [];
  const phase = async (name: PhaseName, work: () => Promise<unknown>): Promise<void> => {
    console.error(`gc ${schedule}, round ${round}: ${name}`);
    const [mark, fromMs] = [meter.mark(), Date.now()];
    await work();
    await Bun.sleep(SETTLE_MS);
    const { loopLagMs } = await load.send({ kind: 'counters' });
    const bytesPerSession = (processMemory(workerPid).rssBytes - emptyBytes) / options.sessions;
    const usage = meter.since(mark, loopLagMs);
    spans.push({ name, fromMs, toMs: Date.now(), usage, bytesPerSession });
  };
  await phase('fill', () => load.send({ kind: 'fill', sessions: options.sessions }));
  await phase('hold', () => Bun.sleep(options.hold * 1000));
  await phase('broadcasts', () => broadcast(options, load, admin));
  await phase('churn', async () => {
    await load.send({ kind: 'leave' });
    await load.send({ kind: 'fill', sessions: options.sessions });
  });
  await phase('hold again', () => Bun.sleep(options.hold * 1000));
  const { lost } = await load.send({ kind: 'counters' });
  await load.stop();
  const samples = await subject.stop();
  const phases = spans.map((span) => phaseOf(span, samples, subject.collections));
  return { round, schedule, emptyBytes, phases, lost };
}

/** The client counts deliveries from its start, and these are the first. */
async function broadcast(options: Options, load: LoadDriver, admin: string): Promise<void> {
  for (let sent = 1; sent <= options.broadcasts; sent += 1) {
    const delivered = load.send({ kind: 'await', deliveries: options.sessions * sent });
    // A failure of the sending is the one to report, so this must not go unhandled.
    delivered.catch(() => {});
    await post(`${admin}/send`, { event: 'tick', args: [`${sent}`.padEnd(PAYLOAD_BYTES, '.')] });
    await delivered;
  }
}

async function pidOfWorker(admin: string): Promise<number> {
  const report = (await (await fetch(`${admin}/process`)).json()) as { workers: { pid: number }[] };
  const pid = report.workers[0]?.pid;
  if (typeof pid !== 'number') throw new Error('the node names no pid of its worker');
  return pid;
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

/** One row a schedule: medians over its rounds. */
function tableOf(runs: readonly Run[], schedules: readonly string[]): string {
  const table = new Table({
    head: [
      'gc',
      'bytes/session\nafter fill',
      'after\nchurn',
      'at the\nend',
      ...PHASES.map((name, index) => (index === 0 ? `CPU s\n${name}` : `\n${name}`)),
      'longest ms\nours',
      '\nany',
      'lag max\nms',
      'collections\nours',
      '\nall full',
      '\nall eden',
    ],
    colAligns: ['left', ...Array.from({ length: 14 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const schedule of schedules) {
    const own = runs.filter((run) => run.schedule === schedule);
    if (own.length === 0) continue;
    table.push([schedule, ...figuresOf(own)]);
  }
  return table.toString();
}

function figuresOf(runs: readonly Run[]): string[] {
  const over = (valueOf: (run: Run) => number, digits = 0): string =>
    median(runs.map(valueOf)).toFixed(digits);
  const at = (run: Run, name: PhaseName): Phase =>
    run.phases.find((phase) => phase.name === name) as Phase;
  const most = (run: Run, valueOf: (phase: Phase) => number): number =>
    Math.max(...run.phases.map(valueOf));
  const sum = (run: Run, valueOf: (phase: Phase) => number): number =>
    run.phases.reduce((total, phase) => total + valueOf(phase), 0);
  return [
    over((run) => at(run, 'fill').bytesPerSession),
    over((run) => at(run, 'churn').bytesPerSession),
    over((run) => at(run, 'hold again').bytesPerSession),
    ...PHASES.map((name) => over((run) => at(run, name).usage.serverCpuSeconds, 2)),
    over((run) => most(run, ({ pauseMaxMs }) => pauseMaxMs), 1),
    over((run) => most(run, (phase) => Math.max(0, ...phase.logged.map((one) => one.pauseMs))), 1),
    over((run) => most(run, ({ lagMaxMs }) => lagMaxMs)),
    over((run) => sum(run, ({ collections }) => collections)),
    over((run) => sum(run, ({ logged }) => logged.filter(({ isFull }) => isFull).length)),
    over((run) => sum(run, ({ logged }) => logged.filter(({ isFull }) => !isFull).length)),
  ];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[middle] ?? 0];
  return (low + high) / 2;
}

/** What a reader has to know before trusting the figures. */
function doubts(runs: readonly Run[]): string[] {
  return runs.flatMap(({ schedule, round, phases, lost }) => {
    const wall = phases.reduce((total, { usage }) => total + usage.wallSeconds, 0);
    const foreign = phases.reduce((total, { usage }) => total + usage.foreignCpuSeconds, 0);
    const name = `gc ${schedule}, round ${round}`;
    const found = lost > 0 ? [`${name}: ${lost} sessions ended unasked.`] : [];
    if (foreign / wall < 0.1) return found;
    const cores = (foreign / wall).toFixed(1);
    return [...found, `${name}: other programs used ${cores} cores meanwhile; CPU is not quiet.`];
  });
}

function parseOptions(argv: readonly string[]): Options {
  const count = (text: string): number => {
    if (/^[1-9]\d*$/.test(text)) return Number(text);
    throw new Error(`"${text}" is no whole number above 0.`);
  };
  return new Command('npm run bench:gc --')
    .description('Measures what the schedules of garbage collection cost and save.')
    .option('--only <schedules>', 'by comma', (text) => text.split(','), SCHEDULES)
    .option('--sessions <count>', 'sessions to hold', count, SESSIONS_DEFAULT)
    .option('--hold <seconds>', 'how long, each time', count, 40)
    .option('--broadcasts <count>', 'to all sessions', count, 20)
    .option('--rounds <count>', 'of all schedules', count, 1)
    .addHelpText('after', '\nExample:\n  npm run bench:gc -- --sessions 2000 --hold 5')
    .parse(argv)
    .opts<Options>();
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  const machine = describeMachine();
  const children = new Children();
  const stop = (): void => void children.stopAll().then(() => process.exit(1));
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const runs: Run[] = [];
  try {
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const schedule of options.only) {
        runs.push(await measure(schedule, round, options, children));
      }
    }
  } finally {
    await children.stopAll();
  }
  console.log(tableOf(runs, options.only));
  for (const sentence of doubts(runs)) console.log(sentence);
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const date = new Date().toISOString();
  const file = join(RESULTS_FOLDER, `${date.slice(0, 19).replaceAll(':', '-')}-gc.json`);
  writeFileSync(file, JSON.stringify({ date, options, machine, runs }, undefined, 1));
  console.log(`Raw results: ${file}`);
}

await main();
