/** The first chart of a run: how many connections there were, and what memory they took. */

import { type Column, combine, highest, median, total } from '../run/columns.ts';
import { formatCount, formatMemory, formatValue } from '../run/format.ts';
import type { Run, RunServer } from '../run/run.ts';
import type { Axis, Chart, Label, Panel, Series } from './chart.ts';
import {
  colorOf,
  happeningsOf,
  isKnown,
  type Runs,
  sentences,
  thinned,
  timeAxis,
} from './compose.ts';

const HEIGHT = 360;
const TITLE = 'Connections and memory';

/** Of the highest value; the words above the line of connections need room. */
const HEADROOM = 1.08;

/** Labels stand at this part of the hold: a broadcast after its middle has a line of its own. */
const LABEL_PLACE = 0.3;

/** An area of a smaller share of the axis than this has no room for words. */
const LABEL_SHARE_MIN = 0.07;

export function connectionsMemory(runs: Runs): Chart {
  const [run, other] = runs;
  const series =
    other === undefined ? seriesOfOne(run) : runs.flatMap((one) => wholeMemory(runs, one));
  const most = Math.max(...runs.map((one) => highest(connectionsOf(one).values) ?? 0));
  const memory: Axis = { title: 'memory, GiB', unit: 'memory', scale: 'linear', atLeast: 2 ** 20 };
  const hasMemory = runs.some(({ server }) => server !== undefined);
  const highestBytes = Math.max(...runs.map(({ server }) => (server ? mostBytes(server) : 0)));
  const panel: Panel = {
    title: TITLE,
    height: HEIGHT,
    across: 'time',
    ...timeAxis(runs),
    axis: {
      title: 'connections',
      unit: 'count',
      scale: 'linear',
      atLeast: Math.max(5, most * HEADROOM),
    },
    secondAxis: hasMemory
      ? { ...memory, title: highestBytes >= 2 ** 30 ? 'memory, GiB' : 'memory, MiB' }
      : undefined,
    series,
  };
  return {
    id: 'connections-memory',
    title: TITLE,
    summary: runs.map((one) => summaryOf(one, runs)),
    explanation: explain(runs),
    panels: [panel],
    ...happeningsOf(runs),
  };
}

function seriesOfOne(run: Run): readonly Series[] {
  const { across, values } = connectionsOf(run);
  const line = thinned(across, { values });
  const place = placeOfLabels(run);
  const held = highest(values) ?? 0;
  const isHeld = run.phases.some(({ name }) => name === 'hold');
  const connections: Series = {
    name: 'connections',
    kind: 'line',
    dash: 'dotted',
    color: 'ink',
    across: line.across,
    values: line.columns.values,
    label: {
      text: `${formatCount(held)} connections`,
      across: isHeld ? place : (across[values.indexOf(held)] ?? place),
      value: held,
      side: 'above',
      color: 'ink',
    },
  };
  return run.server === undefined
    ? [connections]
    : [...memorySeries(run.server, place), connections];
}

function memorySeries({ timeline }: RunServer, place: number): readonly Series[] {
  const { across, columns } = thinned(timeline.seconds, {
    heap: timeline.heapBytes,
    other: timeline.otherBytes,
    kernel: timeline.kernelBytes,
  });
  const parts = [
    { name: 'JavaScript heap', color: 'heap', on: 'onHeap', values: columns.heap },
    { name: 'other process memory', color: 'other', on: 'onOther', values: columns.other },
    { name: 'kernel', color: 'kernel', on: 'onKernel', values: columns.kernel },
  ] as const;
  const known = parts.filter(({ values }) => isKnown(values));
  const at = nearest(across, place);
  const most =
    highest(
      combine(
        known.map(({ values }) => values),
        total,
      ),
    ) ?? 0;
  let below = 0;
  return known.map(({ name, color, on, values }): Series => {
    const here = values[at] ?? 0;
    below += here;
    const label: Label | undefined =
      here < LABEL_SHARE_MIN * most
        ? undefined
        : {
            text: formatMemory(here, most),
            across: across[at] ?? 0,
            value: below - here / 2,
            side: 'middle',
            color: on,
          };
    return { name, kind: 'stack', color, across, values, onSecondAxis: true, label };
  });
}

