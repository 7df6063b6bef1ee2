/**
 * All words in a picture but those at the ticks: its title, legends, titles of axes, phases and
 * marks of the run, labels of series. Words that would cover others are left out; the legend names
 * every series anyhow.
 */

import type { Chart, Series } from '../charts/chart.ts';
import type { Palette } from '../charts/palette.ts';
import type { Mark, Phase } from '../run/run.ts';
import { bandOpacity } from './draw-series.ts';
import { text, widthOf } from './draw-text.ts';
import { type Layout, MARGIN, type PanelLayout, SUMMARY_LINE_HEIGHT, xOf, yOf } from './layout.ts';
import { at, element } from './svg.ts';

/** A stretch of the row of phases that has words on it. */
interface Taken {
  readonly from: number;
  readonly to: number;
}

const WORD_GAP = 8;
const SWATCH_WIDTH = 22;
const LEGEND_GAP = 26;
const AXIS_TITLE_LEFT = 12;

export function words(chart: Chart, layout: Layout, palette: Palette): readonly string[] {
  return [
    ...title(chart, layout, palette),
    ...layout.panels.flatMap((panel, index) => [
      ...legend(panel, palette),
      ...axisTitles(panel, palette),
      ...(panel.panel.across === 'time' ? happenings(chart, panel, palette, index === 0) : []),
      ...labels(panel, palette),
    ]),
  ];
}

function title(chart: Chart, { titleTop }: Layout, palette: Palette): readonly string[] {
  if (titleTop === undefined) return [];
  return [
    text(chart.title, AXIS_TITLE_LEFT, titleTop + 10, {
      fill: palette.ink,
      size: 19,
      weight: 600,
    }),
    ...chart.summary.map((sentence, line) =>
      text(sentence, AXIS_TITLE_LEFT, titleTop + 36 + line * SUMMARY_LINE_HEIGHT, {
        size: 14,
        fill: palette.quiet,
      }),
    ),
  ];
}

function legend(layout: PanelLayout, palette: Palette): readonly string[] {
  return layout.legend.flatMap(({ y, series }) => {
    let x = layout.left;
    return series.flatMap((one) => {
      const start = x;
      x += SWATCH_WIDTH + WORD_GAP + widthOf(one.name) + LEGEND_GAP;
      return [
        swatch(one, start, y, palette),
        text(one.name, start + SWATCH_WIDTH + WORD_GAP, y, { fill: palette.ink }),
      ];
    });
  });
}

function swatch(
  { kind, color: name, dash }: Series,
  x: number,
  y: number,
  palette: Palette,
): string {
  const color = palette[name];
  switch (kind) {
    case 'stack':
    case 'bars':
    case 'band':
      return element('rect', {
        x: at(x),
        y: at(y - 6),
        width: SWATCH_WIDTH,
        height: 12,
        rx: 2,
        fill: color,
        'fill-opacity': kind === 'band' ? bandOpacity(name) : undefined,
      });
    case 'dots':
      return element('circle', { cx: at(x + SWATCH_WIDTH / 2), cy: at(y), r: 3.5, fill: color });
    case 'line':
    case 'fine line':
    case 'area':
      return element('path', {
        d: `M${at(x)} ${at(y)}h${SWATCH_WIDTH}`,
        stroke: color,
        'stroke-width': dash === 'dotted' ? 3 : 2.5,
        'stroke-dasharray': dash === 'dotted' ? '0.1 6' : dash === 'dashed' ? '6 4' : undefined,
        'stroke-linecap': dash === 'dotted' ? 'round' : undefined,
      });
  }
}

function axisTitles({ panel, right, stripY }: PanelLayout, palette: Palette): readonly string[] {
  const fill = palette.quiet;
  const first = text(panel.axis.title, AXIS_TITLE_LEFT, stripY, { fill });
  if (panel.secondAxis === undefined) return [first];
  const edge = right + MARGIN - AXIS_TITLE_LEFT;
  return [first, text(panel.secondAxis.title, edge, stripY, { fill, align: 'right' })];
}

