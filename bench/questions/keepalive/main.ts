/**
 * `npm run bench:keepalive`: what it costs a server to keep idle sessions alive. Rows run in heats
 * of a few, two rounds with other neighbours, and the medians are printed as a table in Markdown.
 * Whatever way it ends, the processes it started end with it.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { Children } from '../../measure/children.ts';
import { HEARTBEAT_SECONDS, RESERVED_FILES, SESSIONS_DEFAULT } from '../../measure/limits.ts';
import type { Machine } from '../../measure/machine.ts';
import { describeMachine } from '../../measure/machine.ts';
import { parseCount } from '../../measure/parse-count.ts';
import { Progress } from '../../measure/progress.ts';
import type { KeepaliveSample } from './heat.ts';
import { heatsOf, runHeat } from './heat.ts';
import type { KeepaliveRow } from './rows.ts';
import { KEEPALIVE_ROWS } from './rows.ts';
import type { KeepaliveFigures } from './table.ts';
import { keepaliveDoubts, keepaliveTable, summarizeKeepalive } from './table.ts';

const ROUNDS = 2;
/** Two heartbeats. */
const WATCH_SECONDS = 2 * HEARTBEAT_SECONDS;
/** What a heat takes beside filling and watching: starting, settling, ending. */
const HEAT_FIXED_SECONDS = 12;

interface Options {
  readonly sessions: number;
  readonly seconds: number;
  readonly only?: readonly KeepaliveRow[];
  readonly out: string;
  readonly json: boolean;
}

interface Results {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly seconds: number;
  readonly figures: readonly KeepaliveFigures[];
  readonly doubts: readonly string[];
  readonly samples: readonly KeepaliveSample[];
}

function parseOptions(argv: readonly string[]): Options {
  return new Command('npm run bench:keepalive --')
    .description('Measures what it costs a server to keep idle sessions alive.')
    .option('--sessions <count>', 'sessions of each server', parseCount, SESSIONS_DEFAULT)
    .option('--seconds <count>', 'how long to watch them', parseCount, WATCH_SECONDS)
    .option('--only <names>', 'the rows to run, by comma (default: all)', parseRows)
    .option('--out <folder>', 'where the raw results go', 'bench/results/scratch')
    .option('--json', 'print the results as JSON instead of a table', false)
    .addHelpText(
      'after',
      `\nRows: ${KEEPALIVE_ROWS.map(({ name }) => name).join(', ')}\n\nExample:\n` +
        '  npm run bench:keepalive -- --sessions 1000 --seconds 12',
    )
    .parse(argv)
    .opts<Options>();
}

function parseRows(text: string): readonly KeepaliveRow[] {
  return text.split(',').map((name) => {
    const row = KEEPALIVE_ROWS.find((candidate) => candidate.name === name.trim());
    if (row !== undefined) return row;
    const known = KEEPALIVE_ROWS.map((candidate) => candidate.name).join(', ');
    throw new InvalidArgumentError(`There is no row '${name}'; name some of ${known}.`);
  });
}

async function runRounds(options: Options, children: Children): Promise<KeepaliveSample[]> {
  const { sessions, seconds } = options;
  const rows = options.only ?? KEEPALIVE_ROWS;
  const heats = Array.from({ length: ROUNDS }, (_, index) => ({
    round: index + 1,
    heats: heatsOf(rows, index + 1),
  }));
  const heatSeconds = HEAT_FIXED_SECONDS + HEARTBEAT_SECONDS + seconds;
  const progress = new Progress(heatSeconds * heats.flatMap((round) => round.heats).length);
  const samples: KeepaliveSample[] = [];
  for (const { round, heats: ofRound } of heats) {
    for (const heat of ofRound) {
      progress.startBout(`round ${round}, ${heat.map(({ name }) => name).join(' + ')}`);
      const settings = { round, sessions, fillSeconds: HEARTBEAT_SECONDS, seconds };
      samples.push(...(await runHeat(heat, settings, children, (text) => progress.say(text))));
      progress.endBout(heatSeconds);
    }
  }
  return samples;
}

/** The options that shape the measurement, as they would be typed. */
function commandLine({ sessions, seconds, only }: Options): string {
  const names = only === undefined ? '' : ` --only ${only.map(({ name }) => name).join(',')}`;
  return `npm run bench:keepalive --${names} --sessions ${sessions} --seconds ${seconds}`;
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  const rows = options.only ?? KEEPALIVE_ROWS;
  const machine = describeMachine();
  const room = machine.openFilesMax - RESERVED_FILES;
  if (options.sessions > room) {
    console.error(`A process may open ${machine.openFilesMax} files: use --sessions ${room}.`);
    process.exit(1);
  }
  const children = new Children();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void children.stopAll().finally(() => process.exit(130)));
  }
  const date = new Date().toISOString();
  const startedAt = performance.now();
  let samples: readonly KeepaliveSample[];
  try {
    samples = await runRounds(options, children);
  } finally {
    await children.stopAll();
  }
  const figures = rows
    .map((row) => summarizeKeepalive(row, samples))
    .filter((found) => found !== undefined);
  const slowestPingSeconds = Math.max(
    ...rows.map(({ pingIntervalSeconds }) => pingIntervalSeconds),
  );
  const results: Results = {
    date,
    command: commandLine(options),
    machine,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    figures,
    doubts: keepaliveDoubts(figures, options.seconds, slowestPingSeconds),
    samples,
  };
  mkdirSync(options.out, { recursive: true });
  const path = join(options.out, `${date.slice(0, 19).replaceAll(':', '-')}-keepalive.json`);
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  if (options.json) console.log(JSON.stringify(results, null, 2));
  else {
    console.log(`\n${options.sessions} sessions each, watched for ${options.seconds} s\n`);
    console.log(keepaliveTable(rows, figures));
    for (const doubt of results.doubts) console.log(`\n- ${doubt}`);
  }
  console.error(`\n${results.seconds} s in all; raw results: ${path}`);
  process.exit(0);
}

await main();
