/** What a node of this configuration would be on this host; the controller knows the rules. */
import type { Config } from '../host/config/schema.ts';
import { type Diagnosis, diagnose } from '../host/doctor/diagnosis.ts';
import { type Outlook, outlookOf } from '../host/doctor/outlook.ts';
import { ownCommand } from '../host/foreign/bun-command.ts';
import type { HostFacts } from '../host/generate/deployment.ts';
import type { SystemdFacts } from '../host/generate/systemd.ts';
import { HostFiles } from '../host/machine/host-files.ts';
import { memoryOfHost } from '../host/machine/host-memory.ts';
import { ownOpenFileLimit } from '../host/machine/process-limits.ts';
import { sysctlNumbers } from '../host/machine/sysctl.ts';
import { capacityOf, workerCount, workerPlaces } from '../server/controller/capacity.ts';
import { CliError } from './cli-error.ts';
import { nodeRules } from './doctor-rules.ts';

/** Linux's own range, where the kernel does not tell. */
const LOCAL_PORTS: readonly [first: number, last: number] = [32_768, 60_999];
/** What systemd gives by itself: for a service that nobody has said a number of. */
const OPEN_FILES_USUAL = 524_288;

export function hostFacts(config: Config, host: HostFiles = new HostFiles()): HostFacts {
  const openFiles = ownOpenFileLimit(`${host.root}/proc`);
  const places = workerPlaces(config, openFiles);
  const [first = LOCAL_PORTS[0], last = LOCAL_PORTS[1]] =
    sysctlNumbers(host, 'net.ipv4.ip_local_port_range') ?? [];
  return {
    workers: workerCount(config, capacityOf(places)),
    connectionsPerWorker: places.connections,
    openFiles,
    memoryBytes: memoryOfHost(host),
    localPorts: last - first + 1,
  };
}

/** @param host where the service will run */
export function serviceFacts(config: Config, host: HostFiles = new HostFiles()): SystemdFacts {
  const { connections } = config;
  const needed = connections === undefined ? 0 : outlook(config, connections, host).openFilesNeeded;
  const openFilesNeeded = Math.max(OPEN_FILES_USUAL, needed);
  const places = workerPlaces(config, openFilesNeeded);
  const command = ownCommand().words;
  return { command, openFilesNeeded, workers: workerCount(config, capacityOf(places)) };
}

/** @throws CliError where nobody says how many connections it is to hold */
export function diagnosisFor(config: Config, host: HostFiles = new HostFiles()): Diagnosis {
  if (config.connections !== undefined) return diagnose(outlook(config, config.connections, host));
  throw new CliError('Say for how many connections, such as --connections 100000.');
}

function outlook(config: Config, connections: number, host: HostFiles): Outlook {
  return outlookOf(host, { connections, withFleet: false, node: nodeRules(config) });
}
