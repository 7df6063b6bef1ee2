/**
 * Charts as SVG, without a library: where everything is comes from `layout.ts`, and the drawing is
 * text put together, the axes first, then the series, then lines and words over them.
 */

import type { Chart } from '../charts/chart.ts';
import type { Palette } from '../charts/palette.ts';
import { axes } from './draw-axes.ts';
import { seriesShapes } from './draw-series.ts';
import { WORD_SIZE } from './draw-text.ts';
import { words } from './draw-words.ts';
import { layOut } from './layout.ts';
import { element } from './svg.ts';

/** The face of pictures; `picture.ts` brings it along, a browser falls back to its own. */
export const PICTURE_FONT =
  "'IBM Plex Sans', system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/** What differs between a picture in a file and one on the page. */
export interface Style {
  readonly palette: Palette;
  readonly font: string;
  /** With a title and a ground of its own. */
  readonly isAlone: boolean;
}

export function draw(chart: Chart, { palette, font, isAlone }: Style): string {
  const layout = layOut(chart, isAlone);
  const { width, height, panels } = layout;
  const content = [
    isAlone ? element('rect', { width, height, fill: palette.raised }) : '',
    ...panels.map((panel) => axes(panel, palette)),
    // Names of clips are those of the whole page, on which every chart stands once.
    ...panels.map((panel, index) => seriesShapes(panel, palette, `clip-${chart.id}-${index}`)),
    ...words(chart, layout, palette),
  ];
  return element(
    'svg',
    {
      width,
      height,
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      fill: 'none',
      'font-family': font,
      'font-size': WORD_SIZE,
    },
    content.join(''),
  );
}
