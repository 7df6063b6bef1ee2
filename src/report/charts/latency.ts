/**
 * How long a message, a connection and an echo took, by percentile. Deliveries of a broadcast fill
 * a small part of a long run; then their panel shows that part alone.
 */

import type { Percentiles } from '../recording/record.ts';
import { highest } from '../run/columns.ts';
import { formatMilliseconds } from '../run/format.ts';
import type { Run } from '../run/run.ts';
import type { LatencyColumns, LatencyKind } from '../run/timeline.ts';
import type { Chart, Panel, Series } from './chart.ts';
import { colorOf, happeningsOf, isKnown, type Runs, thinned, timeAxis } from './compose.ts';

const HEIGHT = 170;
const KINDS: readonly LatencyKind[] = ['delivery', 'connect', 'echo'];

/** A panel whose points fill less of the run than this shows their part of it alone. */
const NARROW_SHARE = 0.3;

/** Up to so many seconds, the slowest are dots: each of them may be one session. */
const SLOWEST_DOTS_MAX = 40;

/** Up to so many seconds, everything is dots: lines between them would be made up. */
const ALL_DOTS_MAX = 5;

/** @returns undefined when nothing was measured */
export function latency(runs: Runs): Chart | undefined {
  const panels = KINDS.map((kind) => panelOf(kind, runs)).filter((panel) => panel !== undefined);
  if (panels.length === 0) return undefined;
  return {
    id: 'latency',
    title: 'Latency by percentile',
    summary: runs.flatMap((run) => summaryOf(run, runs) ?? []),
    explanation:
      'Of what happened in each second: the median, and the band from there to the 99th ' +
      'percentile; where there are few seconds to show, dots. The scale is logarithmic. Delivery ' +
      'is the time from the sending of a broadcast to its arrival at one session, connect from ' +
      'the first packet to the session, echo from a message to its ack.',
    panels,
    ...happeningsOf(runs),
  };
}

function panelOf(kind: LatencyKind, runs: Runs): Panel | undefined {
  const measured = runs.filter(({ fleet }) => fleet && isKnown(fleet.timeline.latencies[kind].p50));
  if (measured.length === 0) return undefined;
  const series = measured.flatMap((run) => seriesOf(kind, run, runs));
  const lowest = Math.min(
    ...(series.flatMap(({ values, lower = [] }) =>
      [...values, ...lower].filter((value) => value !== null && value > 0),
    ) as number[]),
  );
  return {
    title: `${kind} latency`,
    height: HEIGHT,
    across: 'time',
    ...endsOf(series, runs),
    axis: {
      title: `${kind} latency`,
      unit: 'milliseconds',
      scale: 'logarithmic',
      atLeast: Number.isFinite(lowest) ? lowest : 1,
    },
    series,
  };
}

function endsOf(series: readonly Series[], runs: Runs): { from: number; to: number } {
  const whole = timeAxis(runs);
  const seconds = series.flatMap(({ across, values }) =>
    across.filter((_, index) => values[index] !== null),
  );
  const from = Math.min(...seconds);
  const to = Math.max(...seconds);
  if (to - from > NARROW_SHARE * (whole.to - whole.from)) return whole;
  return { from: Math.floor(from) - 2, to: Math.ceil(to) + 2 };
}

function seriesOf(kind: LatencyKind, run: Run, runs: Runs): readonly Series[] {
  const { fleet } = run;
  if (fleet === undefined) return [];
  const latencies: LatencyColumns = fleet.timeline.latencies[kind];
  const { across, columns } = thinned(fleet.timeline.seconds, { ...latencies });
  const isOne = runs.length === 1;
  const name = (what: string): string => (isOne ? what : `${run.name}: ${what}`);
  const color = colorOf(runs, run);
  const points = columns.p50.filter((value) => value !== null).length;
  const band: Series = {
    name: name('median to 99 %'),
    kind: 'band',
    color: isOne ? 'band' : color,
    across,
    values: columns.p99,
    lower: columns.p50,
  };
  const middle: Series = {
    name: name('median'),
    kind: 'line',
    color: isOne ? 'accent' : color,
    across,
    values: columns.p50,
  };
  const ninety: Series = {
    name: name('90 %'),
    kind: 'line',
    dash: 'dashed',
    color: isOne ? 'accent' : color,
    across,
    values: columns.p90,
  };
  const slowest: Series = {
    name: name('slowest'),
    kind: points <= SLOWEST_DOTS_MAX ? 'dots' : 'fine line',
    color: isOne ? 'fleet' : color,
    across,
    values: columns.max,
  };
  if (points <= ALL_DOTS_MAX) {
    const high: Series = { ...middle, name: name('99 %'), color: 'other', values: columns.p99 };
    const all = isOne ? [middle, { ...ninety, color: 'band' as const }, high, slowest] : [middle];
    return all.map((series) => ({ ...series, kind: 'dots' }));
  }
  return isOne ? [band, middle, ninety, slowest] : [band, middle];
}

function summaryOf({ name, fleet }: Run, runs: Runs): string | undefined {
  if (fleet === undefined) return undefined;
  const { delivery, connect, echo } = fleet.timeline.latencies;
  const parts = [
    partOf('delivery', fleet.verdict?.deliveryLatency, delivery),
    partOf('connect', fleet.verdict?.connectLatency, connect),
    partOf('echo', fleet.verdict?.echoLatency, echo),
  ].filter((part) => part !== undefined);
  return parts.length === 0
    ? undefined
    : `${runs.length > 1 ? `${name}: ` : ''}${capital(parts.join('; '))}.`;
}

function partOf(
  kind: LatencyKind,
  whole: Percentiles | undefined,
  columns: LatencyColumns,
): string | undefined {
  if (whole) {
    const [p50, p99] = [whole.p50, whole.p99].map((micros) => formatMilliseconds(micros / 1000));
    return `${kind} median ${p50}, 99 % within ${p99}`;
  }
  const max = highest(columns.max);
  return max === null ? undefined : `${kind} at most ${formatMilliseconds(max)}`;
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
