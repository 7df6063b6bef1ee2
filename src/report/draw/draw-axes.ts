/** The axes of a panel: lines at the ticks, the bottom line, and what is written at the ticks. */

import type { Palette } from '../charts/palette.ts';
import { text } from './draw-text.ts';
import { type PanelLayout, xOf, yOf } from './layout.ts';
import { timeTicks, timeTickText, workerTicks } from './scale.ts';
import { at, element } from './svg.ts';

const TICK_LENGTH = 5;
/** From the edge of the plot to the words at the side, and to the middle of those below. */
const SIDE_GAP = 10;
const BELOW_GAP = 15.5;

export function axes(layout: PanelLayout, palette: Palette): string {
  return [
    ...gridLines(layout, palette),
    ...bottomAxis(layout, palette),
    ...valueLabels(layout, palette),
  ].join('');
}

function gridLines(layout: PanelLayout, { grid }: Palette): readonly string[] {
  const { left, right, scale } = layout;
  return scale.ticks.slice(1).map((tick) => {
    // A line of one pixel is sharp when its middle is that of a pixel.
    const y = Math.round(yOf(layout, tick)) + 0.5;
    return element('path', { d: `M${left} ${y}H${right}`, stroke: grid });
  });
}

function bottomAxis(layout: PanelLayout, { rule, quiet }: Palette): readonly string[] {
  const { panel, left, right, bottom } = layout;
  const isTime = panel.across === 'time';
  const ticks = isTime ? timeTicks(panel.from, panel.to) : workerTicks(panel.to + 0.5);
  const strokes = isTime
    ? ticks.map((tick) => `M${Math.floor(xOf(layout, tick)) + 0.5} ${at(bottom)}v${TICK_LENGTH}`)
    : [];
  const line = `M${left} ${Math.round(bottom) + 0.5}H${right}`;
  return [
    element('path', { d: [line, ...strokes].join(''), stroke: rule }),
    ...ticks.map((tick) =>
      text(isTime ? timeTickText(tick) : String(tick), xOf(layout, tick), bottom + BELOW_GAP, {
        fill: quiet,
        align: 'center',
      }),
    ),
  ];
}

function valueLabels(layout: PanelLayout, { quiet: fill }: Palette): readonly string[] {
  const { left, right, scale, secondScale } = layout;
  const atLeft = scale.ticks.map((tick) =>
    text(scale.format(tick), left - SIDE_GAP, yOf(layout, tick), { fill, align: 'right' }),
  );
  const atRight = secondScale?.ticks.map((tick) =>
    text(secondScale.format(tick), right + SIDE_GAP, yOf(layout, tick, true), { fill }),
  );
  return [...atLeft, ...(atRight ?? [])];
}
