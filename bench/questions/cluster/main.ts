/**
 * `npm run bench:cluster`: how many messages to single users linked nodes deliver in a second,
 * beside official Socket.IO servers with an adapter over Redis, and what that costs whom.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { Children } from '../../measure/children.ts';
import { describeMachine } from '../../measure/machine.ts';
import { parseCount } from '../../measure/parse-count.ts';
import { rotated } from '../../measure/rotated.ts';
import { median } from '../../measure/summary.ts';
import { type Bout, type Rate, runBout } from './bout.ts';
import { CONTESTANTS } from './servers.ts';

interface Options {
  readonly nodes: number;
  readonly users: number;
  readonly seconds: number;
  readonly window: number;
  readonly rounds: number;
  readonly only?: string;
  readonly out: string;
}

function parseOptions(argv: readonly string[]): Options {
  return new Command('npm run bench:cluster --')
    .description('Measures messages to single users over nodes that Redis links.')
    .option('--nodes <count>', 'nodes of one worker each, 3 or more', parseCount, 8)
    .option('--users <count>', 'users with one session each, spread evenly', parseCount, 800)
    .option('--seconds <count>', 'how long to say things in each part', parseCount, 6)
    .option('--window <count>', 'messages under way at once', parseCount, 1_600)
    .option('--rounds <count>', 'rounds, each beginning with another contestant', parseCount, 3)
    .option('--only <text>', 'contestants whose names contain this')
    .option('--out <folder>', 'where the raw results go', 'bench/results/scratch')
    .addHelpText('after', '\nExample:\n  npm run bench:cluster -- --rounds 1 --only holdfast')
    .parse(argv)
    .opts<Options>();
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  const { nodes, users, window, rounds, only = '', out } = options;
  const contestants = CONTESTANTS.filter(({ name }) => name.includes(only));
  const children = new Children();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void children.stopAll().finally(() => process.exit(130)));
  }
  const date = new Date().toISOString();
  const settings = { nodes, users, window, milliseconds: options.seconds * 1_000 };
  const bouts: Bout[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const contestant of rotated(contestants, round)) {
      const say = (text: string): void =>
        console.error(`round ${round + 1}, ${contestant.name}: ${text}`);
      bouts.push(await runBout(contestant, settings, children, say));
    }
  }
  const command = `npm run bench:cluster -- --nodes ${nodes} --users ${users} --rounds ${rounds}`;
  mkdirSync(out, { recursive: true });
  const file = join(out, `${date.slice(0, 19).replaceAll(':', '-')}-cluster.json`);
  const results = { date, command, machine: describeMachine(), settings, bouts };
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(
    `${tableOf(
      contestants.map(({ name }) => name),
      bouts,
    )}\n\nRaw results: ${file}`,
  );
  process.exit(0);
}

/** Medians over the rounds; what was lost is summed. */
function tableOf(names: readonly string[], bouts: readonly Bout[]): string {
  const head =
    '| nodes | messages an event | deliveries/s | lost of all | µs CPU of nodes a message | ' +
    'of Redis | busiest process, cores | load client, cores | other programs, cores | ' +
    'PUBLISH/s | PUBLISH a message | ' +
    'bytes out of Redis a message | µs CPU of a node that has not the user |';
  const rows = names.flatMap((name) => {
    const own = bouts.filter(({ contestant }) => contestant === name);
    const batches = own[0]?.rates.map(({ batch }) => batch) ?? [];
    return batches.map((batch, at) => {
      const rates = own.map((bout) => bout.rates[at] as Rate);
      const of = (key: keyof Rate): number => median(rates.map((rate) => rate[key]));
      const total = (key: keyof Rate): number => rates.reduce((sum, rate) => sum + rate[key], 0);
      const keys: readonly (keyof Rate)[] = [
        ...([
          'nodesMicros',
          'redisMicros',
          'busiestCores',
          'loadCores',
          'otherProgramsCores',
        ] as const),
        ...(['publishesPerSecond', 'publishes', 'redisOutBytes'] as const),
      ];
      const other = median(own.map(({ otherNodeMicros }) => otherNodeMicros));
      const lost = `${total('lost')} of ${total('said')}`;
      const figures = [of('perSecond'), lost, ...keys.map(of), at === 0 ? other : ''];
      return `| ${[name, batch, ...figures].join(' | ')} |`;
    });
  });
  return [head, `|---|${'---:|'.repeat(12)}`, ...rows].join('\n');
}

await main();
