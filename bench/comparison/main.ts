/**
 * `npm run bench`: runs every contestant in turn, round by round, in a rotating order, and prints
 * the medians, their ratios and the targets. The raw samples go to `bench/results`. Whatever way
 * it ends, the processes it started end with it.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant } from '../contestants/contract.ts';
import { CONTROL_NAME, RIVAL_NAME, RIVALS_OF_WAITING } from '../contestants/index.ts';
import { Children } from '../measure/children.ts';
import { BOUT_FIXED_SECONDS, RESERVED_FILES, SESSIONS_DEFAULT } from '../measure/limits.ts';
import type { Machine } from '../measure/machine.ts';
import { describeMachine } from '../measure/machine.ts';
import { Progress } from '../measure/progress.ts';
import { rotated } from '../measure/rotated.ts';
import type { Bout } from '../measure/samples.ts';
import type { Figures } from '../measure/summary.ts';
import { summarize } from '../measure/summary.ts';
import type { Judgement } from '../measure/targets.ts';
import { judge, judgeWaiting } from '../measure/targets.ts';
import { runBout } from './bout.ts';
import type { Options } from './options.ts';
import { parseOptions } from './options.ts';
import { doubts, judgementTable, measurementTable, ratioTable } from './table.ts';

const SUBJECT_NAME = 'holdfast';

interface Failure {
  readonly round: number;
  readonly contestant: string;
  readonly message: string;
}

interface Results {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  /** Of the contestants that are programs of their own. */
  readonly programs: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly figures: readonly Figures[];
  readonly judgements: readonly Judgement[];
  readonly failures: readonly Failure[];
  readonly bouts: readonly Bout[];
}

function expectedSeconds(contestant: Contestant, options: Options, round: number): number {
  const growing = contestant.expectedSeconds - BOUT_FIXED_SECONDS;
  const scaled = (growing * options.connections) / SESSIONS_DEFAULT;
  return BOUT_FIXED_SECONDS + scaled + (round === 1 ? options.idle : 0);
}

/** Runs the rounds; a contestant that fails once is left out of the rounds that follow. */
async function runRounds(
  options: Options,
  children: Children,
): Promise<{ bouts: Bout[]; failures: Failure[] }> {
  const bouts: Bout[] = [];
  const failures: Failure[] = [];
  let field = [...options.only];
  const roundSeconds = (round: number): number =>
    field.reduce((total, contestant) => total + expectedSeconds(contestant, options, round), 0);
  const fits = Math.floor((options.budget - roundSeconds(1)) / roundSeconds(2));
  const planned = Math.max(1, Math.min(options.rounds, 1 + fits));
  const progress = new Progress(roundSeconds(1) + (planned - 1) * roundSeconds(2));

  for (let round = 1; round <= options.rounds && field.length > 0; round += 1) {
    const nextSeconds = roundSeconds(round) * progress.slowness;
    if (round > 1 && progress.elapsedSeconds + nextSeconds > options.budget) break;
    for (const contestant of rotated(field, round - 1)) {
      const expected = expectedSeconds(contestant, options, round);
      progress.startBout(`round ${round}, ${contestant.title}`);
      try {
        const idleSeconds = round === 1 ? options.idle : 0;
        const settings = { round, sessions: options.connections, idleSeconds };
        bouts.push(await runBout(contestant, settings, children, progress));
        progress.endBout(expected);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        progress.say(`failed: ${message}`);
        failures.push({ round, contestant: contestant.name, message });
        field = field.filter((other) => other !== contestant);
        progress.skip(expected * Math.max(1, planned - round + 1));
      }
    }
  }
  return { bouts, failures };
}

function print(results: Results, options: Options): void {
  const titles = Object.fromEntries(options.only.map(({ name, title }) => [name, title]));
  const { figures, judgements } = results;
  const find = (name: string): Figures | undefined =>
    figures.find(({ contestant }) => contestant === name);
  const rounds = Math.max(0, ...figures.map(({ bouts }) => bouts));
  const sessions = options.connections.toLocaleString('en-US');
  const { cpu, cores, kernel } = results.machine;
  const where = `${cpu}, ${cores} cores, Linux ${kernel}`;
  console.log(`\n${sessions} sessions, rounds: ${rounds}, ${where}\n`);
  if (figures.length > 0) {
    console.log(measurementTable(figures, titles));
    const [control, rival] = [find(CONTROL_NAME), find(RIVAL_NAME)];
    if (control ?? rival) console.log(ratioTable(figures, control, rival, titles));
  }
  if (judgements.length > 0) console.log(judgementTable(judgements));
  if (options.connections < SESSIONS_DEFAULT) {
    const target = SESSIONS_DEFAULT.toLocaleString('en-US');
    console.log(
      `- The targets are for ${target} sessions; with fewer, memory per session is higher.`,
    );
  }
  for (const doubt of doubts(figures, titles)) console.log(`- ${doubt}`);
  for (const { contestant, round, message } of results.failures) {
    console.log(`- ${contestant} failed in round ${round}: ${message}`);
  }
}

function save(results: Results, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${results.date.slice(0, 19).replaceAll(':', '-')}-bench.json`);
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  return path;
}

/** The options that shape the measurement, as they would be typed. */
function commandLine(options: Options): string {
  const { only, connections, rounds, budget, idle } = options;
  const names = only.map(({ name }) => name).join(',');
  const idlePart = idle > 0 ? ` --idle ${idle}` : '';
  const binaryPart = names.includes('centrifugo') ? ' --centrifugo PATH' : '';
  const counts = `--connections ${connections} --rounds ${rounds} --budget ${budget}`;
  return `npm run bench -- --only ${names}${binaryPart} ${counts}${idlePart}`;
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  const machine = describeMachine();
  const room = machine.openFilesMax - RESERVED_FILES;
  if (options.connections > room) {
    console.error(`A process may open ${machine.openFilesMax} files: use --connections ${room}.`);
    process.exit(1);
  }
  const children = new Children();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void children.stopAll().finally(() => process.exit(130)));
  }
  const startedAt = performance.now();
  let bouts: Bout[];
  let failures: Failure[];
  try {
    ({ bouts, failures } = await runRounds(options, children));
  } finally {
    await children.stopAll();
  }
  const figures = options.only
    .map(({ name }) => summarize(name, bouts))
    .filter((row) => row !== undefined);
  const find = (name: string): Figures | undefined =>
    figures.find(({ contestant }) => contestant === name);
  const subject = find(SUBJECT_NAME);
  const results: Results = {
    date: new Date().toISOString(),
    command: commandLine(options),
    machine,
    programs: Object.fromEntries(
      options.only.flatMap((one) => (one.version ? [[one.name, one.version()]] : [])),
    ),
    seconds: Math.round((performance.now() - startedAt) / 1000),
    figures,
    judgements: [
      ...(subject ? judge(subject, find(CONTROL_NAME), find(RIVAL_NAME)) : []),
      ...judgeWaiting(find, RIVALS_OF_WAITING),
    ],
    failures,
    bouts,
  };
  const path = save(results, options.output);
  if (options.json) console.log(JSON.stringify(results, null, 2));
  else print(results, options);
  console.error(`\n${results.seconds} s in all; raw results: ${path}`);
  process.exit(failures.length > 0 ? 1 : 0);
}

await main();
