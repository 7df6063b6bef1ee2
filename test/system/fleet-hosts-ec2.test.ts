/** Rented hosts, against an emulator of EC2: what is started, listed and ended, and what is not. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeInstanceAttributeCommand,
  DescribeSecurityGroupsCommand,
} from '@aws-sdk/client-ec2';
import { Ec2Emulator, IMAGE, NO_EMULATOR, type Seen } from '../support/ec2-emulator.ts';
import { type Ended, runHoldfast } from '../support/holdfast-process.ts';

const REGIONS = ['us-east-1', 'eu-west-1'] as const;
const TAG = 'holdfast-fleet';
const title = (name: string): string => (NO_EMULATOR === '' ? name : `${name} (${NO_EMULATOR})`);
const can = test.skipIf(NO_EMULATOR !== '');

setDefaultTimeout(90_000);

let emulator: Ec2Emulator;
let home = '';

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-ec2-'));
  if (NO_EMULATOR === '') emulator = await Ec2Emulator.start();
});
afterAll(async () => {
  await emulator?.[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

interface Listed {
  readonly fleet?: string;
  readonly hosts: readonly { readonly name: string; readonly region: string; state: string }[];
}

const stateFolder = (): string => join(home, '.local', 'state', 'holdfast');

function hosts(...args: readonly string[]): Promise<Ended> {
  return runHoldfast(['fleet', 'hosts', ...args], { env: emulator.env(home) });
}

function start(count: number, ...more: readonly string[]): Promise<Ended> {
  return hosts(
    ...['start', String(count), '--provider', 'ec2', '--regions', REGIONS.join(',')],
    ...['--allow', '203.0.113.7', '--wait', '0', '--json'],
    ...['--image', REGIONS.map((region) => `${region}=${IMAGE}`).join(',')],
    ...more,
  );
}

async function living(region: string): Promise<readonly Seen[]> {
  return (await emulator.seen(region)).filter(({ state }) => state === 'running');
}

can(title('forty are started over two regions, listed and stopped, and others go on'), async () => {
  for (const region of REGIONS) {
    await emulator.addOthers(region, 2, {});
    await emulator.addOthers(region, 1, { Name: `${TAG}-of-somebody`, fleet: TAG });
    await emulator.addOthers(region, 1, { [TAG]: 'not one of ours' });
  }
  const started = await start(40, '--yes', '--minutes', '90');
  expect(started.code).toBe(0);
  expect(started.err).toStartWith(
    '40 × t3.small cost 0.8320 USD an hour, 1.25 USD for 90 minutes (by Holdfast',
  );
  const { fleet = '', hosts: names } = JSON.parse(started.out) as Listed;
  expect(names).toHaveLength(40);
  await expectTagged(fleet);

  const [kept = ''] = readdirSync(stateFolder());
  const state = readFileSync(join(stateFolder(), kept), 'utf8');
  expect(statSync(join(stateFolder(), kept)).mode & 0o777).toBe(0o600);
  for (const secret of ['a-key-of-a-test', 'a-secret-of-a-test']) {
    expect(state + started.out + started.err).not.toContain(secret);
  }
  const { token } = JSON.parse(state).fleets[0];
  expect(started.out + started.err).not.toContain(token);

  const listed = JSON.parse((await hosts('status', '--json')).out) as Listed;
  for (const region of REGIONS) {
    expect(listed.hosts.filter((host) => host.region === region)).toHaveLength(20);
  }
  const [first] = names;
  expect((await hosts('stop', first?.name ?? '')).out).toBe('1 host stopped.\n');
  expect(await hosts('stop', 'all')).toMatchObject({ code: 0, out: '39 hosts stopped.\n' });
  for (const region of REGIONS) {
    const left = await living(region);
    expect(left).toHaveLength(4);
    expect(left.filter(({ tags }) => tags[TAG] === fleet)).toEqual([]);
    expect(await groupsOf(region)).toEqual([]);
  }
  expect(JSON.parse((await hosts('status', '--json')).out)).toEqual({ answering: 0, hosts: [] });
});

can(title('without the file, hosts of a region are found by their tag'), async () => {
  await start(3, '--yes');
  rmSync(stateFolder(), { recursive: true });
  const stopped = await hosts('stop', 'all', '--regions', REGIONS.join(','));
  expect(stopped).toMatchObject({ code: 0, out: '3 hosts stopped.\n' });
});

can(title('where one region fails, nothing is started in the others'), async () => {
  const before = (await living('us-east-1')).length;
  const failed = await start(4, '--yes', '--regions', 'us-east-1,us-nowhere-9');
  expect([failed.code, failed.out]).toEqual([1, '']);
  expect(failed.err).toContain('EC2 in us-nowhere-9, asked for images of Amazon Linux: ');
  expect(failed.err).toContain('Nothing of it is left.');
  expect(await living('us-east-1')).toHaveLength(before);
  expect(await groupsOf('us-east-1')).toEqual([]);
  expect(JSON.parse((await hosts('status', '--json')).out)).toEqual({ answering: 0, hosts: [] });
});

can(title('where nobody can be asked, nothing is rented'), async () => {
  const before = (await living('us-east-1')).length;
  const refused = await start(2);
  expect([refused.code, refused.out]).toEqual([1, '']);
  expect(refused.err).toContain('Nobody can be asked whether to rent them: give --yes');
  expect(await living('us-east-1')).toHaveLength(before);
});

can(title('a file that was edited is not believed'), async () => {
  await start(1, '--yes');
  const [kept = ''] = readdirSync(stateFolder());
  const path = join(stateFolder(), kept);
  const good = readFileSync(path, 'utf8');
  writeFileSync(path, good.replace(/"region": "[^"]+"/, '"region": "evil.example/"'));
  const { code, err } = await hosts('stop', 'all');
  expect([code, err]).toEqual([1, expect.stringContaining('is not what this version writes')]);
  writeFileSync(path, good);
  expect(await hosts('stop', 'all')).toMatchObject({ code: 0, out: '1 host stopped.\n' });
});

/** Each carries the tag, ends when it shuts down, and is told in its script when to do so. */
async function expectTagged(fleet: string): Promise<void> {
  for (const region of REGIONS) {
    const ours = (await living(region)).filter(({ tags }) => tags[TAG] === fleet);
    expect(ours).toHaveLength(20);
    const ask = (Attribute: 'userData' | 'instanceInitiatedShutdownBehavior') =>
      emulator
        .client(region)
        .send(new DescribeInstanceAttributeCommand({ InstanceId: ours[0]?.id, Attribute }));
    const { InstanceInitiatedShutdownBehavior: behaviour } = await ask(
      'instanceInitiatedShutdownBehavior',
    );
    expect(behaviour?.Value).toBe('terminate');
    const { UserData } = await ask('userData');
    const script = Buffer.from(UserData?.Value ?? '', 'base64').toString();
    expect(script).toStartWith('#!/bin/bash\n');
    expect(script).toContain('\nshutdown -P +90\n');
    const [group] = await groupsOf(region);
    expect(group?.IpPermissions?.[0]).toMatchObject({
      ...{ FromPort: 8710, ToPort: 8710, IpProtocol: 'tcp' },
      IpRanges: [{ CidrIp: '203.0.113.7/32' }],
    });
  }
}

async function groupsOf(region: string) {
  const Filters = [{ Name: 'tag-key', Values: [TAG] }];
  const command = new DescribeSecurityGroupsCommand({ Filters });
  return (await emulator.client(region).send(command)).SecurityGroups ?? [];
}
