/**
 * What is known of hosts that were started: one fleet each time, with the token of its agents and
 * how they are reached. It is read back from a file that may be old, cut or edited, so each field
 * is judged: addresses become URLs, names go to programs.
 */

import { z } from 'zod';
import { TOKEN_PATTERN } from '../../host/access/token.ts';
import { isHost, isSshUser } from './host-name.ts';

/** How many hosts one start may ask for. */
export const HOSTS_MAX = 500;
export const AGENTS_PER_HOST_MAX = 64;
/** A week: what runs longer has been forgotten. */
export const MINUTES_MAX = 10_080;

/** How many starts the file holds. */
export const FLEETS_MAX = 100;
/** The last moment that a date can hold. */
const MOMENTS_END_MS = 8.64e15;

export type Provider = 'ssh' | 'ec2';

/** A host of this list, rented or not. */
export interface FleetHost {
  /** What it goes by: `user@host:port` as given, or the id of the instance. */
  readonly name: string;
  /** Where agents are asked; undefined while it is not known yet. */
  readonly address?: string | undefined;
  /** Of an instance. */
  readonly region?: string | undefined;
}

/** What one `holdfast fleet hosts start` has started. */
export interface HostFleet {
  /** Twelve hexadecimal digits; it is in the tag, and in names of files on hosts. */
  readonly id: string;
  readonly provider: Provider;
  /** Of all its agents. */
  readonly token: string;
  /** On each host. */
  readonly ports: readonly number[];
  readonly startedAtMs: number;
  /** When all of it ends by itself. */
  readonly endsAtMs: number;
  /** Where instances may be, those that nothing is known of included. */
  readonly regions: readonly string[];
  /** A file for ssh, in place of the user's own. */
  readonly sshConfig?: string | undefined;
  readonly hosts: readonly FleetHost[];
}

export interface HostsState {
  readonly version: 1;
  readonly fleets: readonly HostFleet[];
}

export const ID_PATTERN: RegExp = /^[0-9a-f]{12}$/;
/** Part of the host name that the client asks. */
export const REGION_PATTERN: RegExp = /^[a-z]{2}(?:-[a-z]{2,12}){1,3}-\d{1,2}$/;
export const INSTANCE_PATTERN: RegExp = /^i-[0-9a-f]{8,32}$/;

const moment = z.number().min(0).max(MOMENTS_END_MS);
const region = z.string().regex(REGION_PATTERN);
const host = z.object({
  name: z.string().max(512).refine(isHostName),
  address: z.string().refine(isHost).optional(),
  region: region.optional(),
});

const hostFleet: z.ZodType<HostFleet> = z.object({
  id: z.string().regex(ID_PATTERN),
  provider: z.enum(['ssh', 'ec2']),
  token: z.string().max(1_024).regex(TOKEN_PATTERN),
  ports: z.array(z.int().min(1).max(65_535)).min(1).max(AGENTS_PER_HOST_MAX),
  startedAtMs: moment,
  endsAtMs: moment,
  regions: z.array(region).max(64),
  sshConfig: z.string().max(4_096).startsWith('/').optional(),
  hosts: z.array(host).max(HOSTS_MAX),
});

/** The whole file; another version of it is not understood. */
export const hostsState: z.ZodType<HostsState> = z.object({
  version: z.literal(1),
  fleets: z.array(hostFleet).max(FLEETS_MAX),
});

export function newFleetId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString('hex');
}

/** An instance, or a destination of ssh as `parseDestination` writes it. */
function isHostName(name: string): boolean {
  if (INSTANCE_PATTERN.test(name)) return true;
  const [, user, host = '', port = '22'] =
    /^(?:([^@]+)@)?(\[[^\]]+\]|[^:@[\]]+)(?::(\d{1,5}))?$/.exec(name) ?? [];
  const isUserFine = user === undefined || isSshUser(user);
  return isUserFine && isHost(host.replace(/^\[|\]$/g, '')) && Number(port) <= 65_535;
}
