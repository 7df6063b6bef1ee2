import { beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MadeRun, writeMadeRun } from '../../../test/support/made-run.ts';
import { chartsOf } from '../charts/all.ts';
import type { Chart } from '../charts/chart.ts';
import { PAGE_PALETTE, PALETTES } from '../charts/palette.ts';
import { readRecording } from '../recording/read.ts';
import { createRun, type Run } from '../run/run.ts';
import { draw, PICTURE_FONT } from './draw.ts';
import { hoverOf } from './hover.ts';
import { layOut, xOf, yOf } from './layout.ts';
import { createPrinter } from './picture.ts';

let many: Run;
let few: Run;

beforeAll(() => {
  many = made('many', { workers: 53 });
  few = made('few', { workers: 4, failsOneOf: 400 });
});

function made(name: string, changes: Partial<MadeRun>): Run {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-draw-'));
  try {
    writeMadeRun(folder, changes);
    return createRun(name, readRecording(folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function drawn(chart: Chart): string {
  return draw(chart, { palette: PALETTES.light, font: PICTURE_FONT, isAlone: true });
}

function textsOf(svg: string): readonly string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) =>
    text.replaceAll('&#39;', "'"),
  );
}

function chart(id: string, runs: readonly [Run] | readonly [Run, Run]): Chart {
  const found = chartsOf(runs).find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no chart ${id}`);
  return found;
}

describe('charts of one run', () => {
  test('are six, each with a title and a sentence in its picture', () => {
    const charts = chartsOf([many]);
    expect(charts.map(({ id }) => id)).toEqual([
      'connections-memory',
      'cpu',
      'pauses',
      'connect-rate',
      'latency',
      'spread',
    ]);
    for (const one of charts) {
      expect(textsOf(drawn(one))).toEqual(expect.arrayContaining([one.title, ...one.summary]));
    }
  });

  test('connections are dotted above memory in three parts that add up', () => {
    const { panels } = chart('connections-memory', [many]);
    const names = panels[0]?.series.map(({ name, kind, dash }) => [name, dash ?? kind]);
    expect(names).toEqual([
      ['JavaScript heap', 'stack'],
      ['other process memory', 'stack'],
      ['kernel', 'stack'],
      ['connections', 'dotted'],
    ]);
    const [heap, other] = panels[0]?.series ?? [];
    const resident = 53 * 62e6 + 96e6 + 2_400 * 1_000_000;
    expect(heap?.values[240]).toBe(53 * 4e6 + 850 * 1_000_000);
    expect(other?.values[240]).toBe(resident - (53 * 4e6 + 850 * 1_000_000));
  });

  test('many workers are a band, few have a line each', () => {
    const kinds = (run: Run) => chart('cpu', [run]).panels[0]?.series.map(({ kind }) => kind);
    expect(kinds(many)).toEqual(['band', 'line']);
    expect(kinds(few)).toEqual(Array.from({ length: 4 }, () => 'fine line'));
  });

  test('failures have a panel by name, and none without any', () => {
    expect(chart('connect-rate', [many]).panels).toHaveLength(1);
    const [, failures] = chart('connect-rate', [few]).panels;
    expect(failures?.series.map(({ name }) => name)).toEqual(['ECONNRESET']);
  });

  test('deliveries of one broadcast are shown in their own time', () => {
    const [delivery, connect] = chart('latency', [many]).panels;
    expect([delivery?.from, delivery?.to]).toEqual([265, 280]);
    expect(connect?.from).toBeCloseTo(-4.97);
  });
});

describe('charts of two runs', () => {
  test('name both in each legend', () => {
    for (const one of chartsOf([many, few])) {
      const texts = textsOf(drawn(one)).join('\n');
      expect(texts).toContain('many');
      expect(texts).toContain('few');
    }
  });
});

describe('a drawing', () => {
  test('has its points where the layout says they are', () => {
    const one = chart('spread', [few]);
    const [panel] = layOut(one, true).panels;
    const { across, values } = one.panels[0]!.series[0]!;
    const boxes = [
      ...drawn(one).matchAll(/x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"/g),
    ];
    for (const [index, value] of values.entries()) {
      const x = xOf(panel!, across[index]!);
      const height = panel!.bottom - yOf(panel!, value!);
      const box = boxes.find(([, left, width]) => Math.abs(+left! + +width! / 2 - x) < 1);
      expect(Number(box?.[3])).toBeCloseTo(height, 0);
    }
  });

  test('takes the colours of the page as variables, without a ground of its own', () => {
    const style = { palette: PAGE_PALETTE, font: 'inherit', isAlone: false };
    const svg = draw(chart('cpu', [many]), style);
    expect([...svg.matchAll(/="(#[0-9a-f]{6}|rgb[^"]*)"|<style|class=/g)].map(String)).toEqual([]);
    expect(svg.includes('var(--accent)')).toBe(true);
    expect(svg.includes('var(--raised)')).toBe(false);
  });

  test('gives the page the values under the pointer', () => {
    const [panel] = hoverOf(chart('connections-memory', [many]));
    const rows = panel!.groups.flatMap(({ across, rows: found }) => {
      const at = across.findIndex((second) => second >= 230);
      return found.map(({ name, values }) => [name, values[at]]);
    });
    expect(rows).toEqual([
      ['JavaScript heap', '1,013 MiB'],
      ['other process memory', '4.4 GiB'],
      ['kernel', '6.15 GiB'],
      ['connections', '1,000,000'],
    ]);
  });
});

test('a PNG has its words without any font of the system', async () => {
  const print = await createPrinter();
  const svg = (words: string): string =>
    '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40">' +
    `<text x="5" y="25" font-family="${PICTURE_FONT}" font-size="14">${words}</text></svg>`;
  const [empty, written] = [print(svg('')), print(svg('Connections'))];
  expect(Buffer.from(written).toString('latin1', 1, 4)).toBe('PNG');
  expect(Buffer.from(written).readUInt32BE(16)).toBe(400);
  expect(written.length).toBeGreaterThan(empty.length + 500);
});
