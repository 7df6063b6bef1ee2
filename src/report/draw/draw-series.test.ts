import { expect, test } from 'bun:test';
import type { Chart, Series } from '../charts/chart.ts';
import { PALETTES } from '../charts/palette.ts';
import { seriesShapes } from './draw-series.ts';
import { layOut } from './layout.ts';

const ACROSS = [0, 1, 2, 3];

function shapesOf(
  series: readonly (Pick<Series, 'kind' | 'values'> & Partial<Series>)[],
): readonly string[] {
  const chart: Chart = {
    id: 'made',
    title: 'made',
    summary: [],
    explanation: '',
    phases: [],
    marks: [],
    panels: [
      {
        title: 'made',
        height: 100,
        across: 'time',
        from: 0,
        to: 3,
        axis: { title: 'a', unit: 'count', scale: 'linear', atLeast: 4 },
        series: series.map((one) => ({ name: '', color: 'accent', across: ACROSS, ...one })),
      },
    ],
  };
  const [panel] = layOut(chart, false).panels;
  if (panel === undefined) throw new Error('the chart has no panel');
  const { left, right, bottom } = panel;
  expect([left, right, bottom]).toEqual([84, 996, 135]);
  const svg = seriesShapes(panel, PALETTES.light, 'clip');
  return [...svg.slice(svg.indexOf('<g ')).matchAll(/<(?:path|rect|circle) [^>]*>/g)].map(String);
}

const pathOf = (shape: string | undefined): string | undefined => shape?.match(/ d="([^"]*)"/)?.[1];

test('a line and an area have a gap where there is no value', () => {
  const [fill, line] = shapesOf([{ kind: 'area', values: [0, 4, null, 2] }]);
  expect(pathOf(line)).toBe('M84 135L388 35M996 85');
  expect(pathOf(fill)).toBe('M84 135L388 35L388 135L84 135ZM996 85L996 135Z');
});

test('a band is between its columns, and has a gap where either has no value', () => {
  const [band] = shapesOf([{ kind: 'band', values: [4, 4, null, 2], lower: [2, 2, 1, null] }]);
  expect(pathOf(band)).toBe('M84 35L388 35L388 85L84 85Z');
});

test('a stack stands upon those before it, or on the bottom where they have no value', () => {
  const [, upper] = shapesOf([
    { kind: 'stack', values: [1, 1, null, null] },
    { kind: 'stack', values: [1, 1, 2, null] },
  ]);
  expect(pathOf(upper)).toBe('M84 85L388 85L692 85L692 135L388 110L84 110Z');
});

test('what covers lies below the lines of all series, and dots above them', () => {
  const shapes = shapesOf([
    { kind: 'dots', values: [1, null, null, null] },
    { kind: 'line', values: [1, 2, 3, 4] },
    { kind: 'band', values: [4, 4, 4, 4], lower: [1, 1, 1, 1] },
  ]);
  expect(shapes.map((shape) => shape.match(/^<path.*fill=|^<\w+/)?.[0].slice(1, 5))).toEqual([
    'path',
    'path',
    'circ',
  ]);
  expect(shapes[0]).toContain('fill=');
  expect(shapes[1]).toContain('stroke=');
});

test('bars of two series stand beside each other around their worker', () => {
  const shapes = shapesOf([
    { kind: 'bars', values: [null, 4, null, null] },
    { kind: 'bars', values: [null, 2, null, null] },
  ]);
  expect(shapes.map((shape) => shape.match(/ (?:x|y|width|height)="[^"]*"/g)?.join(''))).toEqual([
    ' x="316" y="35" width="72" height="100"',
    ' x="388" y="85" width="72" height="50"',
  ]);
});
