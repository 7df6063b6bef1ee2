/** How late the event loops were, and how long garbage collections stopped a worker. */

import { type Column, highest } from '../run/columns.ts';
import { formatMilliseconds } from '../run/format.ts';
import type { Run } from '../run/run.ts';
import type { Chart, Panel, Series } from './chart.ts';
import { colorOf, happeningsOf, isKnown, type Runs, thinned, timeAxis } from './compose.ts';

const LAG_HEIGHT = 190;
const COLLECTION_HEIGHT = 130;

/** @returns undefined when no log tells of the event loop */
export function pauses(runs: Runs): Chart | undefined {
  const isAny = ({ values }: Series): boolean => isKnown(values);
  const lag = runs.flatMap((run) => lagSeries(run, runs)).filter(isAny);
  const collections = runs.flatMap((run) => collectionSeries(run, runs)).filter(isAny);
  const panels = [
    lag.length > 0 ? panelOf('event loop late', LAG_HEIGHT, lag, runs) : undefined,
    collections.length > 0
      ? panelOf('collection', COLLECTION_HEIGHT, collections, runs)
      : undefined,
  ].filter((panel) => panel !== undefined);
  if (panels.length === 0) return undefined;
  return {
    id: 'pauses',
    title: 'Event-loop lag and collection pauses',
    summary: runs.flatMap((run) => summaryOf(run, runs) ?? []),
    explanation:
      'The longest delay of an event loop in each second: of the worker that was latest, of the ' +
      'worker in the middle, and of the agent of the fleet that was latest. Below, the longest ' +
      'garbage collection in each second that the schedule (setting gc) of any worker began; ' +
      'those that the runtime begins by itself are not told, and show as lag only. Where no ' +
      'worker reported is a gap.',
    panels,
    ...happeningsOf(runs),
  };
}

function panelOf(what: string, height: number, series: readonly Series[], runs: Runs): Panel {
  const most = Math.max(...series.map(({ values }) => highest(values) ?? 0));
  return {
    title: what,
    height,
    across: 'time',
    ...timeAxis(runs),
    axis: {
      title: `${what}, ${most >= 1000 ? 's' : 'ms'}`,
      unit: 'milliseconds',
      scale: 'linear',
      atLeast: 1,
    },
    series,
  };
}

function lagSeries(run: Run, runs: Runs): readonly Series[] {
  const isOne = runs.length === 1;
  const { server, fleet } = run;
  const series: Series[] = [];
  if (server) {
    const { across, columns } = thinned(server.timeline.seconds, server.timeline.loopLagMs);
    series.push({
      name: isOne ? 'latest worker' : `${run.name}: latest worker`,
      kind: 'fine line',
      color: isOne ? 'accent' : colorOf(runs, run),
      across,
      values: columns.highest,
    });
    if (isOne) {
      series.push({
        name: 'median of the workers',
        kind: 'line',
        color: 'other',
        across,
        values: columns.median,
      });
    }
  }
  if (fleet && (isOne || server === undefined)) {
    const { across, columns } = thinned(fleet.timeline.seconds, { lag: fleet.timeline.loopLagMs });
    series.push({
      name: isOne ? 'latest agent of the fleet' : `${run.name}: latest agent of the fleet`,
      kind: 'fine line',
      color: isOne ? 'fleet' : colorOf(runs, run),
      across,
      values: columns.lag,
    });
  }
  return series;
}

function collectionSeries(run: Run, runs: Runs): readonly Series[] {
  if (run.server === undefined) return [];
  const { seconds, collectionMs } = run.server.timeline;
  const { across, columns } = thinned(seconds, { longest: collectionMs });
  const isOne = runs.length === 1;
  return [
    {
      name: isOne ? 'longest scheduled collection' : `${run.name}: longest scheduled collection`,
      kind: isOne ? 'area' : 'fine line',
      color: isOne ? 'accent' : colorOf(runs, run),
      across,
      values: columns.longest,
    },
  ];
}

/** @returns undefined when nothing was reported */
function summaryOf({ name, server, fleet }: Run, runs: Runs): string | undefined {
  const parts = [
    partOf('a worker was late by', server?.timeline.loopLagMs.highest),
    partOf('a scheduled collection took', server?.timeline.collectionMs),
    partOf('an agent of the fleet was late by', fleet?.timeline.loopLagMs),
  ].filter((part) => part !== undefined);
  if (parts.length === 0) return undefined;
  return `${runs.length > 1 ? `${name}: at` : 'At'} the most, ${parts.join(', ')}.`;
}

function partOf(what: string, column: Column = []): string | undefined {
  const most = highest(column);
  return most === null ? undefined : `${what} ${formatMilliseconds(most)}`;
}