/** Of two runs, the areas would cover each other; so each has the line of its whole memory. */
function wholeMemory(runs: Runs, run: Run): readonly Series[] {
  const color = colorOf(runs, run);
  const { across, values } = connectionsOf(run);
  const line = thinned(across, { values });
  const connections: Series = {
    name: `${run.name}: connections`,
    kind: 'line',
    dash: 'dotted',
    color,
    across: line.across,
    values: line.columns.values,
  };
  if (run.server === undefined) return [connections];
  const whole = thinned(run.server.timeline.seconds, { values: wholeBytes(run.server) });
  const memory: Series = {
    name: `${run.name}: memory`,
    kind: 'area',
    color,
    across: whole.across,
    values: whole.columns.values,
    onSecondAxis: true,
  };
  return [memory, connections];
}

/** What the fleet had open, or else the sessions of the server. */
function connectionsOf({ fleet, server }: Run): {
  readonly across: readonly number[];
  readonly values: Column;
} {
  if (fleet) return { across: fleet.timeline.seconds, values: fleet.timeline.open };
  return {
    across: server?.timeline.seconds ?? [],
    values: server?.timeline.sessions ?? [],
  };
}

function wholeBytes({ timeline }: RunServer): Column {
  return combine([timeline.heapBytes, timeline.otherBytes, timeline.kernelBytes], total);
}

function mostBytes(server: RunServer): number {
  return highest(wholeBytes(server)) ?? 0;
}

function placeOfLabels({ server, phases, firstSecond, lastSecond, startMs }: Run): number {
  const hold = phases.findLast(({ name }) => name === 'hold');
  if (hold) return hold.fromSecond + LABEL_PLACE * (hold.toSecond - hold.fromSecond);
  const held = server?.windows.hold.map(({ atMs }) => (atMs - startMs) / 1000) ?? [];
  return median(held) ?? (firstSecond + lastSecond) / 2;
}

function nearest(across: readonly number[], wanted: number): number {
  const index = across.findIndex((at) => at >= wanted);
  return index === -1 ? Math.max(0, across.length - 1) : index;
}

function summaryOf(run: Run, runs: Runs): string {
  const held = formatCount(highest(connectionsOf(run).values) ?? 0);
  const name = runs.length > 1 ? `${run.name}: ` : '';
  if (run.server === undefined) return `${name}${held} connections at the most.`;
  const { heapBytes, otherBytes, kernelBytes } = run.server.timeline;
  const processes = highest(combine([heapBytes, otherBytes], total)) ?? 0;
  const kernel = highest(kernelBytes);
  const rest = kernel === null ? '' : ` and ${formatMemory(kernel)} in the kernel`;
  const memory = `${formatMemory(processes)} in processes${rest}`;
  return `${name}${held} connections with ${memory} at the most.`;
}

function explain(runs: Runs): string {
  const isOneHost = runs.some((run) => run.isOneHost);
  const perSession = runs
    .map(({ server, name }) => {
      const sessions = server ? (highest(server.timeline.sessions) ?? 0) : 0;
      if (server === undefined || sessions === 0) return undefined;
      const bytes = formatValue(mostBytes(server) / sessions, 'bytes');
      return `${runs.length > 1 ? `${name}: ` : ''}All together, ${bytes} for each session.`;
    })
    .filter((text) => text !== undefined);
  return sentences(
    'The dotted line counts connections, on the left; memory is on the right. Other process ' +
      'memory is what workers have resident beside their JavaScript heap, and the controller. ' +
      'Pages that processes share count in each of them. The kernel counts as what the slab of ' +
      'the whole host has grown since before the run; small socket buffers are in it.',
    isOneHost
      ? 'The fleet ran on the same host, so the kernel holds both ends of each connection; the ' +
          "memory of the fleet's own processes is not in the chart."
      : undefined,
    ...perSession,
  );
}
