/**
 * From samples to the table of keepalives: medians over the rounds, in the order of the rows. Pure:
 * the same results file gives the same table again.
 */

import { median } from '../../measure/summary.ts';
import { format } from '../../measure/targets.ts';
import type { KeepaliveSample } from './heat.ts';
import type { KeepaliveRow } from './rows.ts';

/** A sample with more of the machine used by others than this share of a core is in doubt. */
const FOREIGN_CORES_MAX = 0.1;

export interface KeepaliveFigures {
  readonly row: string;
  readonly rounds: number;
  /** CPU of the server for one session in one second. */
  readonly cpuMicrosPerSecond: number;
  /** The lowest and the highest of the rounds. */
  readonly cpuRange: readonly [number, number];
  /** The same for one ping with its answer. */
  readonly cpuMicrosPerPing: number;
  /** Resident memory of the server over the empty one. */
  readonly bytesPerSession: number;
  /** Cores that programs outside the benchmark used meanwhile. */
  readonly foreignCores: number;
  readonly lost: number;
}

export function summarizeKeepalive(
  row: Pick<KeepaliveRow, 'name' | 'pingIntervalSeconds'>,
  all: readonly KeepaliveSample[],
): KeepaliveFigures | undefined {
  const samples = all.filter((sample) => sample.row === row.name);
  if (samples.length === 0) return undefined;
  const cpu = samples.map(
    ({ serverCpuSeconds, sessions, wallSeconds }) =>
      (serverCpuSeconds * 1e6) / sessions / wallSeconds,
  );
  return {
    row: row.name,
    rounds: samples.length,
    cpuMicrosPerSecond: median(cpu),
    cpuRange: [Math.min(...cpu), Math.max(...cpu)],
    cpuMicrosPerPing: median(cpu) * row.pingIntervalSeconds,
    bytesPerSession: median(
      samples.map(({ filledBytes, emptyBytes, sessions }) => (filledBytes - emptyBytes) / sessions),
    ),
    foreignCores: median(
      samples.map(({ foreignCpuSeconds, wallSeconds }) => foreignCpuSeconds / wallSeconds),
    ),
    lost: samples.reduce((total, { lost }) => total + lost, 0),
  };
}

/** A table in Markdown, for the terminal and for a page alike. */
export function keepaliveTable(
  rows: readonly Pick<KeepaliveRow, 'name' | 'server' | 'keepalive' | 'pingIntervalSeconds'>[],
  figures: readonly KeepaliveFigures[],
): string {
  const lines = rows.flatMap((row) => {
    const found = figures.find((candidate) => candidate.row === row.name);
    if (found === undefined) return [];
    const [lowest, highest] = found.cpuRange;
    return [
      [
        row.server,
        row.keepalive,
        `${row.pingIntervalSeconds} s`,
        format(found.cpuMicrosPerSecond),
        `${format(lowest)} to ${format(highest)}`,
        format(found.cpuMicrosPerPing),
        format(found.bytesPerSession),
        found.foreignCores.toFixed(2),
      ],
    ];
  });
  const head = [
    ...['server', 'keepalive', 'ping every', 'µs CPU per session and second', 'range'],
    ...['µs per ping', 'bytes per session', 'cores used by others'],
  ];
  const rule = ['---', '---', '---:', '---:', '---:', '---:', '---:', '---:'];
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** What a reader has to know before trusting the figures. */
export function keepaliveDoubts(
  figures: readonly KeepaliveFigures[],
  seconds: number,
  slowestPingSeconds: number,
): string[] {
  const doubts: string[] = [];
  if (seconds < 2 * slowestPingSeconds) {
    doubts.push(
      `${seconds} s hold less than two pings of ${slowestPingSeconds} s: a trial, no figure.`,
    );
  }
  for (const { row, foreignCores, lost } of figures) {
    if (foreignCores > FOREIGN_CORES_MAX) {
      doubts.push(`${row}: others used ${foreignCores.toFixed(2)} cores meanwhile; run it again.`);
    }
    if (lost > 0) doubts.push(`${row}: ${lost} sessions ended unasked.`);
  }
  return doubts;
}
