/** `holdfast fleet hosts status`: the hosts that were started, and whether their agents answer. */
import { Command } from 'commander';
import { HostsFile } from '../fleet/hosts/hosts-file.ts';
import { hostsJson, hostsText } from './fleet-hosts-text.ts';
import { viewsOf } from './fleet-hosts-view.ts';
import { told } from './fleet-told.ts';
import { print, printJson } from './output.ts';

const NONE = 'No hosts are kept: start some with "holdfast fleet hosts start".';

export function fleetHostsStatusCommand(): Command {
  return new Command('status')
    .description('Show the hosts that were started, and whether their agents answer.')
    .option('--json', 'Print them as JSON.')
    .addHelpText('after', '\nExample:\n  holdfast fleet hosts status --json')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const views = await told(() => viewsOf(new HostsFile().read()));
      if (json) await printJson(hostsJson(views));
      else await print(views.length === 0 ? NONE : hostsText(views));
    });
}
