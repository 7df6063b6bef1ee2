/**
 * Where everything in a picture is, in pixels of its own width. The charts of a page share their
 * margins, so that a moment is at the same place in all of them.
 */

import { type Axis, type Chart, type Panel, type Series, stackTops } from '../charts/chart.ts';
import { highest } from '../run/columns.ts';
import { type Scale, valueScale } from './scale.ts';

export const PICTURE_WIDTH = 1080;

/** Beside the plots, for the words at the axes. */
export const MARGIN = 84;
const EDGE = 16;
const TITLE_HEIGHT = 50;
export const SUMMARY_LINE_HEIGHT = 20;
const LEGEND_HEIGHT = 26;
const STRIP_HEIGHT = 22;
/** Between the titles of axes and their highest ticks. */
const STRIP_GAP = 9;
const AXIS_HEIGHT = 30;
const PANEL_GAP = 18;

/** What a name in a legend takes, about, beside its letters: a swatch and the space after it. */
const LEGEND_FRAME_WIDTH = 56;
const LEGEND_LETTER_WIDTH = 6.8;

/** Both axes of a panel share their lines, so they have the same number of steps: one of these. */
const STEPS_OF_TWO_AXES = [4, 5, 6];

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Where the text of the title begins; undefined for a picture without one. */
  readonly titleTop: number | undefined;
  readonly panels: readonly PanelLayout[];
}

export interface PanelLayout {
  readonly panel: Panel;
  /** The edges of the plot. */
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly legend: readonly LegendRow[];
  /** The middle of the row of axis titles and phases. */
  readonly stripY: number;
  readonly scale: Scale;
  readonly secondScale: Scale | undefined;
}

/** Series that are named side by side. */
export interface LegendRow {
  /** The middle of the row. */
  readonly y: number;
  readonly series: readonly Series[];
}

/** @param hasTitle a picture that stands alone needs one; on the page it is a heading */
export function layOut(chart: Chart, hasTitle: boolean): Layout {
  let y = hasTitle ? TITLE_HEIGHT + chart.summary.length * SUMMARY_LINE_HEIGHT : 4;
  const panels = chart.panels.map((panel): PanelLayout => {
    const legend = legendRows(panel, y);
    const strip = y + legend.length * LEGEND_HEIGHT;
    const stripY = strip + STRIP_HEIGHT / 2;
    const top = strip + STRIP_HEIGHT + STRIP_GAP;
    const bottom = top + panel.height;
    y = bottom + AXIS_HEIGHT + PANEL_GAP;
    return {
      panel,
      left: MARGIN,
      right: PICTURE_WIDTH - MARGIN,
      top,
      bottom,
      legend,
      stripY,
      ...scalesOf(panel),
    };
  });
  const height = Math.round(y - PANEL_GAP + (hasTitle ? EDGE : 2));
  return { width: PICTURE_WIDTH, height, titleTop: hasTitle ? EDGE : undefined, panels };
}

/** The pixel of a point on the bottom axis. */
export function xOf({ panel, left, right }: PanelLayout, across: number): number {
  return left + ((across - panel.from) / (panel.to - panel.from)) * (right - left);
}

/** The pixel of a value on one of the two axes of a panel. */
export function yOf(layout: PanelLayout, value: number, onSecondAxis = false): number {
  const { panel, top, bottom, scale, secondScale } = layout;
  const axis: Axis = (onSecondAxis ? panel.secondAxis : undefined) ?? panel.axis;
  const { min, max } = (onSecondAxis ? secondScale : undefined) ?? scale;
  const share =
    axis.scale === 'logarithmic'
      ? Math.log(Math.max(value, min) / min) / Math.log(max / min)
      : (value - min) / (max - min);
  return bottom - share * (bottom - top);
}

function scalesOf(panel: Panel): Pick<PanelLayout, 'scale' | 'secondScale'> {
  const { axis, secondAxis } = panel;
  const top = highestOf(panel, false);
  if (secondAxis === undefined) return { scale: valueScale(axis, top), secondScale: undefined };
  const secondTop = highestOf(panel, true);
  const choices = STEPS_OF_TWO_AXES.map((steps) => {
    const scale = valueScale(axis, top, steps);
    const secondScale = valueScale(secondAxis, secondTop, steps);
    const empty =
      scale.max / Math.max(top, axis.atLeast) +
      secondScale.max / Math.max(secondTop, secondAxis.atLeast);
    return { scale, secondScale, empty };
  });
  return choices.reduce((best, one) => (one.empty < best.empty ? one : best));
}

function legendRows({ series }: Panel, top: number): readonly LegendRow[] {
  const rows: Series[][] = [];
  let width = Number.POSITIVE_INFINITY;
  for (const one of series.filter(({ name }) => name !== '')) {
    const needed = LEGEND_FRAME_WIDTH + one.name.length * LEGEND_LETTER_WIDTH;
    if (width + needed > PICTURE_WIDTH - 2 * MARGIN) {
      rows.push([]);
      width = 0;
    }
    width += needed;
    rows.at(-1)?.push(one);
  }
  return rows.map((row, index) => ({ y: top + (index + 0.5) * LEGEND_HEIGHT, series: row }));
}

function highestOf(panel: Panel, onSecondAxis: boolean): number {
  const series = panel.series.filter((one) => (one.onSecondAxis ?? false) === onSecondAxis);
  const single = (one: Series): boolean => one.kind !== 'stack';
  return Math.max(
    0,
    highest(stackTops(series)) ?? 0,
    ...series.filter(single).map(({ values }) => highest(values) ?? 0),
  );
}
