/**
 * All words in a picture: its title, legends, titles of axes, phases and marks of the run, labels
 * of series. Words that would cover others are left out; the legend names every series anyhow.
 */

import type { Chart, Series } from '../charts/chart.ts';
import type { Palette } from '../charts/palette.ts';
import type { Mark, Phase } from '../run/run.ts';
import { type Layout, MARGIN, type PanelLayout, SUMMARY_LINE_HEIGHT, xOf, yOf } from './layout.ts';

export interface Brush {
  readonly palette: Palette;
  readonly font: string;
  /** About how many pixels a text is wide. */
  measure(text: string, font: string): number;
}

/** An element of ECharts' `graphic`. */
type Graphic = Readonly<Record<string, unknown>>;

/** A stretch of the row of phases that has words on it. */
interface Taken {
  readonly from: number;
  readonly to: number;
}

const WORD_SIZE = 13;
const WORD_GAP = 8;
const SWATCH_WIDTH = 22;
const LEGEND_GAP = 26;
const AXIS_TITLE_LEFT = 12;

export function words(chart: Chart, layout: Layout, brush: Brush): readonly Graphic[] {
  return [
    ...title(chart, layout, brush),
    ...layout.panels.flatMap((panel, index) => [
      ...gridLines(panel, brush),
      ...legend(panel, brush),
      ...axisTitles(panel, brush),
      ...(panel.panel.across === 'time' ? happenings(chart, panel, brush, index === 0) : []),
      ...labels(panel, brush),
    ]),
  ];
}

function title(chart: Chart, { titleTop }: Layout, brush: Brush): readonly Graphic[] {
  if (titleTop === undefined) return [];
  const { palette } = brush;
  return [
    text(brush, chart.title, AXIS_TITLE_LEFT, titleTop + 10, { size: 19, weight: 600 }),
    ...chart.summary.map((sentence, line) =>
      text(brush, sentence, AXIS_TITLE_LEFT, titleTop + 36 + line * SUMMARY_LINE_HEIGHT, {
        size: 14,
        fill: palette.quiet,
      }),
    ),
  ];
}

function legend(layout: PanelLayout, brush: Brush): readonly Graphic[] {
  return layout.legend.flatMap(({ y, series }) => {
    let x = layout.left;
    return series.flatMap((one) => {
      const at = x;
      x += SWATCH_WIDTH + WORD_GAP + widthOf(brush, one.name) + LEGEND_GAP;
      return [
        swatch(one, at, y, brush),
        text(brush, one.name, at + SWATCH_WIDTH + WORD_GAP, y, {}),
      ];
    });
  });
}

/** Drawn here since those of a logarithmic axis would stand at powers of ten only. */
function gridLines(layout: PanelLayout, { palette }: Brush): readonly Graphic[] {
  const { left, right, scale } = layout;
  return scale.ticks.slice(1).map((tick) => {
    const y = Math.round(yOf(layout, tick)) + 0.5;
    return {
      type: 'line',
      silent: true,
      z: 0,
      shape: { x1: left, y1: y, x2: right, y2: y },
      style: { stroke: palette.grid, lineWidth: 1 },
    };
  });
}

function swatch({ kind, color: name, dash }: Series, x: number, y: number, brush: Brush): Graphic {
  const color = brush.palette[name];
  const block = { x, y: y - 6, width: SWATCH_WIDTH, height: 12, r: 2 };
  switch (kind) {
    case 'stack':
    case 'bars':
      return { type: 'rect', silent: true, shape: block, style: { fill: color } };
    case 'band':
      return {
        type: 'rect',
        silent: true,
        shape: block,
        style: { fill: color, opacity: name === 'band' ? 1 : 0.22 },
      };
    case 'dots':
      return {
        type: 'circle',
        silent: true,
        shape: { cx: x + SWATCH_WIDTH / 2, cy: y, r: 3.5 },
        style: { fill: color },
      };
    case 'line':
    case 'fine line':
    case 'area':
      return {
        type: 'line',
        silent: true,
        shape: { x1: x, y1: y, x2: x + SWATCH_WIDTH, y2: y },
        style: {
          stroke: color,
          lineWidth: dash === 'dotted' ? 3 : 2.5,
          lineDash: dash === 'dotted' ? [0.1, 6] : dash === 'dashed' ? [6, 4] : null,
          lineCap: dash === 'dotted' ? 'round' : 'butt',
        },
      };
  }
}

function axisTitles({ panel, right, stripY }: PanelLayout, brush: Brush): readonly Graphic[] {
  const fill = brush.palette.quiet;
  const first = text(brush, panel.axis.title, AXIS_TITLE_LEFT, stripY, { fill });
  if (panel.secondAxis === undefined) return [first];
  const edge = right + MARGIN - AXIS_TITLE_LEFT;
  return [first, text(brush, panel.secondAxis.title, edge, stripY, { fill, align: 'right' })];
}

