/**
 * What a chart shows, said without a word about how it is drawn: panels above each other, each with
 * series over time (or over the workers). `draw.ts` makes a picture of it, `hover.ts` what the page
 * shows under the pointer; both take their geometry from `layout.ts`.
 */

import { type Column, combine, total } from '../run/columns.ts';
import type { Unit } from '../run/format.ts';
import type { Mark, Phase } from '../run/run.ts';
import type { ColorName } from './palette.ts';

export interface Chart {
  /** The name of its file. */
  readonly id: string;
  readonly title: string;
  /** What the chart says, in one sentence with figures for each run. */
  readonly summary: readonly string[];
  /** What is drawn and how to read it; for the page. */
  readonly explanation: string;
  readonly panels: readonly Panel[];
  readonly phases: readonly Phase[];
  readonly marks: readonly Mark[];
}

export interface Panel {
  /** What the vertical axis says; with a unit. */
  readonly title: string;
  /** The height of its plot in pixels. */
  readonly height: number;
  /** What is along the bottom. */
  readonly across: 'time' | 'workers';
  /** The ends of the bottom axis: seconds of the run, or numbers of workers. */
  readonly from: number;
  readonly to: number;
  readonly axis: Axis;
  /** On the right. */
  readonly secondAxis?: Axis | undefined;
  /** Drawn in this order; `stack`ed ones upon each other. */
  readonly series: readonly Series[];
}

export interface Axis {
  readonly title: string;
  readonly unit: Unit;
  readonly scale: 'linear' | 'logarithmic';
  /** The axis reaches at least to here; linear ones begin at 0. */
  readonly atLeast: number;
}

export interface Series {
  /** In the legend and under the pointer; series without one are not in the legend. */
  readonly name: string;
  readonly kind: SeriesKind;
  readonly color: ColorName;
  /** Seconds of the run or numbers of workers; the values have one entry for each. */
  readonly across: readonly number[];
  readonly values: Column;
  /** The lower edge, of a band only. */
  readonly lower?: Column | undefined;
  readonly dash?: 'dotted' | 'dashed' | undefined;
  readonly onSecondAxis?: boolean | undefined;
  /** Written into the picture beside or within the series. */
  readonly label?: Label | undefined;
}

export type SeriesKind = 'line' | 'fine line' | 'stack' | 'area' | 'band' | 'bars' | 'dots';

export interface Label {
  readonly text: string;
  readonly across: number;
  readonly value: number;
  /** Where the text is, seen from the point. */
  readonly side: 'above' | 'below' | 'middle';
  readonly color: ColorName;
}

/** How high the `stack` series of a panel reach together; all of them have the same points. */
export function stackTops(series: readonly Series[]): Column {
  return combine(
    series.filter(({ kind }) => kind === 'stack').map(({ values }) => values),
    total,
  );
}
