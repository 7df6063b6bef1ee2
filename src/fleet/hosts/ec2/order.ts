/** What a user wants to rent, judged before anybody is asked for it. */

import { isIPv4, isIPv6 } from 'node:net';
import { FleetError } from '../../settings/fleet-error.ts';
import { REGION_PATTERN } from '../hosts-state.ts';

export interface Ec2Order {
  /** In all regions together. */
  readonly count: number;
  readonly regions: readonly string[];
  readonly type: string;
  /** By region; without one, the newest of Amazon Linux. */
  readonly images: ReadonlyMap<string, string>;
  /** The network that reaches the agents. */
  readonly allow: string;
}

/** @throws FleetError about the first that is no region, or is there twice */
export function parseRegions(text: string): readonly string[] {
  const regions = text.split(',').map((region) => region.trim());
  const wrong = regions.find((region) => !REGION_PATTERN.test(region));
  if (wrong !== undefined) {
    throw new FleetError(`--regions has "${wrong}"; write it like us-east-1,eu-west-1.`);
  }
  const twice = regions.find((region, index) => regions.indexOf(region) !== index);
  if (twice === undefined) return regions;
  throw new FleetError(`--regions names ${twice} twice: give each region once.`);
}

/** @throws FleetError */
export function parseType(text: string): string {
  if (/^[a-z][a-z0-9-]{0,20}\.[a-z0-9-]{1,20}$/.test(text)) return text;
  throw new FleetError(`--type is "${text}"; it must be a type of instance such as t3.small.`);
}

/** `us-east-1=ami-…,eu-west-1=ami-…` @throws FleetError */
export function parseImages(text: string | undefined): ReadonlyMap<string, string> {
  if (text === undefined) return new Map();
  return new Map(
    text.split(',').map((part) => {
      const [region = '', image = '', ...more] = part.trim().split('=');
      const isFine =
        REGION_PATTERN.test(region) && /^ami-[0-9a-f]{8,32}$/.test(image) && more.length === 0;
      if (isFine) return [region, image] as const;
      throw new FleetError(
        `--image has "${part}"; write it like us-east-1=ami-0123456789abcdef0, one a region.`,
      );
    }),
  );
}

/** An address, or a network as CIDR. @throws FleetError */
export function parseNetwork(text: string | undefined): string {
  const [address = '', bits, ...more] = (text ?? '').split('/');
  const widest = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : undefined;
  const width = bits === undefined ? widest : /^\d{1,3}$/.test(bits) ? Number(bits) : undefined;
  if (widest !== undefined && width !== undefined && width <= widest && more.length === 0) {
    return `${address}/${width}`;
  }
  throw new FleetError(
    text === undefined
      ? 'Say who may reach the agents: give the address of this host as others see it with ' +
          '--allow, such as --allow 203.0.113.7.'
      : `--allow is "${text}"; it must be an address or a network such as 203.0.113.0/24.`,
  );
}
