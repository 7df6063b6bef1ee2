/**
 * The series of a panel as shapes. Where a column has no value its shape has a gap; what reaches
 * beyond the plot is cut off.
 */

import { type Series, stackTops } from '../charts/chart.ts';
import type { ColorName, Palette } from '../charts/palette.ts';
import type { Column } from '../run/columns.ts';
import { type PanelLayout, xOf, yOf } from './layout.ts';
import { type Attributes, at, element, type Point, pathThrough } from './svg.ts';

/** Of the space that a worker has along the bottom, what its bars fill. */
const BARS_SHARE = 0.74;
const BAR_WIDTH_MAX = 72;
const DOT_RADIUS = 3;
/** So that a line along the edge of the plot is seen in its whole width. */
const CLIP_MARGIN = 1;

/** The colour made for bands covers; any other one lets the lines behind it through. */
export function bandOpacity(color: ColorName): number | undefined {
  return color === 'band' ? undefined : 0.22;
}

/** @param clipId the name of the plot as a clip, unique wherever the picture stands */
export function seriesShapes(layout: PanelLayout, palette: Palette, clipId: string): string {
  const { left, right, top, bottom, panel } = layout;
  const box = {
    x: left - CLIP_MARGIN,
    y: at(top - CLIP_MARGIN),
    width: right - left + 2 * CLIP_MARGIN,
    height: at(bottom - top + 2 * CLIP_MARGIN),
  };
  const shapes = [fillsOf, strokeOf, dotsOf].flatMap((layer) =>
    panel.series.flatMap((series) => layer(layout, series, palette)),
  );
  return (
    element('clipPath', { id: clipId }, element('rect', box)) +
    element('g', { 'clip-path': `url(#${clipId})` }, shapes.join(''))
  );
}

/** What covers: it lies below all lines, those of other series too. */
function fillsOf(layout: PanelLayout, series: Series, palette: Palette): readonly string[] {
  const { kind, values, lower, color } = series;
  const fill = palette[color];
  switch (kind) {
    case 'area':
      return [between(layout, series, values, undefined, { fill, 'fill-opacity': 0.16 })];
    case 'band':
      return [between(layout, series, values, lower, { fill, 'fill-opacity': bandOpacity(color) })];
    case 'stack': {
      const { tops, below } = stackOf(layout, series);
      return [between(layout, series, tops, below, { fill })];
    }
    case 'bars':
      return bars(layout, series, fill);
    case 'line':
    case 'fine line':
    case 'dots':
      return [];
  }
}

function strokeOf(layout: PanelLayout, series: Series, palette: Palette): readonly string[] {
  const { kind, dash, values, color } = series;
  switch (kind) {
    case 'line':
    case 'fine line':
    case 'area':
      return [
        stroke(layout, series, values, {
          stroke: palette[color],
          'stroke-width': kind === 'fine line' ? 1.25 : dash === 'dotted' ? 3 : 2,
          'stroke-dasharray': dash === 'dotted' ? '0.1 6' : dash === 'dashed' ? '7 5' : undefined,
          'stroke-linecap': dash === 'dotted' ? 'round' : undefined,
        }),
      ];
    // Between areas upon each other is a line of the ground.
    case 'stack':
      return [stroke(layout, series, stackOf(layout, series).tops, { stroke: palette.raised })];
    case 'band':
    case 'bars':
    case 'dots':
      return [];
  }
}

function dotsOf(layout: PanelLayout, series: Series, palette: Palette): readonly string[] {
  if (series.kind !== 'dots') return [];
  const fill = palette[series.color];
  return points(layout, series, series.values)
    .flat()
    .map(({ x, y }) => element('circle', { cx: at(x), cy: at(y), r: DOT_RADIUS, fill }));
}

function stroke(layout: PanelLayout, series: Series, values: Column, style: Attributes): string {
  const d = points(layout, series, values).map(pathThrough).join('');
  return element('path', { d, 'stroke-linejoin': 'bevel', ...style });
}

/** The upper edge of a series in its stack, and the lower one; the lowest stands on the bottom. */
function stackOf(
  { panel }: PanelLayout,
  series: Series,
): { readonly tops: Column; readonly below: Column | undefined } {
  const stack = panel.series.filter(({ kind }) => kind === 'stack');
  const place = stack.indexOf(series);
  const tops = stackTops(stack.slice(0, place + 1));
  return {
    tops: tops.map((top, index) => ((series.values[index] ?? null) === null ? null : top)),
    below: place === 0 ? undefined : stackTops(stack.slice(0, place)),
  };
}

/** What is between two columns, or between one and the bottom. */
function between(
  layout: PanelLayout,
  series: Series,
  upper: Column,
  lower: Column | undefined,
  style: Attributes,
): string {
  const isKnown = (index: number): boolean =>
    upper[index] !== null && (lower === undefined || lower[index] !== null);
  const known = (column: Column): Column =>
    column.map((value, index) => (isKnown(index) ? value : null));
  const floors = lower === undefined ? undefined : points(layout, series, known(lower));
  const outlines = points(layout, series, known(upper)).map((run, index) => {
    const back = floors?.[index] ?? run.map(({ x }) => ({ x, y: layout.bottom }));
    return `${pathThrough([...run, ...back.toReversed()])}Z`;
  });
  return element('path', { d: outlines.join(''), ...style });
}

/** Those of several series stand beside each other, with the worker in their middle. */
function bars(layout: PanelLayout, series: Series, color: string): readonly string[] {
  const { panel, left, right, bottom } = layout;
  const all = panel.series.filter(({ kind }) => kind === 'bars');
  const space = (right - left) / (panel.to - panel.from);
  const width = Math.min(BAR_WIDTH_MAX, Math.max(1, (space * BARS_SHARE) / all.length));
  const shift = (all.indexOf(series) - all.length / 2) * width;
  return points(layout, series, series.values)
    .flat()
    .map(({ x, y }) =>
      element('rect', {
        x: at(x + shift),
        y: at(y),
        width: at(width),
        height: at(bottom - y),
        fill: color,
      }),
    );
}

/** The points of a column in pixels, in stretches without a gap. */
function points(layout: PanelLayout, series: Series, values: Column): readonly Point[][] {
  const runs: Point[][] = [];
  let isGap = true;
  for (const [index, across] of series.across.entries()) {
    const value = values[index] ?? null;
    if (value === null) {
      isGap = true;
      continue;
    }
    if (isGap) runs.push([]);
    isGap = false;
    const y = yOf(layout, value, series.onSecondAxis);
    runs.at(-1)?.push({ x: xOf(layout, across), y });
  }
  return runs;
}
