/** `holdfast fleet hosts status`: the hosts that were started, and whether their agents answer. */
import { Command } from 'commander';
import { HostsFile } from '../fleet/hosts/hosts-file.ts';
import { CliError } from './cli-error.ts';
import { hostsJson, hostsText } from './fleet-hosts-text.ts';
import { viewsAsFarAsKnown } from './fleet-hosts-view.ts';
import { told } from './fleet-told.ts';
import { print, printJson } from './output.ts';

const NONE = 'No hosts are kept: start some with "holdfast fleet hosts start".';

export function fleetHostsStatusCommand(): Command {
  return new Command('status')
    .description('Show the hosts that were started, and whether their agents answer.')
    .option('--json', 'Print them as JSON.')
    .addHelpText('after', '\nExample:\n  holdfast fleet hosts status --json')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const { views, fault } = await told(() => viewsAsFarAsKnown(new HostsFile().read()));
      if (json) await printJson(hostsJson(views));
      else if (views.length > 0) await print(hostsText(views));
      else if (fault === undefined) await print(NONE);
      if (fault !== undefined) throw new CliError(fault.message, { cause: fault });
    });
}
