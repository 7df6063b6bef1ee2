/** A run of the fleet in words: its progress in one line, its status as tables, its verdict. */
import type { FleetStatus } from '../fleet/coordinator/status.ts';
import { grouped } from '../fleet/settings/numbers.ts';
import { printable } from '../host/foreign/printable.ts';
import type { FleetVerdict, Percentiles } from '../report/recording/record.ts';
import { type Column, tableText } from './table.ts';

const numbers = (heads: readonly string[]): readonly Column[] =>
  heads.map((head) => ({ head, align: 'right' }));
const LATENCY_COLUMNS: readonly Column[] = [
  { head: 'latency' },
  ...numbers(['count', 'p50', 'p90', 'p99', 'p99.9', 'max']),
];
const AGENT_COLUMNS: readonly Column[] = [
  { head: 'agent' },
  ...numbers(['pid', 'open', 'of', 'connecting', 'CPU', 'memory', 'lag']),
  { head: 'state' },
];

/** `climb: 1,200 of 5,000 open, 498/s, 8 s left, failed 3 (HTTP 503 3)` */
export function progressText(status: FleetStatus): string {
  const { phase, open, wanted, measuredRate, secondsLeft, failures, losses } = status;
  const lost = status.agents.filter((agent) => agent.lost !== null).length;
  const parts = [
    `${phase}: ${grouped(open)} of ${grouped(wanted)} open`,
    `${grouped(measuredRate)}/s`,
    ...timeLeft(secondsLeft),
    ...byName('failed', failures),
    ...byName('lost', losses),
    ...(lost > 0 ? [`${lost} of ${status.agents.length} agents lost`] : []),
  ];
  return printable(parts.join(', '));
}

/** Nothing when there is none left. */
function timeLeft(seconds: number | null): readonly string[] {
  if (seconds === null) return ['time left not known'];
  return seconds > 0 ? [`${grouped(seconds)} s left`] : [];
}

/** One line: what was set, and where the run stands. */
export function summaryText(status: FleetStatus): string {
  const { wanted, rate, targets } = status;
  return (
    printable(
      `Wanted: ${grouped(wanted)} connections at ${grouped(rate)}/s to ${targets.join(', ')}.`,
    ) + `\nNow in ${progressText(status)}.`
  );
}

export function statusText(status: FleetStatus): string {
  const { elapsedSeconds, connecting, deliveriesPerSecond, echoesPerSecond, heading } = {
    ...status,
    heading: `Now in ${progressText(status)}.`,
  };
  return [
    heading,
    `Running for ${grouped(elapsedSeconds)} s; ${grouped(connecting)} connecting, ` +
      `${grouped(deliveriesPerSecond)} deliveries/s, ${grouped(echoesPerSecond)} echoes/s.`,
    latencyTable(status),
    agentTable(status),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

export function verdictText(verdict: FleetVerdict): string {
  const lines = verdict.findings.flatMap(({ name, text, advice }) => [
    printable(`- ${name}: ${text}`),
    ...(advice === undefined ? [] : [printable(`  ${advice}`)]),
  ]);
  return [
    `The run ${VERDICTS[verdict.verdict]}.`,
    ...lines,
    latencyTable({
      latencies: {
        connect: verdict.connectLatency,
        delivery: verdict.deliveryLatency,
        echo: verdict.echoLatency,
      },
    }),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

const VERDICTS: Readonly<Record<FleetVerdict['verdict'], string>> = {
  passed: 'passed',
  failed: 'failed',
  void: 'is void: it says nothing about the server',
};

function byName(what: string, counts: Readonly<Record<string, number>>): readonly string[] {
  const names = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  if (names.length === 0) return [];
  const sum = names.reduce((total, [, count]) => total + count, 0);
  const told = names.slice(0, 3).map(([name, count]) => `${name} ${grouped(count)}`);
  return [`${what} ${grouped(sum)} (${told.join(', ')}${names.length > 3 ? ', …' : ''})`];
}

/** Empty when nothing was measured. */
function latencyTable({ latencies }: Pick<FleetStatus, 'latencies'>): string {
  const rows = Object.entries(latencies).flatMap(([name, value]) =>
    value === undefined ? [] : [latencyRow(name, value)],
  );
  if (rows.length === 0) return '';
  return tableText(LATENCY_COLUMNS, rows);
}

function latencyRow(name: string, { count, p50, p90, p99, p999, max }: Percentiles): string[] {
  return [name, grouped(count), ...[p50, p90, p99, p999, max].map(milliseconds)];
}

function agentTable({ agents }: FleetStatus): string {
  const rows = agents.map((agent) => [
    agent.name,
    agent.pid ?? '-',
    grouped(agent.open),
    grouped(agent.capacity),
    grouped(agent.connecting),
    `${Math.round(agent.cpuShare * 100)} %`,
    `${(agent.rssBytes / 1e6).toFixed(1)} MB`,
    `${agent.loopLagMs} ms`,
    agent.lost === null ? 'running' : 'lost',
  ]);
  return tableText(AGENT_COLUMNS, rows);
}

function milliseconds(micros: number): string {
  const ms = micros / 1000;
  return `${ms < 10 ? ms.toFixed(2) : grouped(Math.round(ms))} ms`;
}
