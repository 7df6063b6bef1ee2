/** From runs to the table of schedules: medians over the rounds, with their range. Pure. */

import Table from 'cli-table3';
import { median } from '../../measure/summary.ts';
import type { GarbageRun, Phase, PhaseName } from './samples.ts';
import { PHASES } from './samples.ts';

/** More of the machine used by others than this share of a core makes CPU doubtful. */
const FOREIGN_CORES_MAX = 0.1;

const COLUMNS = [
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
];

/** One row a schedule; with more rounds than one, the range stands below each median. */
export function garbageTable(runs: readonly GarbageRun[], schedules: readonly string[]): string {
  const table = new Table({
    head: ['gc', ...COLUMNS],
    colAligns: ['left', ...COLUMNS.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const schedule of schedules) {
    const own = runs.filter((run) => run.schedule === schedule);
    if (own.length > 0) table.push([schedule, ...cellsOf(own)]);
  }
  return table.toString();
}

function cellsOf(runs: readonly GarbageRun[]): string[] {
  const over = (valueOf: (run: GarbageRun) => number, digits = 0): string => {
    const values = runs.map(valueOf);
    const middle = median(values).toFixed(digits);
    if (runs.length === 1) return middle;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return `${middle}\n${low.toFixed(digits)}–${high.toFixed(digits)}`;
  };
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

function at(run: GarbageRun, name: PhaseName): Phase {
  return run.phases.find((phase) => phase.name === name) as Phase;
}

function most(run: GarbageRun, valueOf: (phase: Phase) => number): number {
  return Math.max(...run.phases.map(valueOf));
}

function sum(run: GarbageRun, valueOf: (phase: Phase) => number): number {
  return run.phases.reduce((total, phase) => total + valueOf(phase), 0);
}

/** What a reader has to know before trusting the figures. */
export function garbageDoubts(runs: readonly GarbageRun[]): string[] {
  return runs.flatMap((run) => {
    const wall = sum(run, ({ usage }) => usage.wallSeconds);
    const foreign = sum(run, ({ usage }) => usage.foreignCpuSeconds);
    const name = `gc ${run.schedule}, round ${run.round}`;
    const found = run.lost > 0 ? [`${name}: ${run.lost} sessions ended unasked.`] : [];
    if (foreign / wall < FOREIGN_CORES_MAX) return found;
    const cores = (foreign / wall).toFixed(1);
    return [...found, `${name}: other programs used ${cores} cores meanwhile; CPU is not quiet.`];
  });
}
