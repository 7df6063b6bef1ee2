/** What is done to instances, against regions that answer whatever a test wants. */
import { expect, test } from 'bun:test';
import { FleetError } from '../../settings/fleet-error.ts';
import type { HostFleet } from '../hosts-state.ts';
import type { Ec2Region, Group, Instance, InstanceOrder, Tag } from './ec2-api.ts';
import {
  FLEET_TAG,
  findInstances,
  removeGroups,
  type StartError,
  startInstances,
  stopInstances,
} from './ec2-fleet.ts';
import { openEc2 } from './open-ec2.ts';
import type { Ec2Order } from './order.ts';

const ID = '0123456789ab';
const isOurs = (id: string): boolean => id === ID;
const tagged = (value: string): readonly Tag[] => [{ key: FLEET_TAG, value }];

class FakeRegion implements Ec2Region {
  readonly region: string;
  found: Instance[] = [];
  foundGroups: Group[] = [];
  image: string | undefined = 'ami-00000001';
  failsToRun = false;
  failsToList = false;
  inUse = 0;
  readonly orders: InstanceOrder[] = [];
  readonly terminated: string[] = [];
  readonly deleted: string[] = [];

  constructor(region: string) {
    this.region = region;
  }

  async newestImage(): Promise<string | undefined> {
    return this.image;
  }

  async createGroup({ tags }: { readonly tags: readonly Tag[] }): Promise<string> {
    this.foundGroups.push({ id: `sg-${this.region}`, tags });
    return `sg-${this.region}`;
  }

  async run(order: InstanceOrder): Promise<readonly Instance[]> {
    this.orders.push(order);
    if (this.failsToRun) throw new FleetError('There is no room for more.');
    for (let index = 0; index < order.count; index++) {
      const id = `i-${this.region}-${index}`;
      this.found.push({ id, state: 'pending', address: undefined, tags: order.tags });
    }
    return this.found;
  }

  async instances(): Promise<readonly Instance[]> {
    if (this.failsToList) throw new FleetError('EC2 is away.');
    return this.found;
  }

  async groups(): Promise<readonly Group[]> {
    return this.foundGroups;
  }

  async terminate(ids: readonly string[]): Promise<void> {
    this.terminated.push(...ids);
    this.found = this.found.filter(({ id }) => !ids.includes(id));
  }

  async deleteGroup(id: string): Promise<boolean> {
    if (this.inUse-- > 0) return false;
    this.deleted.push(id);
    return true;
  }
}

const fleet: HostFleet = {
  ...{ id: ID, provider: 'ec2', token: 'a-token-of-a-test', ports: [8710, 8711] },
  ...{ startedAtMs: 0, endsAtMs: 3_600_000, regions: ['a', 'b'], hosts: [] },
};
const order: Ec2Order = {
  ...{ count: 5, regions: ['a', 'b'], type: 't3.small', images: new Map() },
  allow: '203.0.113.7/32',
};

function instance(id: string, tags: readonly Tag[], state = 'running'): Instance {
  return { id, state, address: '10.0.0.1', tags };
}

test('what does not carry our tag is left alone, even when EC2 names it', async () => {
  const region = new FakeRegion('a');
  region.found = [
    instance('i-ours', tagged(ID)),
    instance('i-bare', []),
    instance('i-value', [{ key: 'Name', value: ID }]),
    instance('i-case', [{ key: 'Holdfast-Fleet', value: ID }]),
    instance('i-other', tagged('ffffffffffff')),
    instance('i-strange', tagged('somebody')),
    instance('i-ending', tagged(ID), 'shutting-down'),
  ];
  region.foundGroups = [
    { id: 'sg-bare', tags: [] },
    { id: 'sg-other', tags: tagged('ffffffffffff') },
    { id: 'sg-ours', tags: tagged(ID) },
  ];
  expect((await findInstances([region], isOurs)).map(({ id }) => id)).toEqual(['i-ours']);
  await stopInstances([region], isOurs);
  expect(region.terminated).toEqual(['i-ours']);
  expect(await removeGroups([region], isOurs)).toBe(0);
  expect(region.deleted).toEqual(['sg-ours']);
  await stopInstances([region], () => true);
  expect(region.terminated).toEqual(['i-ours', 'i-other']);
});

test('hosts are spread over regions, each order tagged and to be made once', async () => {
  const regions = [new FakeRegion('a'), new FakeRegion('b')] as const;
  const started = await startInstances(regions, fleet, order, '#!/bin/bash\n');
  expect(started).toHaveLength(5);
  const orders = regions.flatMap((region) => region.orders);
  expect(orders.map(({ count }) => count)).toEqual([3, 2]);
  expect(new Set(orders.map(({ orderId }) => orderId)).size).toBe(2);
  for (const { tags } of orders) expect(tags).toContainEqual({ key: FLEET_TAG, value: ID });
});

test('where one region has no room, the others end what they started', async () => {
  const regions = [new FakeRegion('a'), new FakeRegion('b')] as const;
  regions[1].failsToRun = true;
  const fault = (await failureOf(startInstances(regions, fleet, order, ''))) as StartError;
  expect([fault.message, fault.isAnythingLeft]).toEqual([
    'There is no room for more. Nothing of it is left.',
    false,
  ]);
  expect(regions[0].terminated).toHaveLength(3);
  expect(regions.flatMap(({ deleted }) => deleted)).toEqual(['sg-a', 'sg-b']);
});

test('what could not be ended after a failure is told', async () => {
  const regions = [new FakeRegion('a'), new FakeRegion('b')] as const;
  regions[1].failsToRun = true;
  regions[0].inUse = 1;
  const fault = (await failureOf(startInstances(regions, fleet, order, ''))) as StartError;
  expect(fault.isAnythingLeft).toBe(true);
  expect(fault.message).toContain('run "holdfast fleet hosts stop all"');
});

test('a region without an image is known before anything is started', async () => {
  const regions = [new FakeRegion('a'), new FakeRegion('b')] as const;
  regions[1].image = undefined;
  const fault = await failureOf(startInstances(regions, fleet, order, ''));
  expect(fault.message).toContain('EC2 in b has no image of Amazon Linux 2023');
  expect(regions[0].orders).toEqual([]);
});

test('a region that is away keeps no other from being stopped', async () => {
  const regions = [new FakeRegion('a'), new FakeRegion('b')] as const;
  regions[0].failsToList = true;
  regions[1].found = [instance('i-ours', tagged(ID))];
  expect((await failureOf(stopInstances(regions, isOurs))).message).toBe('EC2 is away.');
  expect(regions[1].terminated).toEqual(['i-ours']);
});

test('without the client of AWS, one sentence says what to install', async () => {
  const missing = openEc2(() => Promise.reject(new Error("Cannot find module '@aws-sdk/…'")));
  expect((await failureOf(missing)).message).toBe(
    'Renting hosts takes the EC2 client of AWS, which is not installed: run "npm install ' +
      '@aws-sdk/client-ec2" where Holdfast is installed.',
  );
});

function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error('it did not fail'),
    (error: unknown) => error as Error,
  );
}