/** Lines where a phase begins or something happened, and their names in the row above. */
function happenings(
  chart: Chart,
  layout: PanelLayout,
  palette: Palette,
  isFirst: boolean,
): readonly string[] {
  const { panel, left, right } = layout;
  const isInside = (second: number): boolean => second > panel.from && second < panel.to;
  const taken: Taken[] = [
    { from: 0, to: AXIS_TITLE_LEFT + widthOf(panel.axis.title) },
    ...(panel.secondAxis
      ? [
          {
            from: right + MARGIN - AXIS_TITLE_LEFT - widthOf(panel.secondAxis.title),
            to: right + MARGIN,
          },
        ]
      : []),
  ];
  const starts = chart.phases.filter(({ fromSecond }) => isInside(fromSecond));
  const marks = chart.marks.filter(({ second }) => isInside(second));
  return [
    ...starts.map(({ fromSecond }) => upright(layout, fromSecond, palette, false)),
    ...marks.map(({ second }) => upright(layout, second, palette, true)),
    ...(isFirst
      ? [
          // Marks are few and say more, so they choose their places first.
          ...marks.flatMap((mark) => markName(mark, layout, palette, taken, { left, right })),
          ...chart.phases.flatMap((phase) => phaseName(phase, layout, palette, taken)),
        ]
      : []),
  ];
}

function upright(layout: PanelLayout, second: number, palette: Palette, isMark: boolean): string {
  const x = Math.round(xOf(layout, second)) + 0.5;
  return element('path', {
    d: `M${x} ${at(layout.top - (isMark ? 4 : 0))}V${at(layout.bottom)}`,
    stroke: isMark ? palette.ink : palette.quiet,
    'stroke-opacity': isMark ? 0.75 : 0.5,
    'stroke-dasharray': isMark ? undefined : '2 3',
  });
}

function phaseName(
  { name, fromSecond, toSecond }: Phase,
  layout: PanelLayout,
  palette: Palette,
  taken: Taken[],
): readonly string[] {
  const { panel, stripY } = layout;
  const from = xOf(layout, Math.max(fromSecond, panel.from));
  const to = xOf(layout, Math.min(toSecond, panel.to));
  const width = widthOf(name);
  if (width > to - from - WORD_GAP) return [];
  for (const start of [(from + to) / 2 - width / 2, from + 3, to - width - 3]) {
    if (!take(taken, start, start + width)) continue;
    return [text(name, start, stripY, { fill: palette.quiet })];
  }
  return [];
}

function markName(
  { name, second }: Mark,
  layout: PanelLayout,
  palette: Palette,
  taken: Taken[],
  edges: { readonly left: number; readonly right: number },
): readonly string[] {
  const width = widthOf(name);
  const x = xOf(layout, second);
  for (const start of [x - width / 2, x - 3, x - width + 3]) {
    const isInside = start >= edges.left && start + width <= edges.right;
    if (!isInside || !take(taken, start, start + width)) continue;
    return [text(name, start, layout.stripY, { fill: palette.ink, weight: 600 })];
  }
  return [];
}

/** Claims a stretch of the row, unless somebody has it. */
function take(taken: Taken[], from: number, to: number): boolean {
  if (taken.some((other) => from < other.to + WORD_GAP && to > other.from - WORD_GAP)) return false;
  taken.push({ from, to });
  return true;
}

function labels(layout: PanelLayout, palette: Palette): readonly string[] {
  return layout.panel.series.flatMap(({ label, onSecondAxis }) => {
    if (label === undefined) return [];
    const width = widthOf(label.text);
    const least = layout.left + width / 2 + WORD_GAP;
    const most = layout.right - width / 2 - WORD_GAP;
    const x = Math.min(most, Math.max(least, xOf(layout, label.across)));
    const y = yOf(layout, label.value, onSecondAxis);
    const shift = { above: -14, below: 14, middle: 0 }[label.side];
    const fill = palette[label.color];
    return [text(label.text, x, y + shift, { fill, weight: 600, align: 'center' })];
  });
}
