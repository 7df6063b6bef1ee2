/** Under which address other hosts most likely reach this one. */

import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

const LOOPBACK = '127.0.0.1';
/** Means something only together with an interface. */
const LINK_LOCAL = /^(fe80:|169\.254\.)/i;

/** The first address that is not loopback, IPv4 before IPv6; 127.0.0.1 when there is none. */
export function hostAddress(
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): string {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const outside = all.filter(({ internal, address }) => !internal && !LINK_LOCAL.test(address));
  const first = outside.find(({ family }) => family === 'IPv4') ?? outside[0];
  return first?.address ?? LOOPBACK;
}
