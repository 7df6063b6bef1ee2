/** The command line of the million run. */

import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';

export interface MillionOptions {
  readonly connections: number;
  /** Connections begun in one second, at most. */
  readonly rate: number;
  /** Seconds. */
  readonly hold: number;
  /** Percent of the sessions that leave and come back in a minute. */
  readonly churn: number;
  readonly server: 'holdfast' | 'bare';
  readonly out: string;
}

export function parseOptions(argv: readonly string[]): MillionOptions {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return new Command('npm run million --')
    .description(
      'Holds a million Socket.IO sessions on this machine, server and fleet together, for 60 s,\n' +
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
    .option(
      '--out <folder>',
      'Where the run is kept.',
      join('bench', 'results', 'scratch', `${stamp}-million`),
    )
    .addHelpText('after', '\nExample:\n  npm run million -- --connections 100000')
    .parse(argv)
    .opts<MillionOptions>();
}

function whole(text: string): number {
  if (/^[1-9]\d{0,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it must be a whole number from 1 on.');
}

function share(text: string): number {
  if (/^\d{1,3}(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it must be a number from 0 on.');
}
