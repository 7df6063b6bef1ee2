/**
 * What the page shows under the pointer, as data for its script: where the plots are, the moments
 * that have values, and the values as they are written.
 */

import { printable } from '../../host/foreign/printable.ts';
import type { Axis, Chart, Series } from '../charts/chart.ts';
import { formatTime, formatValue } from '../run/format.ts';
import { layOut, type PanelLayout } from './layout.ts';

export interface HoverPanel {
  /** The edges of the plot, in pixels of the picture. */
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly from: number;
  readonly to: number;
  readonly groups: readonly HoverGroup[];
}

/** Series with the same points. */
interface HoverGroup {
  readonly across: readonly number[];
  /** The points as they are written: times, or numbers of workers. */
  readonly moments: readonly string[];
  readonly rows: readonly HoverRow[];
}

interface HoverRow {
  readonly name: string;
  readonly color: string;
  /** Empty where there is none. */
  readonly values: readonly string[];
}

export function hoverOf(chart: Chart): readonly HoverPanel[] {
  return layOut(chart, false).panels.map(panelOf);
}

function panelOf({ panel, left, right, top, bottom }: PanelLayout): HoverPanel {
  const byAcross = Map.groupBy(
    panel.series.filter(({ name }) => name !== ''),
    ({ across }) => across,
  );
  const groups = [...byAcross].map(([across, series]): HoverGroup => {
    const moment = (at: number): string =>
      panel.across === 'time' ? formatTime(at) : `worker ${at}`;
    return {
      across: across.map((at) => Math.round(at * 100) / 100),
      moments: across.map(moment),
      rows: series.map((one) => rowOf(one, one.onSecondAxis ? panel.secondAxis : panel.axis)),
    };
  });
  return { left, right, top, bottom, from: panel.from, to: panel.to, groups };
}

function rowOf({ name, color, values, lower }: Series, axis: Axis | undefined): HoverRow {
  const write = (value: number | null | undefined): string =>
    value === null || value === undefined ? '' : formatValue(value, axis?.unit ?? 'count');
  const text = (value: number | null, index: number): string =>
    lower === undefined || value === null
      ? write(value)
      : `${write(lower[index])} to ${write(value)}`;
  // The script of the page writes it as it is.
  return { name: printable(name), color: `var(--${color})`, values: values.map(text) };
}
