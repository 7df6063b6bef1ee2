/** Hosts that were started as they are now: what their provider says of them, and their agents. */
import { agentsOf, checkAgents } from '../fleet/hosts/agents.ts';
import { findInstances } from '../fleet/hosts/ec2/ec2-fleet.ts';
import { openEc2 } from '../fleet/hosts/ec2/open-ec2.ts';
import { HostsFile } from '../fleet/hosts/hosts-file.ts';
import type { FleetHost, HostFleet } from '../fleet/hosts/hosts-state.ts';
import { FleetError } from '../fleet/settings/fleet-error.ts';

export interface HostView {
  readonly fleet: string;
  readonly name: string;
  readonly region: string | undefined;
  readonly address: string | undefined;
  /** As EC2 says it, or `gone`; of a host that exists, whether an agent answers. */
  readonly state: string;
  readonly agents: number;
  /** Agents that answer and take the token. */
  readonly answering: number;
  /** Connections of these. */
  readonly open: number;
  readonly endsAtMs: number;
}

/** Asks providers and agents, and keeps addresses that became known. @throws FleetError */
export async function viewsOf(fleets: readonly HostFleet[]): Promise<readonly HostView[]> {
  const { views, fault } = await viewsAsFarAsKnown(fleets);
  if (fault === undefined) return views;
  throw fault;
}

/** The same, where a provider that gives no answer is to hide no other. */
export async function viewsAsFarAsKnown(
  fleets: readonly HostFleet[],
): Promise<{ readonly views: readonly HostView[]; readonly fault: FleetError | undefined }> {
  const views: HostView[] = [];
  let fault: FleetError | undefined;
  for (const fleet of fleets) {
    try {
      views.push(...(await viewsOfFleet(fleet)));
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      fault ??= error;
    }
  }
  return { views, fault };
}

async function viewsOfFleet(fleet: HostFleet): Promise<readonly HostView[]> {
  const { provider } = fleet;
  const states = new Map<string, string>();
  const current = provider === 'ec2' ? await lookedUp(fleet, states) : fleet;
  const checks = await checkAgents(agentsOf([current]));
  return current.hosts.map((host): HostView => {
    const own = checks.filter(({ agent }) => agent.host === host.address);
    const answering = own.filter(({ open }) => open !== undefined);
    const answers = answering.length > 0 ? 'answers' : 'silent';
    return {
      fleet: fleet.id,
      name: host.name,
      region: host.region,
      address: host.address,
      state: provider === 'ec2' ? (states.get(host.name) ?? 'gone') : answers,
      agents: fleet.ports.length,
      answering: answering.length,
      open: answering.reduce((sum, { open = 0 }) => sum + open, 0),
      endsAtMs: fleet.endsAtMs,
    };
  });
}

/** The fleet with all instances that there are, those that the file does not know of included. */
async function lookedUp(fleet: HostFleet, states: Map<string, string>): Promise<HostFleet> {
  const inRegion = await openEc2();
  const found = await findInstances(fleet.regions.map(inRegion), (id) => id === fleet.id);
  for (const { id, state } of found) states.set(id, state);
  const there = found.map(({ id, region, address }): FleetHost => ({ name: id, region, address }));
  const gone = fleet.hosts
    .filter(({ name }) => !states.has(name))
    .map(({ name, region }): FleetHost => ({ name, region }));
  const current = { ...fleet, hosts: [...there, ...gone] };
  const file = new HostsFile();
  if (file.read().some(({ id }) => id === fleet.id)) file.put({ ...current, hosts: there });
  return current;
}
