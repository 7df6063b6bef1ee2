/**
 * Charts as SVG, drawn by Apache ECharts without a browser. ECharts draws axes and series; where
 * they are comes from `layout.ts`, and all words in a picture from `draw-words.ts`.
 *
 * It is loaded when the first chart is drawn: no other command pays for it.
 */

import type { ECharts, EChartsCoreOption } from 'echarts/core';
import type { Axis, Chart } from '../charts/chart.ts';
import type { Palette } from '../charts/palette.ts';
import { seriesOptions } from './draw-series.ts';
import { type Brush, words } from './draw-words.ts';
import { layOut, type PanelLayout } from './layout.ts';
import { type Scale, timeTicks, timeTickText, workerTicks } from './scale.ts';

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

export interface Artist {
  draw(chart: Chart, style: Style): string;
}

/** Loads the library. */
export async function createArtist(): Promise<Artist> {
  const [{ init, use, format }, charts, components, renderers] = await Promise.all([
    import('echarts/core'),
    import('echarts/charts'),
    import('echarts/components'),
    import('echarts/renderers'),
  ]);
  use([
    charts.LineChart,
    charts.BarChart,
    charts.ScatterChart,
    components.GridComponent,
    components.GraphicComponent,
    renderers.SVGRenderer,
  ]);
  const measure = (text: string, font: string): number => format.getTextRect(text, font).width;
  return {
    draw: (chart, style) => {
      const { width, height } = layOut(chart, style.isAlone);
      const canvas = init(null, null, { renderer: 'svg', ssr: true, width, height });
      canvas.setOption(optionOf(chart, style, measure));
      return render(canvas);
    },
  };
}

function render(canvas: ECharts): string {
  try {
    return cleanUp(canvas.renderToSVGString());
  } finally {
    canvas.dispose();
  }
}

/** Takes out what is there for a pointer over the picture; the page has its own way. */
function cleanUp(svg: string): string {
  return svg
    .replace(/<style\s*>[\s\S]*?<\/style>/, '')
    .replace(/ class="[^"]*"/g, '')
    .replace(/ pointer-events="visible"/g, '')
    .replace(/ version="1.1" baseProfile="full"/, '')
    .replace(/ xmlns:xlink="[^"]*"/, '')
    .replace(/>\n+</g, '><')
    .trim();
}

function optionOf(chart: Chart, style: Style, measure: Brush['measure']): EChartsCoreOption {
  const { palette, font, isAlone } = style;
  const layout = layOut(chart, isAlone);
  const axes = layout.panels.flatMap((panel, index) => valueAxes(panel, index, style));
  return {
    animation: false,
    ...(isAlone ? { backgroundColor: palette.raised } : {}),
    textStyle: { fontFamily: font },
    grid: layout.panels.map(({ left, right, top, bottom }) => ({
      left,
      top,
      width: right - left,
      height: bottom - top,
      containLabel: false,
      outerBoundsMode: 'none',
    })),
    xAxis: layout.panels.map((panel, index) => bottomAxis(panel, index, style)),
    yAxis: axes,
    series: layout.panels.flatMap((panel, index) =>
      seriesOptions(panel, palette, {
        xAxisIndex: index,
        yAxisIndex: axes.findIndex(({ gridIndex }) => gridIndex === index),
      }),
    ),
    graphic: words(chart, layout, { palette, font, measure }),
  };
}

function bottomAxis({ panel }: PanelLayout, gridIndex: number, { palette, font }: Style) {
  const isTime = panel.across === 'time';
  const ticks = isTime ? timeTicks(panel.from, panel.to) : workerTicks(panel.to + 0.5);
  return {
    type: 'value',
    gridIndex,
    min: panel.from,
    max: panel.to,
    // The ends are those of the layout, also where bars would reach beyond them.
    containShape: false,
    splitLine: { show: false },
    axisLine: { onZero: false, lineStyle: { color: palette.rule } },
    axisTick: { show: isTime, customValues: ticks, lineStyle: { color: palette.rule }, length: 5 },
    axisLabel: {
      customValues: ticks,
      formatter: isTime ? timeTickText : String,
      color: palette.quiet,
      fontFamily: font,
      fontSize: 13,
      margin: 9,
    },
  };
}

function valueAxes(layout: PanelLayout, gridIndex: number, style: Style) {
  const { panel, scale, secondScale } = layout;
  const first = valueAxis(panel.axis, scale, gridIndex, style, 'left');
  if (panel.secondAxis === undefined || secondScale === undefined) return [first];
  return [first, valueAxis(panel.secondAxis, secondScale, gridIndex, style, 'right')];
}

function valueAxis(
  axis: Axis,
  scale: Scale,
  gridIndex: number,
  { palette, font }: Style,
  position: 'left' | 'right',
) {
  return {
    type: axis.scale === 'logarithmic' ? 'log' : 'value',
    gridIndex,
    position,
    min: scale.min,
    max: scale.max,
    ...(axis.scale === 'linear' ? { interval: (scale.ticks[1] ?? 1) - (scale.ticks[0] ?? 0) } : {}),
    splitLine: { show: false },
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: {
      customValues: scale.ticks,
      formatter: scale.format,
      color: palette.quiet,
      fontFamily: font,
      fontSize: 13,
      margin: 10,
    },
  };
}
