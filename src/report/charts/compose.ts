/** What the charts share: thinned columns, the ends of the axis of time, names of several runs. */

import type { Column } from '../run/columns.ts';
import type { Run } from '../run/run.ts';
import { thin } from '../run/thin.ts';
import type { Chart } from './chart.ts';
import type { ColorName } from './palette.ts';

/** One run, or two that are laid over each other. */
export type Runs = readonly [Run] | readonly [Run, Run];

/** Columns over a common axis, with fewer entries. */
export interface Thinned<Name extends string> {
  readonly across: readonly number[];
  readonly columns: Readonly<Record<Name, Column>>;
}

/** The ends of the axis of time, for all runs. */
export function timeAxis(runs: Runs): { readonly from: number; readonly to: number } {
  const from = Math.min(...runs.map(({ firstSecond }) => firstSecond));
  const to = Math.max(...runs.map(({ lastSecond }) => lastSecond));
  return { from, to: Math.max(to, from + 1) };
}

/** Phases and marks are those of a run; two runs have their own, and none is shown. */
export function happeningsOf(runs: Runs): Pick<Chart, 'phases' | 'marks'> {
  const [run, other] = runs;
  return other === undefined ? { phases: run.phases, marks: run.marks } : { phases: [], marks: [] };
}

export function colorOf(runs: Runs, run: Run): ColorName {
  return runs.indexOf(run) === 1 ? 'second' : 'first';
}

export function thinned<Name extends string>(
  across: readonly number[],
  columns: Readonly<Record<Name, Column>>,
): Thinned<Name> {
  const kept = thin(Object.values<Column>(columns));
  const pick = (column: Column): Column => kept.map((index) => column[index] ?? null);
  const names = Object.keys(columns) as Name[];
  return {
    across: kept.map((index) => across[index] as number),
    columns: Object.fromEntries(names.map((name) => [name, pick(columns[name])])) as Record<
      Name,
      Column
    >,
  };
}

/** Whether a column says anything at all. */
export function isKnown(column: Column): boolean {
  return column.some((value) => value !== null);
}

/** Sentences of which some have nothing to say. */
export function sentences(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(' ');
}
