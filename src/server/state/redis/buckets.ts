/**
 * Where keys of a cluster lie in Redis. What is kept of sessions and users is spread over buckets,
 * each a hash tag and so a slot of its own: a script that decides over all nodes finds the keys of
 * all of them in one slot, and a node has a thousand keys to keep from expiring, not a million.
 */

import { KeyedHash } from '../../../host/runtime/keyed-hash.ts';

/** Part of the form of keys: all nodes of a cluster have to agree on it. */
export const BUCKETS = 1_024;

/**
 * A key that all nodes have. Names that are made to meet in one bucket make one hash of Redis
 * larger, which Redis looks up by a secret of its own.
 */
const hasher: KeyedHash = new KeyedHash(new Uint32Array([0x68_6f_6c_64, 0x66_61_73_74]));

/** The bucket of a user's key or a session's id. */
export function bucketOf(name: string): number {
  return hasher.hash(name) % BUCKETS;
}

/** What one node keeps in a bucket. */
export function bucketKey(prefix: string, bucket: number, what: string, node: number): string {
  return `${prefix}:{${bucket}}:${what}:${node}`;
}
