/**
 * `holdfast fleet hosts start`: what is to be started is judged, priced and kept in the file first,
 * so that whatever ends this command, others know what there may be.
 */
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { StartError, startInstances } from '../fleet/hosts/ec2/ec2-fleet.ts';
import { firstBootScript, parsePackage } from '../fleet/hosts/ec2/first-boot.ts';
import { openEc2 } from '../fleet/hosts/ec2/open-ec2.ts';
import {
  type Ec2Order,
  parseImages,
  parseNetwork,
  parseRegions,
  parseType,
} from '../fleet/hosts/ec2/order.ts';
import { priceOf, priceText } from '../fleet/hosts/ec2/prices.ts';
import { HostsFile } from '../fleet/hosts/hosts-file.ts';
import {
  AGENTS_PER_HOST_MAX,
  HOSTS_MAX,
  type HostFleet,
  MINUTES_MAX,
  newFleetId,
} from '../fleet/hosts/hosts-state.ts';
import { parseDestinations } from '../fleet/hosts/ssh/destination.ts';
import { COMMAND_RULE, isCommand } from '../fleet/hosts/ssh/scripts.ts';
import { findSsh, type HostFault, startOverSsh } from '../fleet/hosts/ssh/ssh-hosts.ts';
import { counted, wholeOf } from '../fleet/settings/numbers.ts';
import { AGENT_PORT } from '../fleet/settings/settings.ts';
import { makeToken } from '../host/access/token.ts';
import { CliError } from './cli-error.ts';
import { hostsText, startedJson } from './fleet-hosts-text.ts';
import { type HostView, viewsOf } from './fleet-hosts-view.ts';
import { told } from './fleet-told.ts';
import { print, printJson, remark } from './output.ts';

interface StartOptions {
  readonly provider?: string;
  readonly ssh?: readonly string[];
  readonly sshConfig?: string;
  readonly command: string;
  readonly regions?: string;
  readonly type: string;
  readonly image?: string;
  readonly allow?: string;
  readonly price?: string;
  readonly package: string;
  readonly agents: string;
  readonly port: string;
  readonly minutes: string;
  readonly wait: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const WAIT_SECONDS_MAX = 3_600;
const LOOK_AGAIN_MS = 5_000;

export function fleetHostsStartCommand(): Command {
  const command = new Command('start')
    .description('Start agents on hosts that exist (--ssh), or on hosts that are rented.')
    .argument('[count]', 'Hosts to rent.')
    .option('--ssh <hosts>', 'Hosts as user@host:port, by commas; repeatable.', collect)
    .option('--provider <name>', 'Where to rent hosts: ec2.')
    .option('--agents <n>', 'Agents on each host.', '1')
    .option(
      '--port <port>',
      'Port of the first agent; the others have the next ones.',
      `${AGENT_PORT}`,
    )
    .option('--minutes <n>', 'After which all of it ends by itself.', '60');
  addSshOptions(command);
  addEc2Options(command);
  return command
    .option('--json', 'Print what was started as JSON.')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  holdfast fleet hosts start --ssh root@10.0.0.3,root@10.0.0.4:2222 --agents 4\n' +
        '  holdfast fleet hosts start 40 --provider ec2 --regions us-east-1,eu-west-1 \\\n' +
        '    --allow 203.0.113.7 --minutes 90\n\n' +
        'The token that agents want is made here, and kept with their addresses in a file\n' +
        'that only this user reads. Orders go to agents over HTTP that is not encrypted.',
    )
    .action((count: string | undefined, options: StartOptions) =>
      told(() => (options.ssh === undefined ? rent(count, options) : reach(count, options))),
    );
}

function addSshOptions(command: Command): void {
  command
    .option('--command <path>', 'With --ssh: Holdfast on those hosts.', 'holdfast')
    .option('--ssh-config <file>', 'With --ssh: configuration of ssh, instead of your own.');
}

function addEc2Options(command: Command): void {
  command
    .option('--regions <names>', 'Regions to spread rented hosts over, by commas.')
    .option('--type <name>', 'Type of instance.', 't3.small')
    .option('--allow <network>', 'Address or network that reaches the agents.')
    .option('--image <region=ami>', 'Images, by commas; else Amazon Linux 2023.')
    .option('--price <usd>', 'What one host costs an hour, if you know better.')
    .option('--package <name>', 'What npm installs there.', `holdfast@${packageJson.version}`)
    .option('--wait <seconds>', 'How long to wait for rented hosts to answer.', '300')
    .option('--yes', 'Rent without asking.');
}

