/** The command line of the million run. */

import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CLIENT_PROTOCOLS, type ClientProtocol } from '../../src/fleet/agent/contract.ts';

/**
 * The longest that the server allows. Each poll that comes back with nothing is asked again, so a
 * million of them are 4,200 requests a second; with the default of 25 s they would be 40,000.
 */
const POLL_HOLD_MS = 240_000;

export interface MillionOptions {
  readonly connections: number;
  /** Connections begun in one second, at most. */
  readonly rate: number;
  /** Seconds. */
  readonly hold: number;
  /** Percent of the sessions that leave and come back in a minute. */
  readonly churn: number;
  readonly server: 'holdfast' | 'bare';
  /** What sessions speak; the control has WebSocket alone. */
  readonly protocol: ClientProtocol;
  /** How long the server holds a poll, in milliseconds. */
  readonly pollHold: number;
  readonly out: string;
}

export function parseOptions(argv: readonly string[]): MillionOptions {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const options = new Command('npm run million --')
    .description(
      'Holds a million sessions on this machine, server and fleet together, for 60 s,\n' +
        'counts one broadcast at every one of them, and writes a report. Linux; kernel settings\n' +
        'are set by root through "holdfast doctor" and put back. It needs about 16 GB.',
    )
    .option('--connections <n>', 'Sessions to hold.', whole, 1_000_000)
    .option('--rate <n>', 'Connections a second, at most.', whole, 6_000)
    .option('--hold <seconds>', 'How long to hold them.', whole, 60)
    .option('--churn <percent>', 'Share that leaves and comes back in a minute.', share, 0)
    .addOption(
      new Option('--server <name>', 'What holds them: Holdfast, or bare Bun.serve as the control.')
        .choices(['holdfast', 'bare'])
        .default('holdfast'),
    )
    .addOption(
      new Option('--protocol <name>', 'What sessions speak.')
        .choices(CLIENT_PROTOCOLS)
        .default('socket-io'),
    )
    .option('--poll-hold <ms>', 'How long the server holds a poll.', whole, POLL_HOLD_MS)
    .option(
      '--out <folder>',
      'Where the run is kept.',
      join('bench', 'results', 'scratch', `${stamp}-million`),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  npm run million -- --connections 100000\n' +
        '  npm run million -- --protocol poll',
    )
    .parse(argv)
    .opts<MillionOptions>();
  return options.server === 'bare' ? { ...options, protocol: 'websocket' } : options;
}

function whole(text: string): number {
  if (/^[1-9]\d{0,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it must be a whole number from 1 on.');
}

function share(text: string): number {
  if (/^\d{1,3}(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it must be a number from 0 on.');
}
