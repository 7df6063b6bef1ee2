/**
 * CPU time of the workers one by one, and of all processes together. Few workers have a line each;
 * of many, which would hide each other, the chart shows the band from the least to the most busy.
 */

import { highest } from '../run/columns.ts';
import { formatValue } from '../run/format.ts';
import type { Run, RunServer } from '../run/run.ts';
import type { Axis, Chart, Panel, Series } from './chart.ts';
import { colorOf, happeningsOf, isKnown, type Runs, thinned, timeAxis } from './compose.ts';
import type { ColorName } from './palette.ts';

const LINES_MAX = 8;
const WORKERS_HEIGHT = 200;
const TOGETHER_HEIGHT = 170;

/** @returns undefined when no log tells of CPU time */
export function cpu(runs: Runs): Chart | undefined {
  const workers = runs
    .flatMap((run) => (run.server ? workerSeries(run, run.server, runs) : []))
    .filter(({ values }) => isKnown(values));
  const together = runs
    .flatMap((run) => togetherSeries(run, runs))
    .filter(({ values }) => isKnown(values));
  const panels = [
    workers.length > 0 ? panelOf('cores, each worker', WORKERS_HEIGHT, workers, runs) : undefined,
    together.length > 0 ? panelOf('cores, together', TOGETHER_HEIGHT, together, runs) : undefined,
  ].filter((panel) => panel !== undefined);
  if (panels.length === 0) return undefined;
  return {
    id: 'cpu',
    title: 'CPU of workers and fleet',
    summary: runs.flatMap((run) => summaryOf(run, runs) ?? []),
    explanation:
      'User and system time; 1 is one core that does nothing else. Each worker reports once a ' +
      'second by its own clock, so that of workers is the mean of the last 4 s. On one host, ' +
      'part of the work of the network counts for whoever sends.',
    panels,
    ...happeningsOf(runs),
  };
}

function panelOf(title: string, height: number, series: readonly Series[], runs: Runs): Panel {
  const axis: Axis = { title, unit: 'cores', scale: 'linear', atLeast: 0.01 };
  return { title, height, across: 'time', ...timeAxis(runs), axis, series };
}

function workerSeries(run: Run, { timeline }: RunServer, runs: Runs): readonly Series[] {
  const { byWorker } = timeline.cpu;
  return runs.length === 1 && byWorker.length <= LINES_MAX
    ? lineEach(timeline)
    : bandOfAll(run, timeline, runs);
}

function lineEach({ seconds, cpu: { byWorker } }: RunServer['timeline']): readonly Series[] {
  const names = byWorker.map((_, worker) => `worker ${worker}`);
  const { across, columns } = thinned(
    seconds,
    Object.fromEntries(names.map((name, worker) => [name, byWorker[worker] ?? []])),
  );
  return names.map(
    (name, worker): Series => ({
      name,
      kind: names.length > 2 ? 'fine line' : 'line',
      color: `worker${worker % LINES_MAX}` as ColorName,
      across,
      values: columns[name] ?? [],
    }),
  );
}

function bandOfAll(run: Run, timeline: RunServer['timeline'], runs: Runs): readonly Series[] {
  const { across, columns } = thinned(timeline.seconds, {
    lowest: timeline.cpu.lowest,
    median: timeline.cpu.median,
    highest: timeline.cpu.highest,
  });
  const isOne = runs.length === 1;
  const name = (what: string): string => (isOne ? what : `${run.name}: ${what}`);
  return [
    {
      name: name(`least to most busy of ${timeline.cpu.byWorker.length} workers`),
      kind: 'band',
      color: isOne ? 'band' : colorOf(runs, run),
      across,
      values: columns.highest,
      lower: columns.lowest,
    },
    {
      name: name('median'),
      kind: 'line',
      color: isOne ? 'accent' : colorOf(runs, run),
      across,
      values: columns.median,
    },
  ];
}

function togetherSeries(run: Run, runs: Runs): readonly Series[] {
  const isOne = runs.length === 1;
  const name = (what: string): string => (isOne ? what : `${run.name}: ${what}`);
  const { server, fleet } = run;
  const series: Series[] = [];
  if (server) {
    const { workers, controller } = server.timeline.cpu;
    const { across, columns } = thinned(server.timeline.seconds, { workers, controller });
    const color = isOne ? 'accent' : colorOf(runs, run);
    series.push({
      name: name('all workers'),
      kind: isOne ? 'area' : 'line',
      color,
      across,
      values: columns.workers,
    });
    if (isOne) {
      series.push({
        name: 'controller',
        kind: 'fine line',
        color: 'quiet',
        across,
        values: columns.controller,
      });
    }
  }
  if (fleet) {
    const { across, columns } = thinned(fleet.timeline.seconds, { cores: fleet.timeline.cpuCores });
    series.push({
      name: name('fleet'),
      kind: 'line',
      dash: isOne ? undefined : 'dashed',
      color: isOne ? 'fleet' : colorOf(runs, run),
      across,
      values: columns.cores,
    });
  }
  return series;
}

function summaryOf(run: Run, runs: Runs): string | undefined {
  const parts: string[] = [];
  const cores = run.server && highest(run.server.timeline.cpu.workers);
  if (cores !== undefined && cores !== null) {
    parts.push(`all workers together ${formatValue(cores, 'cores')}`);
  }
  const fleet = run.fleet && highest(run.fleet.timeline.cpuCores);
  if (fleet !== undefined && fleet !== null) parts.push(`the fleet ${formatValue(fleet, 'cores')}`);
  if (parts.length === 0) return undefined;
  const of = run.server ? `, of ${run.server.header.machine.cores} in the server's host` : '';
  const who = runs.length > 1 ? `${run.name}: at` : 'At';
  return `${who} the most, ${parts.join(' and ')}${of}.`;
}
