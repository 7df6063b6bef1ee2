/** `holdfast doctor`: how many sessions this machine holds, and what stops the next one. */
import { Command, CommanderError } from 'commander';
import type { DoctorOptions } from './doctor-run.ts';
import { print } from './output.ts';

const EXAMPLES = `
Examples:
  holdfast doctor --connections 1000000
  sudo holdfast doctor --connections 1000000 --apply
  sudo holdfast doctor --undo

It reads only, unless it is told to --apply or --undo. The exit code is 0 when nothing warns and 1
when something does, after --apply too; what --apply could not raise stays a warning.`;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say how many sessions this machine holds, and what stops the next one.')
    .option('--connections <number>', 'How many sessions it is to hold; else as configured.')
    .option('--config <file>', 'Config file of the node. (env: HOLDFAST_CONFIG)')
    .option('--with-fleet', 'Reckon with a fleet on this machine: both ends of each connection.')
    .option('--apply', 'As root: raise what is too low, now and for later starts.')
    .option('--undo', 'As root: put back what --apply has changed.')
    .option('--json', 'Print the findings as JSON.')
    .addHelpText('after', EXAMPLES)
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./doctor-run.ts');
      const { HostFiles } = await import('../host/machine/host-files.ts');
      const texts: string[] = [];
      const isWell = doctor(options, {
        host: new HostFiles(),
        isRoot: process.getuid?.() === 0,
        run,
        print: (text) => void texts.push(text),
      });
      await print(texts.join('\n'));
      // What was found has been said; this only sets the exit code.
      if (!isWell) throw new CommanderError(1, 'holdfast.doctor', 'something warns');
    });
}

function run(command: readonly string[]): void {
  try {
    Bun.spawnSync([...command]);
  } catch {
    // Without systemctl, systemd reads the files when it starts the next time.
  }
}
