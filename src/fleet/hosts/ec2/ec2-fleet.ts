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
  const shares = await sharesOf(regions, order);
  const starts = await Promise.allSettled(
    shares.map((share) => startIn(share, fleet, order, userData)),
  );
  const started = starts.flatMap((start) => (start.status === 'fulfilled' ? start.value : []));
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed === undefined) return started;
  throw new StartError(failed.reason, await isAnythingLeft(regions, fleet.id, started));
}

interface Share {
  readonly region: Ec2Region;
  readonly count: number;
  readonly image: string;
}

/** Asks all regions before any of them starts something. @throws StartError */
async function sharesOf(regions: readonly Ec2Region[], order: Ec2Order): Promise<readonly Share[]> {
  const least = Math.floor(order.count / regions.length);
  const counts = regions.map((_, index) => least + (index < order.count % regions.length ? 1 : 0));
  try {
    const images = await inTurns(regions, REGIONS_AT_A_TIME, (region) => imageIn(region, order));
    return regions
      .map((region, index) => ({
        region,
        count: counts[index] as number,
        image: images[index] as string,
      }))
      .filter(({ count }) => count > 0);
  } catch (error) {
    throw new StartError(error, false);
  }
}

async function imageIn(region: Ec2Region, { images, type }: Ec2Order): Promise<string> {
  const given = images.get(region.region);
  if (given !== undefined) {
    // Whether the region is there and lets us look is learnt all the same.
    await region.groups(FLEET_TAG);
    return given;
  }
  const newest = await region.newestImage(/^[a-z]+\d+g/.test(type) ? 'arm64' : 'x86_64');
  if (newest !== undefined) return newest;
  throw new FleetError(
    `EC2 in ${region.region} has no image of Amazon Linux 2023: name one with --image ` +
      `${region.region}=ami-….`,
  );
}

/** Ends what a start that failed has started; EC2 may not list yet what it has just started. */
async function isAnythingLeft(
  regions: readonly Ec2Region[],
  id: string,
  started: readonly FleetInstance[],
): Promise<boolean> {
  const isOurs = (fleet: string): boolean => fleet === id;
  try {
    await inAll(regions, async (region) => {
      const ids = started.filter((each) => each.region === region.region).map((each) => each.id);
      if (ids.length > 0) await region.terminate(ids);
    });
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
  const stopped = await inAll(regions, async (region) => {
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
  const left = await inAll(regions, (region) => deleteGroups(region, isOurs));
  return left.reduce((sum, count) => sum + count, 0);
}

async function startIn(
  { region, count, image }: Share,
  fleet: HostFleet,
  order: Ec2Order,
  userData: string,
): Promise<readonly FleetInstance[]> {
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

/** One region that fails keeps none of the others from it. @throws what the first has thrown */
async function inAll<T>(
  regions: readonly Ec2Region[],
  act: (region: Ec2Region) => Promise<T>,
): Promise<readonly T[]> {
  const settled = await inTurns(regions, REGIONS_AT_A_TIME, async (region) => {
    const [end] = await Promise.allSettled([act(region)]);
    return end as PromiseSettledResult<Awaited<T>>;
  });
  return settled.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
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
