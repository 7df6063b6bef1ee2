/**
 * What is asked of EC2, one region at a time: the contract between what Holdfast decides and the
 * client of AWS, of which each value is judged where it comes in (open-ec2.ts).
 */

export interface Tag {
  readonly key: string;
  readonly value: string;
}

export interface Instance {
  readonly id: string;
  /** `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`. */
  readonly state: string;
  readonly address: string | undefined;
  readonly tags: readonly Tag[];
}

export interface Group {
  readonly id: string;
  readonly tags: readonly Tag[];
}

export interface InstanceOrder {
  readonly count: number;
  readonly type: string;
  readonly image: string;
  readonly group: string;
  readonly userData: string;
  readonly tags: readonly Tag[];
  /** The same order twice starts its instances once. */
  readonly orderId: string;
}

export interface Ec2Region {
  readonly region: string;
  /** The newest image of Amazon Linux 2023 for this kind of processor; undefined without any. */
  newestImage(architecture: 'x86_64' | 'arm64'): Promise<string | undefined>;
  /** Creates a security group that lets this network reach these ports over TCP. @returns its id */
  createGroup(order: GroupOrder): Promise<string>;
  /** All or none of them. */
  run(order: InstanceOrder): Promise<readonly Instance[]>;
  /** Those that carry a tag of this key, whatever its value, as far as EC2 says so. */
  instances(tagKey: string): Promise<readonly Instance[]>;
  groups(tagKey: string): Promise<readonly Group[]>;
  terminate(ids: readonly string[]): Promise<void>;
  /** @returns false while something still uses it */
  deleteGroup(id: string): Promise<boolean>;
}

export interface GroupOrder {
  readonly name: string;
  readonly fromPort: number;
  readonly toPort: number;
  /** `203.0.113.7/32` */
  readonly network: string;
  readonly tags: readonly Tag[];
}
