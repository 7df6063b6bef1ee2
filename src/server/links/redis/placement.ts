/**
 * Where the masters are: asked of whoever knows it, each time that it may have changed.
 *
 * What servers tell is judged like anything else from outside: ports, slots and lists are bounded.
 */

import { type BrokerHost, type BrokerUrl, shownHost } from '../../../host/config/broker-url.ts';
import { SLOTS } from './hash-slot.ts';
import { type Access, NodeConnection } from './node-connection.ts';
import { faultSentence, linkError, RedisLinkError } from './redis-fault.ts';

export interface Placement {
  readonly masters: readonly BrokerHost[];
  /** The place of a slot's master in `masters`; absent where one has everything. */
  readonly slots: Uint16Array | undefined;
  /** Who has its data and could take its place: addresses of masters that have someone. */
  readonly covered: ReadonlySet<string>;
}

export interface Locator {
  /**
   * Rejects with `RedisLinkError` when nobody knows.
   *
   * @param open connections that can be asked at once
   */
  locate(open: readonly NodeConnection[]): Promise<Placement>;
}

const QUIET_EVENTS = { onLost: () => {}, onMessage: () => {}, onMoved: () => {} };
const NO_MASTER = 0xffff;
const NODES_MAX = 1_000;
const PORT_MAX = 65_535;
const HOST = /^[\w.:-]{1,255}$/;

export function newLocator(url: BrokerUrl, access: Access): Locator {
  if (url.topology === 'cluster') return new ClusterLocator(url.hosts, access);
  if (url.topology === 'sentinel') return new SentinelLocator(url, access);
  const placement = { masters: url.hosts, slots: undefined, covered: new Set<string>() };
  return { locate: () => Promise.resolve(placement) };
}

/** Asks one sentinel after the other, beginning with the one that knew it last time. */
class SentinelLocator implements Locator {
  readonly #hosts: BrokerHost[];
  readonly #name: string;
  readonly #access: Access;

  constructor(url: BrokerUrl, access: Access) {
    this.#hosts = [...url.hosts];
    this.#name = url.masterName;
    this.#access = { ...access, database: 0 };
  }

  async locate(): Promise<Placement> {
    let failure: RedisLinkError | undefined;
    for (const host of [...this.#hosts]) {
      try {
        const answer = await this.#ask(host);
        const master = readHost(answer, host);
        if (master !== undefined) {
          this.#hosts.splice(this.#hosts.indexOf(host), 1);
          this.#hosts.unshift(host);
          const covered = new Set([shownHost(master)]);
          return { masters: [master], slots: undefined, covered };
        }
        const how = `the sentinel at ${shownHost(host)} knows no master called "${this.#name}"`;
        failure = new RedisLinkError('refused', how);
      } catch (error) {
        failure = linkError(error, shownHost(host));
      }
    }
    throw failure ?? new RedisLinkError('unreachable', 'no sentinel is named');
  }

  /** Sentinels rarely have the password of the servers: it is shown to those that ask for one. */
  async #ask(host: BrokerHost): Promise<unknown> {
    try {
      return await ask(host, { ...this.#access, user: undefined, password: undefined }, this.#args);
    } catch (error) {
      if (linkError(error, '').fault !== 'wrongPassword') throw error;
      return await ask(host, this.#access, this.#args);
    }
  }

  get #args(): readonly string[] {
    return ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#name];
  }
}

/** Asks any server of the Cluster: those connected, those known of late, those of the URL. */
class ClusterLocator implements Locator {
  readonly #roots: readonly BrokerHost[];
  readonly #access: Access;
  #known: readonly BrokerHost[] = [];

  constructor(roots: readonly BrokerHost[], access: Access) {
    this.#roots = roots;
    this.#access = access;
  }

  async locate(open: readonly NodeConnection[]): Promise<Placement> {
    const args = ['CLUSTER', 'SLOTS'];
    let failure: RedisLinkError | undefined;
    const asked = new Set<string>();
    const attempts = [
      ...open.map((one) => ({ host: one.address, ask: () => one.send(args) })),
      ...[...this.#known, ...this.#roots].map((host) => ({
        host,
        ask: () => ask(host, this.#access, args),
      })),
    ];
    for (const attempt of attempts) {
      const where = shownHost(attempt.host);
      if (asked.has(where)) continue;
      asked.add(where);
      try {
        const placement = readSlots(await attempt.ask(), attempt.host);
        this.#known = placement.masters;
        return placement;
      } catch (error) {
        failure = linkError(error, where);
      }
    }
    throw failure ?? new RedisLinkError('unreachable', 'no server of the Cluster is named');
  }
}

/** One command by a connection of its own. */
async function ask(host: BrokerHost, access: Access, args: readonly string[]): Promise<unknown> {
  const connection = await NodeConnection.open(host, access, QUIET_EVENTS);
  try {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error('silent')), access.timeoutMs);
    try {
      return await Promise.race([connection.send(args), late]);
    } finally {
      clearTimeout(timer);
    }
  } finally {
    connection.close();
  }
}

/**
 * The answer of CLUSTER SLOTS: `[from, to, [host, port, …] of the master, those of replicas …]`.
 *
 * @param asked stands for a host that the server does not know by name or address: its own
 */
export function readSlots(answer: unknown, asked: BrokerHost): Placement {
  const slots = new Uint16Array(SLOTS).fill(NO_MASTER);
  const masters: BrokerHost[] = [];
  const places = new Map<string, number>();
  const covered = new Set<string>();
  for (const range of Array.isArray(answer) ? answer : []) {
    const [from, to, first, ...replicas] = Array.isArray(range) ? (range as unknown[]) : [];
    const host = readHost(first, asked);
    if (!isSlot(from) || !isSlot(to) || host === undefined || masters.length > NODES_MAX) continue;
    const where = shownHost(host);
    let place = places.get(where);
    if (place === undefined) {
      place = masters.push(host) - 1;
      places.set(where, place);
    }
    if (replicas.length > 0) covered.add(where);
    slots.fill(place, from, to + 1);
  }
  const missing = slots.reduce((count, place) => count + (place === NO_MASTER ? 1 : 0), 0);
  if (missing === 0) return { masters, slots, covered };
  const detail = `the Redis Cluster has no master for ${missing} of its ${SLOTS} slots`;
  throw new RedisLinkError('clusterDown', faultSentence('clusterDown', detail));
}

/** Those of before who have fewer slots now, or are gone. */
export function mastersThatLost(before: Placement, now: Placement): readonly BrokerHost[] {
  const { slots } = now;
  const lost = new Set<BrokerHost>();
  before.slots?.forEach((place, slot) => {
    const was = before.masters[place];
    const is = slots === undefined ? undefined : now.masters[slots[slot] as number];
    if (was !== undefined && (was.port !== is?.port || was.host !== is.host)) lost.add(was);
  });
  return [...lost];
}

function readHost(answer: unknown, asked: BrokerHost): BrokerHost | undefined {
  if (!Array.isArray(answer)) return undefined;
  const [name, digits] = answer as readonly unknown[];
  const port = Number(digits);
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) return undefined;
  if (name === null || name === '' || name === '?') return { host: asked.host, port };
  return typeof name === 'string' && HOST.test(name) ? { host: name, port } : undefined;
}

function isSlot(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SLOTS;
}
