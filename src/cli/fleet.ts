/** `holdfast fleet`: the load generator. Its commands are one file each. */
import { Command } from 'commander';
import { fleetAgentCommand } from './fleet-agent.ts';
import { fleetSetCommand, fleetStatusCommand, fleetStopCommand } from './fleet-control.ts';
import { fleetHostsCommand } from './fleet-hosts.ts';
import { fleetRunCommand } from './fleet-run.ts';

export function fleetCommand(): Command {
  const command = new Command('fleet')
    .description('Load a server with connections, from this host or from many.')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast fleet run --target http://127.0.0.1:8500 --connections 5000\n' +
        '  holdfast fleet status\n  holdfast fleet set connections 20000\n' +
        '  holdfast fleet hosts start --ssh root@10.0.0.3,root@10.0.0.4',
    );
  const commands = [
    fleetRunCommand(),
    fleetAgentCommand(),
    fleetHostsCommand(),
    fleetStatusCommand(),
    fleetSetCommand(),
    fleetStopCommand(),
  ];
  for (const each of commands) command.addCommand(each);
  return command;
}
