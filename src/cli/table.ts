/** Tables as all commands draw them; a cell holds one line, whatever a value in it holds. */
import Table from 'cli-table3';
import { printable } from '../host/foreign/printable.ts';

export interface Column {
  readonly head: string;
  /** Left unless it holds numbers. */
  readonly align?: 'left' | 'right';
  /** Characters; longer texts are broken at words. Without it, as wide as the longest. */
  readonly width?: number;
}

export type Cell = string | number;

const NO_LINES_BETWEEN_ROWS = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

export function tableText(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const widths = columns.map(({ width = null }) => width);
  const table = new Table({
    head: columns.map(({ head }) => printable(head)),
    colAligns: columns.map(({ align = 'left' }) => align),
    colWidths: widths,
    wordWrap: true,
    style: { head: [], border: [] },
    chars: NO_LINES_BETWEEN_ROWS,
  });
  for (const row of rows) table.push(row.map((cell) => printable(String(cell))));
  return table.toString();
}
