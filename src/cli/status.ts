/** `holdfast status`: how a running node and its workers stand. */
import { Command } from 'commander';
import { printable } from '../host/foreign/printable.ts';
import type {
  LoadReport,
  NodeProcess,
  ProcessReport,
  WorkerProcessReport,
} from '../server/controller/admin-reports.ts';
import { processReport } from '../server/controller/process-schema.ts';
import { loadReport, REPORT_BYTES_MAX } from './admin-answers.ts';
import { type AdminOptions, addAdminOptions, callAdmin } from './admin-client.ts';
import { print, printJson } from './output.ts';
import { type Column, tableText } from './table.ts';

interface StatusOptions extends AdminOptions {
  readonly json?: boolean;
}

export function statusCommand(): Command {
  const command = new Command('status')
    .description('Show workers, connections and memory of a running node.')
    .option('--json', 'Print the report as JSON.')
    .addHelpText('after', '\nExample:\n  holdfast status --admin-port 8600')
    .action(async (options: StatusOptions) => {
      const [process, load] = await Promise.all([
        callAdmin(options, {
          path: '/process',
          answer: processReport,
          maxBytes: REPORT_BYTES_MAX,
        }),
        callAdmin(options, { path: '/load', answer: loadReport, maxBytes: REPORT_BYTES_MAX }),
      ]);
      if (options.json) await printJson({ ...process, load });
      else await print(statusText(process, load));
    });
  return addAdminOptions(command);
}

export function statusText(process: ProcessReport, load: LoadReport): string {
  const lines = [...process.nodes.map(nodeLine), workerTable(process, load)];
  return [...lines, ...missingLines(load), ...missingNodeLines(process)].join('\n');
}

const COLUMNS: readonly Column[] = [
  { head: 'worker', align: 'right' },
  { head: 'pid', align: 'right' },
  { head: 'state' },
  ...['connections', 'of', 'ws', 'polling', 'sse', 'stream', 'memory', 'lag', 'restarts'].map(
    (head) => ({ head, align: 'right' }) as const,
  ),
];

/** The first is the one that was asked. */
function nodeLine(node: NodeProcess): string {
  const { id, ready, publicPort, pid, uptimeMs, broker, host, connections, capacity } = node;
  const state = ready ? 'ready' : 'not ready';
  const up = duration(uptimeMs);
  const own = `Node ${id} is ${state}: port ${publicPort}, controller ${pid}, up ${up}`;
  const linked = `, on ${host}, broker ${broker}, ${connections} of ${capacity} connections`;
  return printable(broker === 'embedded' ? own : own + linked);
}

function missingNodeLines({ missingNodes }: ProcessReport): readonly string[] {
  return missingNodes.map((id) => printable(`Node ${id} did not answer.`));
}

/** Sums that are not whole say so. */
function missingLines({ missing, workers }: LoadReport): readonly string[] {
  return missing.map((index) => {
    const age = workers.find((worker) => worker.index === index)?.sampleAgeMs ?? null;
    const what = age === null ? 'has not said how it stands' : `said so ${duration(age)} ago`;
    return `Worker ${index} ${what}: the totals are not whole.`;
  });
}

function workerTable(report: ProcessReport, load: LoadReport): string {
  const [own] = report.nodes;
  // The table is of the node that was asked; the others have a line each.
  const nodes = own === undefined ? [] : [own];
  const workers = report.workers.filter(({ node }) => node === own?.id);
  const rows = workers.map((worker) => {
    const held = load.workers.find(({ index }) => index === worker.index);
    return [
      worker.index,
      orDash(worker.pid),
      worker.state,
      held?.connections ?? 0,
      held?.capacity ?? 0,
      held?.transports.websocket ?? 0,
      held?.transports.polling ?? 0,
      held?.transports.sse ?? 0,
      held?.transports.stream ?? 0,
      worker.rssBytes === null ? '-' : megabytes(worker.rssBytes),
      lagText(worker),
      worker.restarts,
    ];
  });
  const sum = (values: readonly (number | null)[]): number =>
    values.reduce<number>((total, value) => total + (value ?? 0), 0);
  const total = [
    'total',
    '',
    `${workers.filter(({ state }) => state === 'running').length} running`,
    load.connections,
    load.capacity,
    load.transports.websocket,
    load.transports.polling,
    load.transports.sse,
    load.transports.stream,
    megabytes(sum([...workers, ...nodes].map(({ rssBytes }) => rssBytes))),
    '',
    sum(workers.map(({ restarts }) => restarts)),
  ];
  return tableText(COLUMNS, [...rows, total]);
}

/** Of one that does not answer, the lag is as long as its silence by now. */
function lagText({ state, loopLagMaxMs, sampleAgeMs }: WorkerProcessReport): string {
  if (state === 'stalled' && sampleAgeMs !== null) return `> ${duration(sampleAgeMs)}`;
  return loopLagMaxMs === null ? '-' : `${Math.round(loopLagMaxMs)} ms`;
}

function orDash(value: number | null): string {
  return value === null ? '-' : String(value);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The two largest units: `2 d 3 h`, `5 min 3 s`. */
function duration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(' ');
}
