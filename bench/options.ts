/** The command line of the benchmark. */

import { Command, InvalidArgumentError } from 'commander';
import type { Contestant } from './contestants/contract.ts';
import { contestants } from './contestants/index.ts';
import { BUDGET_SECONDS, HEARTBEAT_SECONDS, SESSIONS_DEFAULT } from './limits.ts';

export interface Options {
  readonly only: readonly Contestant[];
  readonly connections: number;
  readonly rounds: number;
  readonly budget: number;
  readonly idle: number;
  readonly output: string;
  readonly json: boolean;
}

export function parseOptions(argv: readonly string[]): Options {
  const names = contestants.map(({ name }) => name).join(',');
  const command = new Command('npm run bench --')
    .description(
      'Measures memory per session, CPU per delivery and handshakes per core of\n' +
        'Holdfast, bare Bun.serve (the control row), ws and Socket.IO, one after the other.',
    )
    .option('--only <names>', 'the contestants to run, by comma', parseNames, contestants)
    .option('--connections <count>', 'sessions to hold', parseCount, SESSIONS_DEFAULT)
    .option('--rounds <count>', 'times that every contestant runs, at most', parseCount, 3)
    .option('--budget <seconds>', 'begin no round that ends later', parseCount, BUDGET_SECONDS)
    .option(
      '--idle <seconds>',
      `also watch idle sessions; ${HEARTBEAT_SECONDS} or a multiple`,
      parseCount,
      0,
    )
    .option('--output <folder>', 'where the raw results go', 'bench/results')
    .option('--json', 'print the results as JSON instead of tables', false)
    .addHelpText(
      'after',
      `\nContestants: ${names}\n\nExample:\n` +
        '  npm run bench -- --only holdfast,bare --connections 5000 --rounds 1',
    );
  // Shown in --help instead of the objects.
  const only = command.options.find(({ long }) => long === '--only');
  only?.default(contestants, 'all');
  return command.parse(argv).opts<{
    only: readonly Contestant[];
    connections: number;
    rounds: number;
    budget: number;
    idle: number;
    output: string;
    json: boolean;
  }>();
}

function parseNames(text: string): readonly Contestant[] {
  return text.split(',').map((name) => {
    const found = contestants.find((contestant) => contestant.name === name.trim());
    if (found !== undefined) return found;
    const known = contestants.map((contestant) => contestant.name).join(', ');
    throw new InvalidArgumentError(`There is no contestant '${name}'; name one of ${known}.`);
  });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('Give a whole number above 0.');
}