async function reach(count: string | undefined, options: StartOptions): Promise<void> {
  const { command, provider, ssh = [], sshConfig } = options;
  if (provider !== undefined || count !== undefined) {
    throw new CliError('Give either --ssh with hosts that exist, or a number and --provider.');
  }
  const destinations = parseDestinations(ssh);
  if (!isCommand(command)) {
    throw new CliError(`--command is "${command}"; it must be ${COMMAND_RULE}.`);
  }
  findSsh(undefined);
  const fleet: HostFleet = {
    ...newFleet('ssh', options),
    hosts: destinations.map(({ name }) => ({ name })),
    ...(sshConfig === undefined ? {} : { sshConfig: resolve(sshConfig) }),
  };
  const file = new HostsFile();
  file.put(fleet);
  const { hosts, faults } = await startOverSsh(fleet, command);
  const started = { ...fleet, hosts };
  if (hosts.length > 0) file.put(started);
  else file.remove(fleet.id);
  await show(started, await viewsOf([started]), options);
  if (faults.length > 0) throw new CliError(faultText(faults, destinations.length));
}

async function rent(count: string | undefined, options: StartOptions): Promise<void> {
  const { provider, type, package: name } = options;
  if (provider !== 'ec2') {
    throw new CliError(
      provider === undefined
        ? 'Say which hosts: --ssh user@host, or a number and --provider ec2.'
        : `--provider is "${provider}"; it must be ec2.`,
    );
  }
  const order: Ec2Order = {
    count: wholeOf('the number of hosts', count ?? '', 1, HOSTS_MAX),
    regions: parseRegions(options.regions ?? ''),
    type: parseType(type),
    images: parseImages(options.image),
    allow: parseNetwork(options.allow),
  };
  const waitSeconds = wholeOf('--wait', options.wait, 0, WAIT_SECONDS_MAX);
  const minutes = minutesOf(options);
  const fleet: HostFleet = { ...newFleet('ec2', options), regions: order.regions };
  const userData = firstBootScript(fleet, parsePackage(name));
  const price = priceText(priceOf(type, options.price), { count: order.count, type, minutes });
  await agree(price, options);
  const inRegion = await openEc2();
  const regions = order.regions.map(inRegion);
  const file = new HostsFile();
  file.put(fleet);
  const started = await startOrForget(file, fleet, () =>
    startInstances(regions, fleet, order, userData),
  );
  file.put(started);
  const views = await answering(started, waitSeconds);
  await show(started, views, options);
  const silent = views.filter(({ answering }) => answering < started.ports.length).length;
  if (waitSeconds === 0 || silent === 0) return;
  throw new CliError(
    `${silent} of ${counted(views.length, 'host')} do not answer after ${waitSeconds} s: look ` +
      'again with "holdfast fleet hosts status", or end them with "holdfast fleet hosts stop all".',
  );
}

/** A fleet of which nothing is left is not kept. */
async function startOrForget(
  file: HostsFile,
  fleet: HostFleet,
  start: () => ReturnType<typeof startInstances>,
): Promise<HostFleet> {
  try {
    const instances = await start();
    const hosts = instances.map(({ id, region, address }) => ({ name: id, region, address }));
    return { ...fleet, hosts };
  } catch (error) {
    if (error instanceof StartError && !error.isAnythingLeft) file.remove(fleet.id);
    throw error;
  }
}

/** Looks until all answer, or the time is over. */
async function answering(fleet: HostFleet, waitSeconds: number): Promise<readonly HostView[]> {
  const deadlineMs = performance.now() + waitSeconds * 1_000;
  for (;;) {
    const views = await viewsOf([fleet]);
    const isDone = views.every((view) => view.answering === fleet.ports.length);
    if (isDone || performance.now() >= deadlineMs) return views;
    await Bun.sleep(LOOK_AGAIN_MS);
  }
}

/** @throws CliError when nobody can be asked, or the answer is no */
async function agree(price: string, { yes }: StartOptions): Promise<void> {
  remark(price);
  if (yes === true) return;
  if (!process.stdin.isTTY) {
    throw new CliError('Nobody can be asked whether to rent them: give --yes, or use a terminal.');
  }
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await reader.question('Rent them? [y/N] ');
    if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('Nothing was rented.');
  } finally {
    reader.close();
  }
}

function newFleet(provider: HostFleet['provider'], options: StartOptions): HostFleet {
  const agents = wholeOf('--agents', options.agents, 1, AGENTS_PER_HOST_MAX);
  const first = wholeOf('--port', options.port, 1, 65_536 - agents);
  const startedAtMs = Date.now();
  return {
    id: newFleetId(),
    provider,
    token: makeToken(),
    ports: Array.from({ length: agents }, (_, index) => first + index),
    startedAtMs,
    endsAtMs: startedAtMs + minutesOf(options) * 60_000,
    regions: [],
    hosts: [],
  };
}

function minutesOf({ minutes }: StartOptions): number {
  return wholeOf('--minutes', minutes, 1, MINUTES_MAX);
}

async function show(
  fleet: HostFleet,
  views: readonly HostView[],
  { json }: StartOptions,
): Promise<void> {
  if (json) await printJson(startedJson(fleet, views));
  else if (views.length > 0) await print(hostsText(views));
}

function faultText(faults: readonly HostFault[], asked: number): string {
  const [first] = faults as [HostFault, ...HostFault[]];
  const others = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`;
  const what =
    faults.length === asked ? 'No host has' : `${faults.length} of ${asked} hosts have no`;
  return `${what} agents: ${first.name}: ${first.reason}${others}.`;
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
