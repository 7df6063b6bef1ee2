/** `holdfast report`: the logs of a run, or of two, as a page and pictures. */
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import { printable } from '../host/foreign/printable.ts';
import { RecordingError } from '../report/recording/read-error.ts';
import type { Report, ReportedRun } from '../report/report.ts';
import type { Figure } from '../report/run/figure.ts';
import { formatValue } from '../report/run/format.ts';
import { CliError } from './cli-error.ts';
import { print, printJson } from './output.ts';
import { tableText } from './table.ts';

interface ReportOptions {
  readonly out?: string;
  readonly json?: boolean;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('Make a page and pictures of a recorded run, or of two laid over each other.')
    .argument('<folder>', 'Folder with server.jsonl and fleet.jsonl, or either (also .jsonl.gz).')
    .argument('[second]', 'Folder of a second run, to compare.')
    .option('--out <folder>', 'Where report.html and pictures/ go (default: the first folder).')
    .option('--json', 'Print the figures as JSON.')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast report runs/million\n' +
        '  holdfast report runs/before runs/after --out comparison',
    )
    .action(async (folder: string, second: string | undefined, options: ReportOptions) => {
      const report = await makeReport(folder, second, options.out);
      if (options.json) await printJson(jsonOf(report), 2);
      else await print(reportText(report));
    });
}

async function makeReport(folder: string, second: string | undefined, out?: string) {
  // The charting library is loaded here, so that no other command waits for it.
  const { writeReport } = await import('../report/report.ts');
  const target = out ?? (second === undefined ? folder : join(folder, `beside-${nameOf(second)}`));
  try {
    return await writeReport(second === undefined ? [folder] : [folder, second], target);
  } catch (error) {
    throw describe(error, target);
  }
}

function nameOf(folder: string): string {
  return basename(resolve(folder));
}

function describe(error: unknown, target: string): unknown {
  if (error instanceof RecordingError) return new CliError(error.message);
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  return new CliError(`The report cannot be written to ${target} (${code}); name another --out.`);
}

/** Figures by name; those that the logs do not support are null, and `how` says why. */
function jsonOf({ page, pictures, leftOut, runs }: Report) {
  const figureOf = ({ name, value, unit, how }: Figure) =>
    [name, { value: value ?? null, unit, how }] as const;
  return {
    page,
    pictures,
    leftOut: leftOut ?? null,
    runs: runs.map(({ name, path, verdict, figures, notes }) => ({
      name,
      path,
      verdict: verdict ?? null,
      figures: Object.fromEntries(figures.map(figureOf)),
      notes,
    })),
  };
}

export function reportText({ page, pictures, leftOut, runs }: Report): string {
  return [
    ...runs.flatMap(({ name, verdict, notes }) => [
      printable(`${name}: ${verdict ?? 'no verdict'}`),
      ...notes.map((note) => printable(`  ${note}`)),
    ]),
    figureTable(runs),
    `Wrote ${page} and ${pictures.length} pictures beside it.`,
    ...(leftOut === undefined ? [] : [leftOut]),
  ].join('\n');
}

function figureTable(runs: readonly ReportedRun[]): string {
  const [first] = runs;
  const names = runs.map(({ name }) => ({ head: name, align: 'right' }) as const);
  const rows = (first?.figures ?? []).map(({ label }, index) => [
    label,
    ...runs.map(({ figures }) => textOf(figures[index])),
  ]);
  return tableText([{ head: 'figure' }, ...names], rows);
}

function textOf(figure: Figure | undefined): string {
  return figure?.value === undefined ? '-' : formatValue(figure.value, figure.unit);
}
