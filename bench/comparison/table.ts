/** Prints figures: one table of measurements, one of ratios, one of targets, and the doubts. */

import Table from 'cli-table3';
import type { Figures } from '../measure/summary.ts';
import type { Judgement } from '../measure/targets.ts';
import { format } from '../measure/targets.ts';

/** Titles by contestant name. */
export type Titles = Readonly<Record<string, string>>;

// Plain text: the tables are pasted into documents and logs.
const STYLE = { head: [], border: [], compact: true };

const RATIOS: readonly (readonly [string, (figures: Figures) => number])[] = [
  ['memory', ({ memory }) => memory],
  ['CPU per delivery', ({ cpuMicrosPerDelivery }) => cpuMicrosPerDelivery],
  ['handshakes per core', ({ handshakesPerCore }) => handshakesPerCore],
];

export function measurementTable(rows: readonly Figures[], titles: Titles): string {
  const table = new Table({
    head: [
      '',
      'bytes/session\nidle',
      'after\nbroadcasts',
      'after\nchurn',
      'µs CPU/\ndelivery',
      'in a\nburst',
      'ms to\nthe last',
      'handshakes\n/core s',
      '/wall s',
      'idle\nµs/s',
    ],
    colAligns: ['left', ...Array.from({ length: 9 }, () => 'right' as const)],
    style: STYLE,
  });
  for (const row of rows) {
    table.push([
      titles[row.contestant] ?? row.contestant,
      format(row.memoryIdle),
      format(row.memoryAfterBroadcasts),
      format(row.memory),
      format(row.cpuMicrosPerDelivery),
      format(row.cpuMicrosPerDeliveryInBurst),
      format(row.broadcastMs),
      format(row.handshakesPerCore),
      format(row.handshakesPerWallSecond),
      row.idleMicrosPerSecond === undefined ? '-' : format(row.idleMicrosPerSecond),
    ]);
  }
  return table.toString();
}

export function ratioTable(
  rows: readonly Figures[],
  control: Figures | undefined,
  rival: Figures | undefined,
  titles: Titles,
): string {
  const table = new Table({
    head: ['', ...RATIOS.flatMap(([name]) => [`${name}\n÷ bare`, '\n÷ Socket.IO'])],
    colAligns: ['left', ...RATIOS.flatMap(() => ['right' as const, 'right' as const])],
    style: STYLE,
  });
  for (const row of rows) {
    table.push([
      titles[row.contestant] ?? row.contestant,
      ...RATIOS.flatMap(([, figure]) => [
        control === undefined ? '-' : (figure(row) / figure(control)).toFixed(2),
        rival === undefined ? '-' : (figure(row) / figure(rival)).toFixed(2),
      ]),
    ]);
  }
  return table.toString();
}

export function judgementTable(judgements: readonly Judgement[]): string {
  const table = new Table({
    head: ['Holdfast', 'measured', 'must', '', 'aim', ''],
    style: STYLE,
  });
  for (const { what, measured, must, aim } of judgements) {
    table.push([what, measured, must.text, must.verdict, aim.text, aim.verdict]);
  }
  return table.toString();
}

/** What a reader has to know before trusting the figures. */
export function doubts(rows: readonly Figures[], titles: Titles): string[] {
  return rows.flatMap((row) => {
    const title = titles[row.contestant] ?? row.contestant;
    const found: string[] = [];
    if (row.generatorLimited > 0) {
      const phases = `${row.generatorLimited} of ${row.handshakePhases} handshake phases`;
      found.push(
        `${title}: the load client was the limit in ${phases}; its rate per wall second is a ` +
          'lower bound, its rate per core second counts server CPU only.',
      );
    }
    if (row.foreignCores >= 0.2) {
      const cores = row.foreignCores.toFixed(1);
      found.push(`${title}: other programs used ${cores} cores meanwhile; trust ratios only.`);
    }
    if (row.lost > 0) found.push(`${title}: ${row.lost} sessions ended unasked.`);
    if (row.cut > 0) {
      found.push(
        `${title}: ${row.cut} connections were not closed when they left, and were cut off.`,
      );
    }
    return found;
  });
}
