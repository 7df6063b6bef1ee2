/**
 * Local ports and addresses of the agents. The kernel gives out some 28,000 local ports unless told
 * otherwise. While it chooses the source address too, each pair of source and target address has
 * that many; an address that is named is bound before the target is known, so that it has that
 * many for all targets together.
 */

import { readFileSync } from 'node:fs';
import type { ResolvedTarget } from '../settings/target.ts';

/**
 * From half of the range on the kernel searches long for a free port: with 18,500 connections from
 * one address of 28,232 ports, the agent's CPU was 33 s; from four addresses it was 1.5 s for
 * 19,000. Ports also stay taken for a while after a connection ends.
 */
const CONNECTIONS_PER_ADDRESS_MAX = 5_000;
const SHARE_OF_RANGE = 0.25;

/** A block of 127.0.0.0/8 that nobody else is likely to use; 250 addresses in each /24. */
const SOURCE_PREFIX = '127.110';
const SOURCES_PER_BLOCK = 250;
const SOURCES_MAX = 4_000;

/** @returns undefined where the system does not tell */
export function localPorts(proc = '/proc'): number | undefined {
  try {
    const range = readFileSync(`${proc}/sys/net/ipv4/ip_local_port_range`, 'latin1');
    const [low = Number.NaN, high = Number.NaN] = range.trim().split(/\s+/).map(Number);
    const ports = high - low + 1;
    return ports > 0 ? ports : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Addresses of this host from which agents connect to targets on loopback, so that none runs
 * out of ports. None when the kernel's own choice is enough, or when a target is elsewhere.
 */
export function loopbackSources(
  connections: number,
  targets: readonly ResolvedTarget[],
  ports: number | undefined = localPorts(),
): readonly string[] {
  const isPossible = targets.every(({ address }) => address.startsWith('127.'));
  if (!isPossible || process.platform !== 'linux') return [];
  const usable = Math.floor((ports ?? Number.POSITIVE_INFINITY) * SHARE_OF_RANGE);
  const each = Math.max(1, Math.min(CONNECTIONS_PER_ADDRESS_MAX, usable));
  if (connections <= each * targets.length) return [];
  const wanted = Math.ceil(connections / each);
  return Array.from({ length: Math.min(wanted, SOURCES_MAX) }, (_, index) => {
    const block = Math.floor(index / SOURCES_PER_BLOCK);
    return `${SOURCE_PREFIX}.${block}.${(index % SOURCES_PER_BLOCK) + 1}`;
  });
}
