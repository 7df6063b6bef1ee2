/** How many sessions were established in each second, and how many were not. */

import { type Column, combine, highest, total } from '../run/columns.ts';
import { formatCount, formatValue } from '../run/format.ts';
import type { Run } from '../run/run.ts';
import type { Chart, Panel, Series } from './chart.ts';
import { colorOf, happeningsOf, type Runs, thinned, timeAxis } from './compose.ts';
import type { ColorName } from './palette.ts';

const RATE_HEIGHT = 220;
const FAILURES_HEIGHT = 130;

/** Names of failures that have a line of their own; the others are added up. */
const NAMES_MAX = 4;
const FAILURE_COLORS: readonly ColorName[] = ['bad', 'other', 'worker4', 'worker2', 'quiet'];

export function connectRate(runs: Runs): Chart {
  const established = runs.map((run) => establishedSeries(run, runs));
  const failures = runs.flatMap((run) => failureSeries(run, runs));
  const panels = [
    panelOf('sessions per second', RATE_HEIGHT, established, runs),
    ...(failures.length > 0
      ? [panelOf('failures per second', FAILURES_HEIGHT, failures, runs)]
      : []),
  ];
  return {
    id: 'connect-rate',
    title: 'Connect rate and failures',
    summary: runs.map((run) => summaryOf(run, runs)),
    explanation:
      'Sessions established in each second: handshake done and, for Socket.IO, connected to the ' +
      'namespace. Failures are connections that never became a session, and sessions that were ' +
      'lost without being asked to leave, by the name of the error; without any, there is no ' +
      'chart of them.',
    panels,
    ...happeningsOf(runs),
  };
}

function panelOf(title: string, height: number, series: readonly Series[], runs: Runs): Panel {
  return {
    title,
    height,
    across: 'time',
    ...timeAxis(runs),
    axis: { title, unit: 'per second', scale: 'linear', atLeast: 4 },
    series,
  };
}

function establishedSeries(run: Run, runs: Runs): Series {
  const isOne = runs.length === 1;
  const { seconds, rate } = rateOf(run);
  const { across, columns } = thinned(seconds, { rate });
  const name = run.fleet ? 'established' : 'opened, by the server';
  return {
    name: isOne ? name : `${run.name}: ${name}`,
    kind: isOne ? 'area' : 'line',
    color: isOne ? 'accent' : colorOf(runs, run),
    across,
    values: columns.rate,
  };
}

function rateOf({ fleet, server }: Run): {
  readonly seconds: readonly number[];
  readonly rate: Column;
} {
  if (fleet) return { seconds: fleet.timeline.seconds, rate: fleet.timeline.establishedPerSecond };
  return {
    seconds: server?.timeline.seconds ?? [],
    rate: server?.timeline.openedPerSecond ?? [],
  };
}

function failureSeries(run: Run, runs: Runs): readonly Series[] {
  const { seconds, byName } = failuresOf(run);
  if (byName.length === 0) return [];
  if (runs.length > 1) {
    const { across, columns } = thinned(seconds, {
      all: combine(
        byName.map(([, column]) => column),
        total,
      ),
    });
    const color = colorOf(runs, run);
    return [{ name: `${run.name}: failures`, kind: 'line', color, across, values: columns.all }];
  }
  const named = byName.slice(0, NAMES_MAX);
  const others = byName.slice(NAMES_MAX).map(([, column]) => column);
  const all = others.length > 0 ? [...named, ['others', combine(others, total)] as const] : named;
  const { across, columns } = thinned(seconds, Object.fromEntries(all));
  return all.map(
    ([name], index): Series => ({
      name,
      kind: 'line',
      color: FAILURE_COLORS[index] ?? 'quiet',
      across,
      values: columns[name] ?? [],
    }),
  );
}

/** By name; the server alone knows only whom it refused. */
function failuresOf({ fleet, server }: Run): {
  readonly seconds: readonly number[];
  readonly byName: readonly (readonly [string, Column])[];
} {
  if (fleet) {
    const { seconds, failuresPerSecond, lossesPerSecond } = fleet.timeline;
    const lost = [...lossesPerSecond].map(([name, column]) => [`lost: ${name}`, column] as const);
    return { seconds, byName: [...failuresPerSecond, ...lost] };
  }
  const refused = server?.timeline.refusedPerSecond ?? [];
  const isAny = (highest(refused) ?? 0) > 0;
  return {
    seconds: server?.timeline.seconds ?? [],
    byName: isAny ? [['refused, by the server', refused]] : [],
  };
}

function summaryOf(run: Run, runs: Runs): string {
  const name = runs.length > 1 ? `${run.name}: up` : 'Up';
  const most = formatValue(highest(rateOf(run).rate) ?? 0, 'per second');
  const last = run.fleet?.samples.at(-1);
  if (last === undefined) return `${name} to ${most}.`;
  const failed = total(Object.values(last.failures));
  const lost = total(Object.values(last.losses));
  return (
    `${name} to ${most}; of ${formatCount(last.established + failed)} connections ` +
    `${failed === 0 ? 'none' : formatCount(failed)} failed and ` +
    `${lost === 0 ? 'none' : formatCount(lost)} ${lost === 1 || lost === 0 ? 'was' : 'were'} lost.`
  );
}
