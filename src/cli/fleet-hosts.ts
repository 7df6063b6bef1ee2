/** `holdfast fleet hosts`: agents on other hosts, rented or not. Its commands are one file each. */
import { Command } from 'commander';
import { fleetHostsStartCommand } from './fleet-hosts-start.ts';
import { fleetHostsStatusCommand } from './fleet-hosts-status.ts';
import { fleetHostsStopCommand } from './fleet-hosts-stop.ts';

export function fleetHostsCommand(): Command {
  const command = new Command('hosts')
    .description('Start agents on other hosts, rented or reached by ssh; "fleet run" finds them.')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  holdfast fleet hosts start --ssh root@10.0.0.3,root@10.0.0.4:2222\n' +
        '  holdfast fleet hosts start 40 --provider ec2 --regions us-east-1,eu-west-1 \\\n' +
        '    --allow 203.0.113.7\n' +
        '  holdfast fleet hosts status\n  holdfast fleet hosts stop all',
    );
  const commands = [fleetHostsStartCommand(), fleetHostsStatusCommand(), fleetHostsStopCommand()];
  for (const each of commands) command.addCommand(each);
  return command;
}
