/**
 * `holdfast report`, put together: recordings in, a page and pictures out. Everything is made
 * before the first byte is written, and only files of the report itself are ever written:
 * `report.html`, and `pictures/<chart>[-dark].svg` and `.png`.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { chartsOf } from './charts/all.ts';
import type { Runs } from './charts/compose.ts';
import { PAGE_PALETTE, PALETTES, type Scheme } from './charts/palette.ts';
import { draw, PICTURE_FONT } from './draw/draw.ts';
import { createPrinter, NoPrinterError, type Printer } from './draw/picture.ts';
import { type DrawnChart, pageOf } from './page/page.ts';
import type { PageRun } from './page/page-figures.ts';
import { readRecording } from './recording/read.ts';
import type { Figure } from './run/figure.ts';
import { computeFigures } from './run/figures.ts';
import { createRun } from './run/run.ts';

export interface Report {
  /** The page that was written. */
  readonly page: string;
  /** The pictures that were written. */
  readonly pictures: readonly string[];
  /** What a whole report has beside that, and why it is left out; in one sentence. */
  readonly leftOut: string | undefined;
  readonly runs: readonly ReportedRun[];
}

export interface ReportedRun {
  readonly name: string;
  readonly path: string;
  /** Absent when the fleet has no log, or did not come to its end. */
  readonly verdict: 'passed' | 'failed' | 'void' | undefined;
  readonly figures: readonly Figure[];
  /** What is missing or odd about the recording, one sentence each. */
  readonly notes: readonly string[];
}

interface NewFile {
  readonly path: string;
  readonly content: string | Uint8Array;
}

const NAME_LENGTH_MAX = 31;

const SCHEMES: readonly Scheme[] = ['light', 'dark'];

/**
 * @param folders one recorded run, or two to lay over each other
 * @param out where the report goes; made when there is no such folder
 * @throws RecordingError when a recording cannot be read; Error of the file system while writing
 */
export async function writeReport(
  folders: readonly [string] | readonly [string, string],
  out: string,
): Promise<Report> {
  const runs = readRuns(folders);
  const printer = await printerIfAny();
  const print = printer instanceof NoPrinterError ? undefined : printer;
  const charts = chartsOf(runs);
  const pageRuns = runs.map((run): PageRun => ({ run, figures: computeFigures(run) }));
  const drawn = charts.map(
    (chart): DrawnChart => ({
      chart,
      svg: draw(chart, { palette: PAGE_PALETTE, font: 'inherit', isAlone: false }),
    }),
  );
  const page = { path: join(out, 'report.html'), content: pageOf(pageRuns, drawn) };
  const pictures = drawn.flatMap(({ chart }) => picturesOf(chart, print, out));
  mkdirSync(join(out, 'pictures'), { recursive: true });
  for (const { path, content } of [...pictures, page]) writeFileSync(path, content);
  return {
    page: page.path,
    pictures: pictures.map(({ path }) => path),
    leftOut: printer instanceof NoPrinterError ? printer.message : undefined,
    runs: pageRuns.map(({ run, figures }) => ({
      name: run.name,
      path: run.path,
      verdict: run.fleet?.verdict?.verdict,
      figures,
      notes: run.notes,
    })),
  };
}

async function printerIfAny(): Promise<Printer | NoPrinterError> {
  try {
    return await createPrinter();
  } catch (error) {
    if (error instanceof NoPrinterError) return error;
    throw error;
  }
}

function readRuns(folders: readonly [string] | readonly [string, string]): Runs {
  const [first, second] = folders;
  if (second === undefined) return [createRun(namesOf(folders)[0], readRecording(first))];
  const [a, b] = namesOf(folders);
  return [createRun(a, readRecording(first)), createRun(b, readRecording(second))];
}

/** The names of the folders; with those of the folders above where they are the same. */
export function namesOf(folders: readonly string[]): readonly [string, string] {
  const paths = folders.map((folder) => resolve(folder));
  const short = paths.map((path) => shorten(basename(path) || path));
  const long = paths.map((path) => shorten(join(basename(dirname(path)), basename(path))));
  const [a = '', b = ''] = new Set(short).size === short.length ? short : long;
  return a === b ? [`${a} (1)`, `${b} (2)`] : [a, b];
}

/** A name that fits into a legend; of names with a date, the beginning and the end say most. */
function shorten(name: string): string {
  const half = (NAME_LENGTH_MAX - 1) / 2;
  return name.length <= NAME_LENGTH_MAX ? name : `${name.slice(0, half)}…${name.slice(-half)}`;
}

function picturesOf(
  chart: DrawnChart['chart'],
  print: Printer | undefined,
  out: string,
): readonly NewFile[] {
  return SCHEMES.flatMap((scheme) => {
    const svg = draw(chart, {
      palette: PALETTES[scheme],
      font: PICTURE_FONT,
      isAlone: true,
    });
    const name = join(out, 'pictures', `${chart.id}${scheme === 'dark' ? '-dark' : ''}`);
    return [
      { path: `${name}.svg`, content: svg },
      ...(print === undefined ? [] : [{ path: `${name}.png`, content: print(svg) }]),
    ];
  });
}
