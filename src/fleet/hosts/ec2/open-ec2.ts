/**
 * The official client of EC2, loaded when hosts are rented and by nothing else. It finds
 * credentials, endpoint and the like in its own usual places; none of that is read, kept or printed
 * here. What EC2 answers is judged before anything is done with it.
 */

import type * as SdkModule from '@aws-sdk/client-ec2';
import type {
  EC2Client,
  Filter,
  Instance as SdkInstance,
  Tag as SdkTag,
} from '@aws-sdk/client-ec2';
import { FleetError } from '../../settings/fleet-error.ts';
import { isHost } from '../host-name.ts';
import { INSTANCE_PATTERN } from '../hosts-state.ts';
import type { Ec2Region, Group, GroupOrder, Instance, InstanceOrder, Tag } from './ec2-api.ts';

type Sdk = typeof SdkModule;

const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 30_000;
/** All tries of one question together. */
const QUESTION_TIMEOUT_MS = 90_000;
const ATTEMPTS = 4;
/** Of instances and groups; a region has no more that are ours. */
const PAGES_MAX = 50;
const PAGE_SIZE = 200;
const REASON_CHARACTERS_MAX = 300;
const GROUP_PATTERN = /^sg-[0-9a-f]{8,32}$/;
const IMAGE_PATTERN = /^ami-[0-9a-f]{8,32}$/;

/**
 * @param load the client's module
 * @throws FleetError where it is not installed
 */
export async function openEc2(
  load: () => Promise<Sdk> = () => import('@aws-sdk/client-ec2'),
): Promise<(region: string) => Ec2Region> {
  let sdk: Sdk;
  try {
    sdk = await load();
  } catch (cause) {
    throw new FleetError(
      'Renting hosts takes the EC2 client of AWS, which is not installed: run ' +
        '"npm install @aws-sdk/client-ec2" where Holdfast is installed.',
      { cause },
    );
  }
  return (region) => new OfficialEc2(sdk, region);
}

class OfficialEc2 implements Ec2Region {
  readonly region: string;
  readonly #sdk: Sdk;
  readonly #client: EC2Client;

