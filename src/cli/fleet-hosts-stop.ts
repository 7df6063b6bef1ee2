/**
 * `holdfast fleet hosts stop`: ends agents on hosts that exist, and rented hosts altogether. What
 * cannot be ended stays in the file, and the command says so.
 */
import { Command } from 'commander';
import { type FleetInstance, removeGroups, stopInstances } from '../fleet/hosts/ec2/ec2-fleet.ts';
import { openEc2 } from '../fleet/hosts/ec2/open-ec2.ts';
import { parseRegions } from '../fleet/hosts/ec2/order.ts';
import { HostsFile } from '../fleet/hosts/hosts-file.ts';
import type { HostFleet } from '../fleet/hosts/hosts-state.ts';
import { type HostFault, stopOverSsh } from '../fleet/hosts/ssh/ssh-hosts.ts';
import { FleetError } from '../fleet/settings/fleet-error.ts';
import { counted, wholeOf } from '../fleet/settings/numbers.ts';
import { CliError } from './cli-error.ts';
import { told } from './fleet-told.ts';
import { print, printJson } from './output.ts';

interface StopOptions {
  readonly regions?: string;
  readonly forget?: boolean;
  readonly wait: string;
  readonly json?: boolean;
}

interface StopResult {
  readonly stopped: readonly string[];
  readonly faults: readonly HostFault[];
  readonly groupsLeft: number;
}

const WAIT_SECONDS_MAX = 3_600;
const LOOK_AGAIN_MS = 5_000;

export function fleetHostsStopCommand(): Command {
  return new Command('stop')
    .description('End agents on hosts that exist, and hosts that were rented.')
    .argument('<hosts...>', 'Hosts as "status" shows them, or all.')
    .option('--regions <names>', 'With all: every host there that Holdfast rented, whoever did.')
    .option('--forget', 'Drop hosts that cannot be reached; their agents end in time.')
    .option('--wait <seconds>', 'How long to wait for EC2 to let go of security groups.', '180')
    .option('--json', 'Print what was stopped as JSON.')
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast fleet hosts stop all\n' +
        '  holdfast fleet hosts stop root@10.0.0.3 i-0123456789abcdef0\n' +
        '  holdfast fleet hosts stop all --regions us-east-1   # on another computer',
    )
    .action((names: readonly string[], options: StopOptions) => told(() => stop(names, options)));
}

async function stop(names: readonly string[], options: StopOptions): Promise<void> {
  const isAll = names.length === 1 && names[0] === 'all';
  const waitSeconds = wholeOf('--wait', options.wait, 0, WAIT_SECONDS_MAX);
  if (options.regions !== undefined) {
    if (!isAll) throw new CliError('--regions ends all hosts there: give it with "stop all".');
    const result = await stopRented(parseRegions(options.regions), waitSeconds, () => true);
    await conclude(result, options);
    return;
  }
  const file = new HostsFile();
  const fleets = file.read();
  if (!isAll) refuseUnknown(names, fleets);
  const isNamed = (name: string): boolean => isAll || names.includes(name);
  const results: StopResult[] = [];
  for (const fleet of fleets) {
    if (!isAll && !fleet.hosts.some(({ name }) => isNamed(name))) continue;
    const stopOne = fleet.provider === 'ssh' ? stopReached : stopFleet;
    results.push(await stopOne(file, fleet, isNamed, { ...options, waitSeconds }));
  }
  await conclude(
    {
      stopped: results.flatMap(({ stopped }) => stopped),
      faults: results.flatMap(({ faults }) => faults),
      groupsLeft: results.reduce((sum, { groupsLeft }) => sum + groupsLeft, 0),
    },
    options,
  );
}

interface HowToStop extends StopOptions {
  readonly waitSeconds: number;
}

async function stopReached(
  file: HostsFile,
  fleet: HostFleet,
  isNamed: (name: string) => boolean,
  { forget }: HowToStop,
): Promise<StopResult> {
  const chosen = fleet.hosts.filter(({ name }) => isNamed(name));
  const faults = await stopOverSsh(fleet, chosen);
  const isFaulty = new Set(faults.map(({ name }) => name));
  const isKept = (name: string): boolean =>
    !isNamed(name) || (isFaulty.has(name) && forget !== true);
  keep(file, { ...fleet, hosts: fleet.hosts.filter(({ name }) => isKept(name)) }, false);
  const stopped = chosen.map(({ name }) => name).filter((name) => !isFaulty.has(name));
  return { stopped, faults: forget ? [] : faults, groupsLeft: 0 };
}

async function stopFleet(
  file: HostsFile,
  fleet: HostFleet,
  isNamed: (name: string) => boolean,
  { waitSeconds, forget }: HowToStop,
): Promise<StopResult> {
  const isOurs = (id: string): boolean => id === fleet.id;
  let result: StopResult;
  try {
    result = await stopRented(fleet.regions, waitSeconds, isOurs, ({ id }) => isNamed(id));
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    if (forget) file.remove(fleet.id);
    const name = `fleet ${fleet.id} in ${fleet.regions.join(', ')}`;
    const reason = error.message.replace(/\.$/, '');
    return { stopped: [], faults: forget ? [] : [{ name, reason }], groupsLeft: 0 };
  }
  const hosts = fleet.hosts.filter(({ name }) => !isNamed(name));
  keep(file, { ...fleet, hosts }, result.groupsLeft > 0);
  return result;
}

/** Waits for the security groups, which EC2 lets go of when their instances are gone. */
async function stopRented(
  names: readonly string[],
  waitSeconds: number,
  isOurs: (fleet: string) => boolean,
  isChosen?: (instance: FleetInstance) => boolean,
): Promise<StopResult> {
  const inRegion = await openEc2();
  const regions = names.map(inRegion);
  const { instances, isAnyLeft } = await stopInstances(regions, isOurs, isChosen);
  const deadlineMs = performance.now() + waitSeconds * 1_000;
  let groupsLeft = isAnyLeft ? 0 : await removeGroups(regions, isOurs);
  while (groupsLeft > 0 && performance.now() < deadlineMs) {
    await Bun.sleep(LOOK_AGAIN_MS);
    groupsLeft = await removeGroups(regions, isOurs);
  }
  return { stopped: instances.map(({ id }) => id), faults: [], groupsLeft };
}

function keep(file: HostsFile, fleet: HostFleet, isGroupLeft: boolean): void {
  if (fleet.hosts.length > 0 || isGroupLeft) file.put(fleet);
  else file.remove(fleet.id);
}

/** @throws CliError when something could not be ended */
async function conclude(result: StopResult, { json }: StopOptions): Promise<void> {
  const { stopped, faults, groupsLeft } = result;
  if (json) await printJson(result);
  else await print(`${counted(stopped.length, 'host')} stopped.`);
  const [first] = faults;
  if (first !== undefined) {
    throw new CliError(
      `Not all could be stopped (${first.name}: ${first.reason}): try again, or give --forget, ` +
        'and what is left ends when its time is over.',
    );
  }
  if (groupsLeft > 0) {
    throw new CliError(
      `${counted(groupsLeft, 'security group')} still in use, which cost nothing: run the same ` +
        'again in some minutes.',
    );
  }
}

function refuseUnknown(names: readonly string[], fleets: readonly HostFleet[]): void {
  const known = new Set(fleets.flatMap(({ hosts }) => hosts.map(({ name }) => name)));
  const unknown = names.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new CliError(
    `"${unknown}" is no host that was started: "holdfast fleet hosts status" shows them.`,
  );
}
