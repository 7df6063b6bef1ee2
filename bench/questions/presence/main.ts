/**
 * `npm run bench:presence`: what it costs to know who is in one large room while people come and
 * go. The same crowd once without presence and once at rest beside it, and another room of the
 * node, whose messages are timed all along.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { Children } from '../../measure/children.ts';
import { describeMachine } from '../../measure/machine.ts';
import { parseCount } from '../../measure/parse-count.ts';
import { type PresenceRow, type PresenceSample, runRow } from './run.ts';

const SESSIONS_PER_WORKER = 15_000;
const RATE_DEFAULT = 1_000;

interface Options {
  readonly sessions: number;
  readonly seconds: number;
  readonly churn: number;
  readonly workers?: number;
  readonly rate: number;
  readonly out: string;
  readonly json: boolean;
}

function parseOptions(argv: readonly string[]): Options {
  return new Command('npm run bench:presence --')
    .description('Measures what presence of one large room costs while people come and go.')
    .option('--sessions <count>', 'sessions in the room', parseCount, 5_000)
    .option('--churn <percent>', 'how many of them leave and come back in a minute', parseCount, 10)
    .option('--seconds <count>', 'how long to watch each row', parseCount, 20)
    .option(
      '--workers <count>',
      'workers (default: one for 15,000 sessions, two or more)',
      parseCount,
    )
    .option('--rate <count>', 'sessions that come in a second', parseCount, RATE_DEFAULT)
    .option('--out <folder>', 'where the raw results go', 'bench/results/scratch')
    .option('--json', 'print the results as JSON instead of a table', false)
    .addHelpText('after', '\nExample:\n  npm run bench:presence -- --sessions 100000 --seconds 60')
    .parse(argv)
    .opts<Options>();
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  const { sessions, seconds, churn, rate, out, json } = options;
  const workers = options.workers ?? Math.max(2, Math.ceil(sessions / SESSIONS_PER_WORKER));
  const rows: readonly PresenceRow[] = [
    { name: 'presence, at rest', hasPresence: true, churnPercent: 0 },
    { name: `no presence, ${churn} % a minute`, hasPresence: false, churnPercent: churn },
    { name: `presence, ${churn} % a minute`, hasPresence: true, churnPercent: churn },
  ];
  const children = new Children();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void children.stopAll().finally(() => process.exit(130)));
  }
  const date = new Date().toISOString();
  const machine = describeMachine();
  const samples: PresenceSample[] = [];
  try {
    for (const row of rows) {
      const say = (text: string): void => console.error(`${row.name}: ${text}`);
      samples.push(await runRow(row, { sessions, workers, rate, seconds }, children, say));
    }
  } finally {
    await children.stopAll();
  }
  const command = `npm run bench:presence -- --sessions ${sessions} --churn ${churn}`;
  const results = { date, command, machine, workers, seconds, samples };
  mkdirSync(out, { recursive: true });
  const file = join(out, `${date.slice(0, 19).replaceAll(':', '-')}-presence.json`);
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(json ? JSON.stringify(results) : `${tableOf(samples)}\n\nRaw results: ${file}`);
  process.exit(0);
}

function tableOf(samples: readonly PresenceSample[]): string {
  const head =
    '| room | controller, cores | workers, cores | reports/s | notices/s | deliveries/s | ' +
    'came/s | other room p50, p99, max |';
  const rows = samples.map((one) => {
    const { p50Ms, p99Ms, maxMs } = one.otherRoom;
    const figures = [one.controllerCpu, one.workersCpu, one.reports, one.notices, one.deliveries];
    const other = `${p50Ms}, ${p99Ms}, ${maxMs} ms`;
    return `| ${[one.row, ...figures, one.opened, other].join(' | ')} |`;
  });
  return [head, '|---|---:|---:|---:|---:|---:|---:|---|', ...rows].join('\n');
}

await main();
