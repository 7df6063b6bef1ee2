/** The series of a panel in the words of ECharts. */

import type { Series } from '../charts/chart.ts';
import type { ColorName, Palette } from '../charts/palette.ts';
import type { Column } from '../run/columns.ts';
import type { PanelLayout } from './layout.ts';

/** Which axes of the picture are those of the panel; the second one follows the first. */
interface Axes {
  readonly xAxisIndex: number;
  readonly yAxisIndex: number;
}

/** Of the space that a worker has along the bottom, what its bars fill. */
const BARS_SHARE = 0.74;
const BAR_WIDTH_MAX = 72;

const STEADY = { silent: true, animation: false, emphasis: { disabled: true } } as const;

export function seriesOptions(
  layout: PanelLayout,
  palette: Palette,
  axes: Axes,
): readonly Readonly<Record<string, unknown>>[] {
  const { panel, left, right } = layout;
  const bars = Math.max(1, panel.series.filter(({ kind }) => kind === 'bars').length);
  const space = (right - left) / (panel.to - panel.from);
  return panel.series.flatMap((series, index): readonly Readonly<Record<string, unknown>>[] => {
    const base = {
      ...STEADY,
      xAxisIndex: axes.xAxisIndex,
      yAxisIndex: axes.yAxisIndex + (series.onSecondAxis ? 1 : 0),
      clip: true,
    };
    const data = pointsOf(series.across, series.values);
    const color = palette[series.color];
    switch (series.kind) {
      case 'line':
      case 'fine line':
        return [{ ...base, ...line(series, color), data }];
      case 'area':
        return [{ ...base, ...line(series, color), areaStyle: { color, opacity: 0.16 }, data }];
      case 'stack':
        return [{ ...base, ...stacked(`stack ${axes.xAxisIndex}`, color, palette), data }];
      case 'band':
        return band(base, `band ${axes.xAxisIndex} ${index}`, series, color);
      case 'bars': {
        const barWidth = Math.min(BAR_WIDTH_MAX, Math.max(1, (space * BARS_SHARE) / bars));
        return [{ ...base, type: 'bar', barWidth, barGap: '0%', itemStyle: { color }, data }];
      }
      case 'dots':
        return [
          { ...base, z: 4, type: 'scatter', symbolSize: 6, itemStyle: { color, opacity: 1 }, data },
        ];
    }
  });
}

function line(series: Series, color: string) {
  const width = series.kind === 'fine line' ? 1.25 : series.dash === 'dotted' ? 3 : 2;
  const type = series.dash === 'dotted' ? [0.1, 6] : series.dash === 'dashed' ? [7, 5] : 'solid';
  return {
    type: 'line',
    symbol: 'none',
    connectNulls: false,
    lineStyle: { color, width, type, cap: series.dash === 'dotted' ? 'round' : 'butt' },
  };
}

/** Areas upon each other, with a line of the ground between them. */
function stacked(stack: string, color: string, palette: Palette) {
  return {
    type: 'line',
    symbol: 'none',
    stack,
    lineStyle: { color: palette.raised, width: 1 },
    areaStyle: { color, opacity: 1 },
  };
}

/** What is between two columns: the lower one unseen, and the difference upon it. */
function band(base: object, stack: string, series: Series, color: string) {
  const lower = series.lower ?? series.values.map(() => 0);
  const difference = series.values.map((value, index) => {
    const low = lower[index] ?? null;
    return value === null || low === null ? null : value - low;
  });
  const common = { ...base, type: 'line', symbol: 'none', stack, lineStyle: { width: 0, color } };
  return [
    { ...common, data: pointsOf(series.across, lower) },
    {
      ...common,
      areaStyle: { color, opacity: bandOpacity(series.color) },
      data: pointsOf(series.across, difference),
    },
  ];
}

/** The colour made for bands covers; any other one lets the lines behind it through. */
function bandOpacity(color: ColorName): number {
  return color === 'band' ? 1 : 0.22;
}

function pointsOf(across: readonly number[], values: Column): readonly (readonly unknown[])[] {
  return across.map((at, index) => [Math.round(at * 100) / 100, values[index] ?? '-']);
}
