/**
 * Rented hosts of a fleet, in one region or several. All that is started carries a tag, and only
 * what carries it is listed or ended: EC2 is asked for that alone, and what it answers is looked at
 * again before anything is done to it.
 */

import { FleetError } from '../../settings/fleet-error.ts';
import { counted } from '../../settings/numbers.ts';
import { type HostFleet, ID_PATTERN } from '../hosts-state.ts';
import { inTurns } from '../in-turns.ts';
import type { Ec2Region, Instance, Tag } from './ec2-api.ts';
import type { Ec2Order } from './order.ts';

/** Its value is the id of the fleet. */
export const FLEET_TAG = 'holdfast-fleet';

const REGIONS_AT_A_TIME = 8;
/** EC2 takes a thousand in one request. */
const TERMINATED_AT_ONCE = 500;
const ENDED: ReadonlySet<string> = new Set(['shutting-down', 'terminated']);

/** An instance that carries our tag and is not on its way out. */
export interface FleetInstance {
  readonly id: string;
  readonly region: string;
  readonly fleet: string;
  readonly state: string;
  readonly address: string | undefined;
}

export interface Stopped {
  readonly instances: readonly FleetInstance[];
  /** Whether instances of these fleets go on. */
  readonly isAnyLeft: boolean;
}

/** A start that failed. */
export class StartError extends FleetError {
  override readonly name = 'StartError';
  /** Whether something of it may still be there, which `stop all` ends. */
  readonly isAnythingLeft: boolean;

  constructor(cause: unknown, isAnythingLeft: boolean) {
    const why = cause instanceof FleetError ? cause.message : String(cause);
    const left = isAnythingLeft
      ? ' Something of it may be left: run "holdfast fleet hosts stop all".'
      : ' Nothing of it is left.';
    super(`${why}${left}`, { cause });
    this.isAnythingLeft = isAnythingLeft;
  }
}

/**
 * Starts what was ordered; where one region fails, what the others started is ended again.
 *
 * @param userData of each instance
 * @throws StartError
 */
export async function startInstances(
  regions: readonly Ec2Region[],
  fleet: HostFleet,
  order: Ec2Order,
  userData: string,
): Promise<readonly FleetInstance[]> {
  const shares = regions.map((region, index) => ({
    region,
    count:
      Math.floor(order.count / regions.length) + (index < order.count % regions.length ? 1 : 0),
  }));
  const starts = await Promise.allSettled(
    shares
      .filter(({ count }) => count > 0)
      .map(({ region, count }) => startIn(region, count, fleet, order, userData)),
  );
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed === undefined) {
    return starts.flatMap((start) => (start.status === 'fulfilled' ? start.value : []));
  }
  throw new StartError(failed.reason, await isAnythingLeft(regions, fleet.id));
}

/** Ends what a start that failed has started. */
async function isAnythingLeft(regions: readonly Ec2Region[], id: string): Promise<boolean> {
  const isOurs = (fleet: string): boolean => fleet === id;
  try {
    await stopInstances(regions, isOurs);
    return (await removeGroups(regions, isOurs)) > 0;
  } catch {
    return true;
  }
}

/** All that are not on their way out, of fleets that count. */
export async function findInstances(
  regions: readonly Ec2Region[],
  isOurs: (fleet: string) => boolean,
): Promise<readonly FleetInstance[]> {
  const found = await inTurns(regions, REGIONS_AT_A_TIME, async (region) => {
    const instances = await region.instances(FLEET_TAG);
    return instances.flatMap((instance) => fleetInstance(region.region, instance, isOurs));
  });
  return found.flat();
}

/**
 * Ends instances; their security groups are for `removeGroups`.
 *
 * @param isChosen of the instances of these fleets, by default all
 */
export async function stopInstances(
  regions: readonly Ec2Region[],
  isOurs: (fleet: string) => boolean,
  isChosen: (instance: FleetInstance) => boolean = () => true,
): Promise<Stopped> {
  const stopped = await inTurns(regions, REGIONS_AT_A_TIME, async (region) => {
    const all = await findInstances([region], isOurs);
    const instances = all.filter(isChosen);
    for (let at = 0; at < instances.length; at += TERMINATED_AT_ONCE) {
      await region.terminate(instances.slice(at, at + TERMINATED_AT_ONCE).map(({ id }) => id));
    }
    return { instances, isAnyLeft: instances.length < all.length };
  });
  return {
    instances: stopped.flatMap(({ instances }) => instances),
    isAnyLeft: stopped.some(({ isAnyLeft }) => isAnyLeft),
  };
}

/**
 * Deletes the security groups of fleets, as far as EC2 lets go of them.
 *
 * @returns how many still wait for their instances to be gone; they cost nothing
 */
export async function removeGroups(
  regions: readonly Ec2Region[],
  isOurs: (fleet: string) => boolean,
): Promise<number> {
  const left = await inTurns(regions, REGIONS_AT_A_TIME, (region) => deleteGroups(region, isOurs));
  return left.reduce((sum, count) => sum + count, 0);
}

async function startIn(
  region: Ec2Region,
  count: number,
  fleet: HostFleet,
  order: Ec2Order,
  userData: string,
): Promise<readonly FleetInstance[]> {
  const architecture = /^[a-z]+\d+g/.test(order.type) ? 'arm64' : 'x86_64';
  const image = order.images.get(region.region) ?? (await region.newestImage(architecture));
  if (image === undefined) {
    throw new FleetError(
      `EC2 in ${region.region} has no image of Amazon Linux 2023: name one with --image ` +
        `${region.region}=ami-….`,
    );
  }
  const tags: readonly Tag[] = [
    { key: FLEET_TAG, value: fleet.id },
    { key: 'holdfast-fleet-ends', value: new Date(fleet.endsAtMs).toISOString() },
    { key: 'Name', value: `holdfast-fleet-${fleet.id}` },
  ];
  const group = await region.createGroup({
    name: `holdfast-fleet-${fleet.id}`,
    fromPort: Math.min(...fleet.ports),
    toPort: Math.max(...fleet.ports),
    network: order.allow,
    tags,
  });
  const { type } = order;
  const orderId = `holdfast-${fleet.id}-${region.region}`;
  const started = await region.run({ count, type, image, group, userData, tags, orderId });
  const ours = started.flatMap((each) =>
    fleetInstance(region.region, each, (id) => id === fleet.id),
  );
  if (ours.length === count) return ours;
  throw new FleetError(
    `EC2 in ${region.region} started ${ours.length} of ${counted(count, 'instance')}.`,
  );
}

/** @returns how many are still in use */
async function deleteGroups(
  region: Ec2Region,
  isOurs: (fleet: string) => boolean,
): Promise<number> {
  let left = 0;
  for (const { id, tags } of await region.groups(FLEET_TAG)) {
    const fleet = fleetOf(tags);
    if (fleet === undefined || !isOurs(fleet)) continue;
    if (!(await region.deleteGroup(id))) left++;
  }
  return left;
}

function fleetInstance(
  region: string,
  { id, state, address, tags }: Instance,
  isOurs: (fleet: string) => boolean,
): readonly FleetInstance[] {
  const fleet = fleetOf(tags);
  if (fleet === undefined || !isOurs(fleet) || ENDED.has(state)) return [];
  return [{ id, region, fleet, state, address }];
}

/** The fleet that a tag names; undefined for what we have not tagged. */
function fleetOf(tags: readonly Tag[]): string | undefined {
  const value = tags.find(({ key }) => key === FLEET_TAG)?.value;
  return value !== undefined && ID_PATTERN.test(value) ? value : undefined;
}
