/**
 * Agents on hosts that exist, started and stopped over ssh: several hosts at a time, each in
 * bounded time. What could not be started on a host is stopped there again.
 */

import { createHash } from 'node:crypto';
import { FleetError } from '../../settings/fleet-error.ts';
import { isHost } from '../host-name.ts';
import type { FleetHost, HostFleet } from '../hosts-state.ts';
import { inTurns } from '../in-turns.ts';
import { type Destination, parseDestination } from './destination.ts';
import { lacksCommand, readStart, startScript, stopScript } from './scripts.ts';
import { addressOf, runThere, type SshAnswer, type SshProgram } from './ssh-program.ts';

const AT_A_TIME = 16;
/** Connecting, and agents that take their time on a busy host. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
/** What ssh itself ends with. */
const SSH_FAILED = 255;

export interface HostFault {
  readonly name: string;
  /** A clause. */
  readonly reason: string;
}

export interface Started {
  readonly hosts: readonly FleetHost[];
  readonly faults: readonly HostFault[];
}

/** @throws FleetError where there is no ssh */
export function findSsh(config: string | undefined): SshProgram {
  const path = Bun.which('ssh');
  if (path !== null) return { path, config };
  throw new FleetError('There is no ssh on this host: install openssh-client.');
}

/**
 * @param fleet what is to be, its hosts by name alone
 * @param command of Holdfast there
 */
export async function startOverSsh(fleet: HostFleet, command: string): Promise<Started> {
  const ssh = findSsh(fleet.sshConfig);
  const seconds = Math.ceil((fleet.endsAtMs - fleet.startedAtMs) / 1_000);
  const ends = await inTurns(fleet.hosts, AT_A_TIME, async (host) => {
    const destination = parseDestination(host.name);
    const address = await addressOf(ssh, destination);
    const started: FleetHost = { ...host, address };
    if (!isHost(address)) return { name: host.name, reason: 'ssh connects to no plain address' };
    const listen = address.includes(':') ? '[::]' : '0.0.0.0';
    const { token, ports } = fleet;
    const id = idOf(fleet, host);
    const script = startScript({ id, ports, token, command, listen, seconds });
    const answer = await runThere(ssh, destination, script, START_TIMEOUT_MS);
    const reason = faultOf(answer, ports, command);
    if (reason === undefined) return started;
    if (answer.code !== SSH_FAILED) await stopThere(ssh, destination, fleet, host);
    return { name: host.name, reason };
  });
  return {
    hosts: ends.flatMap((end) => ('reason' in end ? [] : [end])),
    faults: ends.flatMap((end) => ('reason' in end ? [end] : [])),
  };
}

/** @returns hosts whose agents may run on, each with the reason */
export async function stopOverSsh(
  fleet: HostFleet,
  hosts: readonly FleetHost[],
): Promise<readonly HostFault[]> {
  const ssh = findSsh(fleet.sshConfig);
  const reasons = await inTurns(hosts, AT_A_TIME, (host) =>
    stopThere(ssh, parseDestination(host.name), fleet, host),
  );
  return hosts.flatMap(({ name }, index) => {
    const reason = reasons[index];
    return reason === undefined ? [] : [{ name, reason }];
  });
}

/** @returns why it may not have been done */
async function stopThere(
  ssh: SshProgram,
  destination: Destination,
  fleet: HostFleet,
  host: FleetHost,
): Promise<string | undefined> {
  const script = stopScript({ id: idOf(fleet, host), ports: fleet.ports });
  const answer = await runThere(ssh, destination, script, STOP_TIMEOUT_MS);
  const isDone = answer.code === 0 && /^stopped \d+$/m.test(answer.out);
  return isDone ? undefined : answer.reason;
}

function faultOf(answer: SshAnswer, ports: readonly number[], command: string): string | undefined {
  if (lacksCommand(answer.out)) {
    return `it has no command ${command}; install it there with npm, or name it with --command`;
  }
  const failed = answer.code === 0 ? readStart(answer.out, ports) : undefined;
  if (failed === undefined) return answer.reason;
  const [first] = failed;
  return first === undefined ? undefined : `the agent at port ${first[0]} failed: ${first[1]}`;
}

/** Hosts of one fleet may share a home, or be one host under two names. */
function idOf({ id }: HostFleet, { name }: FleetHost): string {
  return `${id}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}
