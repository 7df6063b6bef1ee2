/** What a node of this configuration would be on this host; the controller knows the rules. */
import type { Config } from '../host/config/schema.ts';
import type { HostFacts } from '../host/generate/deployment.ts';
import { HostFiles } from '../host/machine/host-files.ts';
import { memoryOfHost } from '../host/machine/host-memory.ts';
import { ownOpenFileLimit } from '../host/machine/process-limits.ts';
import { sysctlNumbers } from '../host/machine/sysctl.ts';
import { capacityOf, workerCount, workerPlaces } from '../server/controller/capacity.ts';

/** Linux's own range, where the kernel does not tell. */
const LOCAL_PORTS: readonly [first: number, last: number] = [32_768, 60_999];

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