  constructor(sdk: Sdk, region: string) {
    this.region = region;
    this.#sdk = sdk;
    this.#client = new sdk.EC2Client({
      region,
      maxAttempts: ATTEMPTS,
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: ANSWER_TIMEOUT_MS },
    });
  }

  async newestImage(architecture: 'x86_64' | 'arm64'): Promise<string | undefined> {
    const { DescribeImagesCommand } = this.#sdk;
    const filters = {
      name: `al2023-ami-2023.*-kernel-*-${architecture}`,
      architecture,
      state: 'available',
    };
    const { Images = [] } = await this.#asked('images of Amazon Linux', (abortSignal) =>
      this.#client.send(
        new DescribeImagesCommand({ Owners: ['amazon'], Filters: filtersOf(filters) }),
        { abortSignal },
      ),
    );
    return Images.filter(({ ImageId = '' }) => IMAGE_PATTERN.test(ImageId)).toSorted((a, b) =>
      (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''),
    )[0]?.ImageId;
  }

  async createGroup({ name, fromPort, toPort, network, tags }: GroupOrder): Promise<string> {
    const { AuthorizeSecurityGroupIngressCommand, CreateSecurityGroupCommand } = this.#sdk;
    const { GroupId = '' } = await this.#asked('a security group', (abortSignal) =>
      this.#client.send(
        new CreateSecurityGroupCommand({
          GroupName: name,
          Description: 'Ports of Holdfast fleet agents',
          TagSpecifications: [{ ResourceType: 'security-group', Tags: tags.map(sdkTag) }],
        }),
        { abortSignal },
      ),
    );
    if (!GROUP_PATTERN.test(GroupId)) throw this.#strange('a security group');
    const range = network.includes(':')
      ? { Ipv6Ranges: [{ CidrIpv6: network }] }
      : { IpRanges: [{ CidrIp: network }] };
    await this.#asked('a rule of a security group', (abortSignal) =>
      this.#client.send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId,
          IpPermissions: [{ IpProtocol: 'tcp', FromPort: fromPort, ToPort: toPort, ...range }],
        }),
        { abortSignal },
      ),
    );
    return GroupId;
  }

  async run(order: InstanceOrder): Promise<readonly Instance[]> {
    const { RunInstancesCommand } = this.#sdk;
    const Tags = order.tags.map(sdkTag);
    const { Instances = [] } = await this.#asked('instances', (abortSignal) =>
      this.#client.send(
        new RunInstancesCommand({
          MinCount: order.count,
          MaxCount: order.count,
          ImageId: order.image,
          InstanceType: order.type as NonNullable<SdkInstance['InstanceType']>,
          SecurityGroupIds: [order.group],
          UserData: Buffer.from(order.userData).toString('base64'),
          InstanceInitiatedShutdownBehavior: 'terminate',
          // What runs there reads its first-boot script, token included, by this service alone.
          MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
          ClientToken: order.orderId,
          TagSpecifications: [
            { ResourceType: 'instance', Tags },
            { ResourceType: 'volume', Tags },
          ],
        }),
        { abortSignal },
      ),
    );
    return Instances.flatMap(instanceOf);
  }

  async instances(tagKey: string): Promise<readonly Instance[]> {
    const { DescribeInstancesCommand } = this.#sdk;
    const Filters = filtersOf({ 'tag-key': tagKey });
    const found = await this.#pages('instances', async (NextToken, abortSignal) => {
      const page = await this.#client.send(
        new DescribeInstancesCommand({ Filters, MaxResults: PAGE_SIZE, NextToken }),
        { abortSignal },
      );
      const { Reservations = [] } = page;
      const items = Reservations.flatMap(({ Instances = [] }) => Instances);
      return { items, next: page.NextToken };
    });
    return found.flatMap(instanceOf);
  }

  async groups(tagKey: string): Promise<readonly Group[]> {
    const { DescribeSecurityGroupsCommand } = this.#sdk;
    const Filters = filtersOf({ 'tag-key': tagKey });
    const found = await this.#pages('security groups', async (NextToken, abortSignal) => {
      const page = await this.#client.send(
        new DescribeSecurityGroupsCommand({ Filters, MaxResults: PAGE_SIZE, NextToken }),
        { abortSignal },
      );
      return { items: page.SecurityGroups ?? [], next: page.NextToken };
    });
    return found.flatMap(({ GroupId = '', Tags = [] }) =>
      GROUP_PATTERN.test(GroupId) ? [{ id: GroupId, tags: Tags.map(tagOf) }] : [],
    );
  }

  async terminate(ids: readonly string[]): Promise<void> {
    const { TerminateInstancesCommand } = this.#sdk;
    await this.#asked('the end of instances', (abortSignal) =>
      this.#client.send(new TerminateInstancesCommand({ InstanceIds: [...ids] }), { abortSignal }),
    );
  }

  async deleteGroup(id: string): Promise<boolean> {
    const { DeleteSecurityGroupCommand } = this.#sdk;
    try {
      await this.#client.send(new DeleteSecurityGroupCommand({ GroupId: id }), {
        abortSignal: AbortSignal.timeout(QUESTION_TIMEOUT_MS),
      });
      return true;
    } catch (error) {
      const { name } = error as Error;
      if (name === 'InvalidGroup.NotFound') return true;
      if (name === 'DependencyViolation' || name === 'InvalidGroup.InUse') return false;
      throw this.#failed('the end of a security group', error);
    }
  }

  async #pages<T>(
    what: string,
    page: (
      next: string | undefined,
      signal: AbortSignal,
    ) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    let next: string | undefined;
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      const last = next;
      const answer = await this.#asked(what, (signal) => page(last, signal));
      found.push(...answer.items);
      next = answer.next;
      if (next === undefined || next === '') return found;
    }
    throw this.#strange(what);
  }

  async #asked<T>(what: string, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await ask(AbortSignal.timeout(QUESTION_TIMEOUT_MS));
    } catch (error) {
      throw this.#failed(what, error);
    }
  }

  /** Its own words say what to do; what it was asked with is not among them. */
  #failed(what: string, cause: unknown): FleetError {
    const { name, message } = cause as Error;
    if (name === 'CredentialsProviderError') {
      return new FleetError(
        'The EC2 client finds no credentials: log in as for the command line of AWS, or set ' +
          'AWS_PROFILE.',
        { cause },
      );
    }
    const [line = ''] = message.trim().split('\n');
    const words = line.replace(/\.$/, '').slice(0, REASON_CHARACTERS_MAX);
    return new FleetError(`EC2 in ${this.region}, asked for ${what}: ${words} (${name}).`, {
      cause,
    });
  }

  #strange(what: string): FleetError {
    return new FleetError(
      `What answers for EC2 in ${this.region} is not understood (${what}): check the endpoint ` +
        'that the environment names.',
    );
  }
}

function filtersOf(values: Readonly<Record<string, string>>): Filter[] {
  return Object.entries(values).map(([Name, value]) => ({ Name, Values: [value] }));
}

/** What has no id that can be named again is left out. */
function instanceOf(found: SdkInstance): readonly Instance[] {
  const { InstanceId: id = '', State, Tags = [] } = found;
  if (!INSTANCE_PATTERN.test(id)) return [];
  const address = found.PublicIpAddress ?? found.PrivateIpAddress ?? '';
  return [
    {
      id,
      state: State?.Name ?? 'unknown',
      address: isHost(address) ? address : undefined,
      tags: Tags.map(tagOf),
    },
  ];
}

function sdkTag({ key, value }: Tag): SdkTag {
  return { Key: key, Value: value };
}

function tagOf({ Key = '', Value = '' }: SdkTag): Tag {
  return { key: Key, value: Value };
}
