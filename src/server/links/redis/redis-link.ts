/**
 * A link to a Redis or Valkey: one server, one behind sentinels, or a Cluster. What a broker and
 * shared state ask for, and how it is opened. Only the controller has one; the library behind it is
 * loaded when the first is opened.
 *
 *     broker, state ─▶ RoutedLink ─▶ RedisNode of the key ─▶ NodeConnection ─▶ server
 *                          │              ▲
 *                          └─ Upkeep ─────┘ opens and watches; FaultBook says what is wrong
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { type BrokerUrl, readBrokerUrl } from '../../../host/config/broker-url.ts';
import { readNamedFile, whyUnread } from '../../../host/foreign/named-file.ts';
import type { Log } from '../../core/log/log.ts';
import type { RedisLink, RedisLinkEvents } from './link-contract.ts';
import type { Access } from './node-connection.ts';
import { linkError, type RedisFault, RedisLinkError } from './redis-fault.ts';
import { RoutedLink } from './routed-link.ts';

export type { CommandOptions, RedisLink, RedisLinkEvents } from './link-contract.ts';

export interface RedisLinkOptions {
  /** As `host/config/broker-url.ts` has it. */
  readonly url: string;
  /** Of a certificate authority, as PEM, in place of those that the runtime brings. */
  readonly caFile?: string | undefined;
  /** For the first time; afterwards it is tried for ever. */
  readonly connectTimeoutMs: number;
}

/** For one connection to be made, its greeting included. */
const OPEN_TIMEOUT_MS = 5_000;
const RETRY_MS = 200;
const CA_BYTES_MAX = 4 * 1024 * 1024;

/** What passes by itself soon, so that it is worth another try at the start. */
const PASSING: ReadonlySet<RedisFault> = new Set<RedisFault>([
  'clusterDown',
  'failingOver',
  'loading',
  'slow',
  'unreachable',
]);

/** Resolves once connected. Rejects with a `RedisLinkError` whose sentence says what to do. */
export async function openRedisLink(
  options: RedisLinkOptions,
  events: RedisLinkEvents,
  log: Log,
): Promise<RedisLink> {
  const read = readBrokerUrl(options.url);
  if ('fault' in read) throw new RedisLinkError('refused', `the URL of Redis ${read.fault}`);
  const timeoutMs = Math.min(OPEN_TIMEOUT_MS, options.connectTimeoutMs);
  const link = new RoutedLink(
    read.url,
    readAccess(read.url, options.caFile, timeoutMs),
    events,
    log,
  );
  try {
    await connectWithin(link, options.connectTimeoutMs);
    return link;
  } catch (error) {
    await link.close();
    throw linkError(error, '');
  }
}

/** Tries until it is connected, the time is over, or what is wrong will not pass by itself. */
async function connectWithin(link: RoutedLink, timeoutMs: number): Promise<void> {
  let failure = new RedisLinkError('unreachable', `Redis has not answered within ${timeoutMs} ms`);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(failure), timeoutMs);
  try {
    for (;;) {
      try {
        await Promise.race([link.connect(), late]);
        return;
      } catch (error) {
        failure = linkError(error, '');
        if (!PASSING.has(failure.fault)) throw failure;
      }
      await Promise.race([sleep(RETRY_MS), late]);
    }
  } finally {
    clearTimeout(timer);
  }
}

function readAccess(url: BrokerUrl, caFile: string | undefined, timeoutMs: number): Access {
  const { user, password, database, isTls } = url;
  const ca = isTls && caFile !== undefined ? readCa(caFile) : undefined;
  return { user, password, database, tls: isTls ? { ca } : undefined, timeoutMs };
}

function readCa(path: string): string {
  try {
    const text = readNamedFile(path, CA_BYTES_MAX).toString();
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  } catch (error) {
    const how = `cannot be read (${whyUnread(error)}); name one that this user may read`;
    throw new RedisLinkError('refused', `the file of the CA of Redis ${how}`);
  }
  throw new RedisLinkError('refused', 'the file of the CA of Redis holds no certificate as PEM');
}
