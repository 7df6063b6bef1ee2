/** The command line of the benchmark. */

import { Command } from 'commander';
import type { Contestant } from '../contestants/contract.ts';
import { contestants } from '../contestants/index.ts';
import { BUDGET_SECONDS, HEARTBEAT_SECONDS, SESSIONS_DEFAULT } from '../measure/limits.ts';
import { parseCount } from '../measure/parse-count.ts';

export interface Options {
  readonly only: readonly Contestant[];
  readonly connections: number;
  readonly rounds: number;
  readonly budget: number;
  readonly idle: number;
  readonly output: string;
  readonly json: boolean;
}

/** The options as typed: names for contestants, since which there are depends on `--centrifugo`. */
interface Typed extends Omit<Options, 'only'> {
  readonly only?: readonly string[];
  readonly protocol?: readonly string[];
  readonly centrifugo?: string;
}

/** Who runs, and sentences about those that were not named and cannot run on this host. */
interface Field {
  readonly only: readonly Contestant[];
  readonly skipped: readonly string[];
}

/** Ends the process with a sentence when the command line is wrong. */
export function parseOptions(argv: readonly string[]): Options {
  const command = benchCommand();
  const { only: names, protocol, centrifugo, ...rest } = command.parse(argv).opts<Typed>();
  try {
    const all = ofProtocols(contestants({ centrifugo }), protocol);
    const { only, skipped } = chooseField(all, names, centrifugo);
    for (const sentence of skipped) console.error(sentence);
    return { only, ...rest };
  } catch (error) {
    return command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * @param protocols those of `--protocol`; undefined means all
 * @throws Error with one sentence when nobody speaks one of them
 */
export function ofProtocols(
  all: readonly Contestant[],
  protocols: readonly string[] | undefined,
): readonly Contestant[] {
  if (protocols === undefined) return all;
  const spoken = new Set<string>(all.map(({ protocol }) => protocol));
  const unknown = protocols.find((protocol) => !spoken.has(protocol));
  if (unknown === undefined) return all.filter(({ protocol }) => protocols.includes(protocol));
  throw new Error(`No contestant speaks '${unknown}'; name some of ${[...spoken].join(', ')}.`);
}

/**
 * @param names those of `--only`; undefined means everyone who can run here
 * @param binary what `--centrifugo` names, which must then be usable
 * @throws Error with one sentence when one that is wanted does not exist or cannot run
 */
export function chooseField(
  all: readonly Contestant[],
  names: readonly string[] | undefined,
  binary?: string,
): Field {
  const wanted = names ?? (binary === undefined ? [] : ['centrifugo']);
  for (const name of wanted) {
    const found = all.find((contestant) => contestant.name === name);
    if (found === undefined) {
      const known = all.map((contestant) => contestant.name).join(', ');
      throw new Error(`There is no contestant '${name}'; name some of ${known}.`);
    }
    const reason = found.unavailable?.();
    if (reason !== undefined) throw new Error(`${name} cannot run: ${reason}.`);
  }
  if (names !== undefined) {
    return { only: all.filter(({ name }) => names.includes(name)), skipped: [] };
  }
  const only: Contestant[] = [];
  const skipped: string[] = [];
  for (const contestant of all) {
    const reason = contestant.unavailable?.();
    if (reason === undefined) only.push(contestant);
    else skipped.push(`${contestant.name} is left out: ${reason}.`);
  }
  return { only, skipped };
}

function benchCommand(): Command {
  const names = contestants({}).map(({ name }) => name);
  return new Command('npm run bench --')
    .description(
      'Measures memory per session, CPU per delivery and handshakes per core of Holdfast,\n' +
        'bare Bun.serve (the control row), ws, Socket.IO, http of Node and nchan, one after the\n' +
        'other, for Socket.IO, WebSocket, Server-Sent Events, streams and polls.',
    )
    .option('--only <names>', 'the contestants to run, by comma (default: all that can)', list)
    .option('--protocol <names>', 'only those who speak them, by comma', list)
    .option('--centrifugo <path>', 'the binary of Centrifugo 6.3 or later, which then takes part')
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
      `\nContestants: ${names.join(', ')}\n\nExample:\n` +
        '  npm run bench -- --only holdfast,bare --connections 5000 --rounds 1\n' +
        '  npm run bench -- --protocol sse,poll',
    );
}

function list(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim());
}