/** Lines where a phase begins or something happened, and their names in the row above. */
function happenings(
  chart: Chart,
  layout: PanelLayout,
  brush: Brush,
  isFirst: boolean,
): readonly Graphic[] {
  const { panel, left, right } = layout;
  const isInside = (second: number): boolean => second > panel.from && second < panel.to;
  const taken: Taken[] = [
    { from: 0, to: AXIS_TITLE_LEFT + widthOf(brush, panel.axis.title) },
    ...(panel.secondAxis
      ? [
          {
            from: right + MARGIN - AXIS_TITLE_LEFT - widthOf(brush, panel.secondAxis.title),
            to: right + MARGIN,
          },
        ]
      : []),
  ];
  const starts = chart.phases.filter(({ fromSecond }) => isInside(fromSecond));
  const marks = chart.marks.filter(({ second }) => isInside(second));
  return [
    ...starts.map(({ fromSecond }) => upright(layout, fromSecond, brush, false)),
    ...marks.map(({ second }) => upright(layout, second, brush, true)),
    ...(isFirst
      ? [
          // Marks are few and say more, so they choose their places first.
          ...marks.flatMap((mark) => markName(mark, layout, brush, taken, { left, right })),
          ...chart.phases.flatMap((phase) => phaseName(phase, layout, brush, taken)),
        ]
      : []),
  ];
}

function upright(layout: PanelLayout, second: number, brush: Brush, isMark: boolean): Graphic {
  const x = Math.round(xOf(layout, second)) + 0.5;
  return {
    type: 'line',
    silent: true,
    z: 5,
    shape: { x1: x, y1: layout.top - (isMark ? 4 : 0), x2: x, y2: layout.bottom },
    style: {
      stroke: isMark ? brush.palette.ink : brush.palette.quiet,
      lineWidth: 1,
      opacity: isMark ? 0.75 : 0.5,
      lineDash: isMark ? null : [2, 3],
    },
  };
}

function phaseName(
  { name, fromSecond, toSecond }: Phase,
  layout: PanelLayout,
  brush: Brush,
  taken: Taken[],
): readonly Graphic[] {
  const { panel, stripY } = layout;
  const from = xOf(layout, Math.max(fromSecond, panel.from));
  const to = xOf(layout, Math.min(toSecond, panel.to));
  const width = widthOf(brush, name);
  if (width > to - from - WORD_GAP) return [];
  for (const start of [(from + to) / 2 - width / 2, from + 3, to - width - 3]) {
    if (!take(taken, start, start + width)) continue;
    return [text(brush, name, start, stripY, { fill: brush.palette.quiet })];
  }
  return [];
}

function markName(
  { name, second }: Mark,
  layout: PanelLayout,
  brush: Brush,
  taken: Taken[],
  edges: { readonly left: number; readonly right: number },
): readonly Graphic[] {
  const width = widthOf(brush, name);
  const x = xOf(layout, second);
  for (const start of [x - width / 2, x - 3, x - width + 3]) {
    const isInside = start >= edges.left && start + width <= edges.right;
    if (!isInside || !take(taken, start, start + width)) continue;
    return [text(brush, name, start, layout.stripY, { weight: 600 })];
  }
  return [];
}

/** Claims a stretch of the row, unless somebody has it. */
function take(taken: Taken[], from: number, to: number): boolean {
  if (taken.some((other) => from < other.to + WORD_GAP && to > other.from - WORD_GAP)) return false;
  taken.push({ from, to });
  return true;
}

function labels(layout: PanelLayout, brush: Brush): readonly Graphic[] {
  return layout.panel.series.flatMap(({ label, onSecondAxis }) => {
    if (label === undefined) return [];
    const width = widthOf(brush, label.text);
    const least = layout.left + width / 2 + WORD_GAP;
    const most = layout.right - width / 2 - WORD_GAP;
    const x = Math.min(most, Math.max(least, xOf(layout, label.across)));
    const y = yOf(layout, label.value, onSecondAxis);
    const shift = { above: -14, below: 14, middle: 0 }[label.side];
    const fill = brush.palette[label.color];
    return [text(brush, label.text, x, y + shift, { fill, weight: 600, align: 'center' })];
  });
}

interface TextStyle {
  readonly fill?: string;
  readonly size?: number;
  readonly weight?: 400 | 600;
  readonly align?: 'left' | 'center' | 'right';
}

function text(brush: Brush, words: string, x: number, y: number, style: TextStyle): Graphic {
  const { fill = brush.palette.ink, size = WORD_SIZE, weight = 400, align = 'left' } = style;
  return {
    type: 'text',
    silent: true,
    z: 10,
    x: Math.round(x * 10) / 10,
    y: Math.round(y * 10) / 10,
    style: {
      text: words,
      fill,
      fontSize: size,
      fontWeight: weight,
      fontFamily: brush.font,
      align,
      verticalAlign: 'middle',
    },
  };
}

function widthOf(brush: Brush, words: string): number {
  return brush.measure(words, `${WORD_SIZE}px ${brush.font}`);
}
