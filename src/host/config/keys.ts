/** How config keys are declared: a type of zod, a description, and what zod has no word for. */
import { z } from 'zod';

/** Facts about a key that zod has no word for; they travel as zod metadata. */
export interface KeyFacts {
  /** Completes "it must be …" where type and bounds do not say it. */
  readonly allowed?: string;
  /** A file name: relative to the config file, or to the working directory if given elsewhere. */
  readonly isPath?: boolean;
  /** Never shown in messages. */
  readonly isSecret?: boolean;
  /** What docs/LIMITS.md says of a key that bounds what others may do. */
  readonly limit?: LimitFacts;
}

/** As for the bounds that are no keys: see `server/core/limits/bound.ts`. */
export interface LimitFacts {
  /** What who reaches it sees. */
  readonly seen: string;
  /** A reason of `holdfast_refusals_total` or a metric; absent when nobody counts it. */
  readonly counted?: string;
}

const MIB = 1 << 20;
const text = z.string().min(1);
const whole = (lowest: number, highest: number): z.ZodInt => z.int().min(lowest).max(highest);

/** A key of a type, with what docs say of it. */
export function key<T extends z.ZodType>(type: T, description: string, facts: KeyFacts = {}): T {
  return type.meta({ description, ...facts });
}

/** A limit on what one client may send in a second. */
export function rateKey(most: number, what: string, counted: string): z.ZodDefault<z.ZodInt> {
  const description = `${what} What is more waits, and the client with it; 0 is no limit.`;
  const seen = 'its socket is read more slowly, its POST answered later';
  return key(whole(0, 1024 * MIB).default(most), description, { limit: { seen, counted } });
}

/** A limit on what one address may have. */
export function addressKey(what: string, counted: string): z.ZodDefault<z.ZodInt> {
  const description =
    `${what}, on each worker; 0 is no limit. IPv6 counts by its first 64 bits; clients behind ` +
    'one NAT, or a proxy that `trustedProxies` does not name, count together.';
  const seen = '429 with `Retry-After`, before any upgrade';
  return key(whole(0, 1_000_000).default(0), description, { limit: { seen, counted } });
}

/** A file of a certificate or its key. */
export function tlsFile(what: string): z.ZodOptional<z.ZodString> {
  const rest = 'with both files the port speaks TLS; they are read again when they change.';
  return key(text.optional(), `File with the ${what}; ${rest}`, { isPath: true });
}
