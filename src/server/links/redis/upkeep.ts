/**
 * Keeps the connections of a link: opens them, notices what breaks, finds out who the masters are,
 * and makes connections and subscriptions anew until all are there again.
 *
 *     lost ──▶ wait (full jitter) ──▶ locate ──▶ open what is missing ──▶ subscribe ──▶ connected
 *                     ▲                                   │ failed
 *                     └───────────────────────────────────┘
 *
 * There is one way for everything that may happen: a server that dies, a failover, slots that move
 * and a first start are all the difference between what is open and what should be.
 */

import { type BrokerHost, shownHost } from '../../../host/config/broker-url.ts';
import type { Log } from '../../core/log/log.ts';
import type { FaultBook } from './fault-book.ts';
import type { CountedFigures } from './figures.ts';
import { hashSlot } from './hash-slot.ts';
import type { Access, ChannelKind, NodeConnection } from './node-connection.ts';
import { type Locator, mastersThatLost, type Placement } from './placement.ts';
import { faultSentence, linkError, RedisLinkError } from './redis-fault.ts';
import { judgeNode, type NodeEvents, notMaster, RedisNode } from './redis-node.ts';
import { type Subscriptions, subscribeOn, unsubscribeOn } from './subscriptions.ts';

export interface UpkeepParts {
  readonly topology: 'single' | 'sentinel' | 'cluster';
  readonly locator: Locator;
  readonly access: Access;
  readonly wanted: Subscriptions;
  readonly book: FaultBook;
  readonly figures: CountedFigures;
  readonly log: Log;
}

export interface UpkeepEvents {
  onMessage(channel: string, payload: Uint8Array, isByPattern: boolean): void;
  onConnected(afterMs: number): void;
  onLost(): void;
}

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
const TICK_MS = 1_000;
const SLOW_MS = 1_000;
/** How often it is looked whether the masters are still the same, though nothing broke. */
const REFRESH_TICKS = 5;
const NOWHERE: Placement = { masters: [], slots: undefined, covered: new Set() };

export class Upkeep {
  readonly nodes: Map<string, RedisNode> = new Map();
  isConnected = false;
  readonly #parts: UpkeepParts;
  readonly #events: UpkeepEvents;
  readonly #nodeEvents: NodeEvents;
  readonly #ticker: ReturnType<typeof setInterval>;
  #placement: Placement = NOWHERE;
  /** Where subscriptions are that belong to no slot. */
  #plainAt = '';
  #tries = 0;
  #ticks = 0;
  /** Some subscriptions are wanted, and the user may not have them. */
  #hasRefusals = false;
  #lostMs: number | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #attempt: Promise<void> | undefined;
  #isClosed = false;

  constructor(parts: UpkeepParts, events: UpkeepEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#nodeEvents = {
      onMessage: (...said) => events.onMessage(...said),
      onLost: (node, error) => this.#nodeLost(node, error),
      onMoved: () => this.refresh(),
    };
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Resolves when all is there; rejects with `RedisLinkError`, and does not try again then. */
  async connect(): Promise<void> {
    this.#attempt = this.#repair().finally(() => {
      this.#attempt = undefined;
    });
    await this.#attempt;
    this.#gained();
  }

  /** The node of a key's slot, or any when there is no key or no slots. */
  nodeOf(key: string | undefined): RedisNode | undefined {
    const { slots, masters } = this.#placement;
    const place = slots === undefined || key === undefined ? 0 : slots[hashSlot(key)];
    const node = this.#nodeAt(masters[place ?? 0]);
    return node === undefined && key === undefined ? this.nodes.values().next().value : node;
  }

  nodeAt(host: BrokerHost): RedisNode | undefined {
    return this.#nodeAt(host);
  }

  subscribe(kind: ChannelKind, channels: readonly string[]): void {
    this.#tell(kind, this.#parts.wanted.add(kind, channels), subscribeOn);
  }

  unsubscribe(kind: ChannelKind, channels: readonly string[]): void {
    this.#tell(kind, this.#parts.wanted.remove(kind, channels), unsubscribeOn);
  }

  /** Looks soon whether the masters are still those that are connected. */
  refresh(): void {
    if (this.isConnected) this.#schedule(RETRY_MIN_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#retry);
    for (const node of this.nodes.values()) node.close();
    this.nodes.clear();
    this.isConnected = false;
  }

  #nodeAt(host: BrokerHost | undefined): RedisNode | undefined {
    const node = host === undefined ? undefined : this.nodes.get(shownHost(host));
    return node?.isReady === true ? node : undefined;
  }

  #tell(kind: ChannelKind, channels: readonly string[], act: typeof subscribeOn): void {
    if (channels.length === 0) return;
    const isBySlot = kind === 'sharded' && this.#placement.slots !== undefined;
    const groups = isBySlot
      ? Map.groupBy(channels, (channel) => this.nodeOf(channel))
      : new Map([[this.#plainNode(), channels]]);
    for (const [node, some] of groups) {
      // Without a node they are made when there is one.
      if (node === undefined) continue;
      const name = act === subscribeOn ? 'SUBSCRIBE' : 'UNSUBSCRIBE';
      act(node.subscriptions, kind, some, isBySlot).then(
        (refusal) => this.#answered(name, node.subscriptions, refusal),
        (error: unknown) => this.#parts.log.error('subscriptions of Redis failed', { error }),
      );
    }
  }

  #answered(name: string, connection: NodeConnection, refusal: RedisLinkError | undefined): void {
    if (refusal === undefined) this.#parts.book.commandSucceeded(name);
    else if (refusal.redirect !== undefined) this.refresh();
    else if (connection.isReady) {
      this.#hasRefusals ||= name === 'SUBSCRIBE';
      this.#parts.book.commandFailed(name, refusal);
    }
  }

  #plainNode(): RedisNode | undefined {
    const node = this.nodes.get(this.#plainAt);
    return node?.isReady === true ? node : undefined;
  }

  #tick(): void {
    const { book, topology } = this.#parts;
    for (const node of [...this.nodes.values()]) node.tick();
    const nodes = [...this.nodes.values()];
    const slowest = nodes.reduce((most, node) => Math.max(most, node.delayMs), 0);
    if (slowest >= SLOW_MS) {
      const node = nodes.find((one) => one.delayMs === slowest) ?? nodes[0];
      book.begin('slow', `Redis at ${node?.where} takes ${Math.round(slowest)} ms to answer`);
    } else book.end('slow');
    const replica = nodes.find((node) => node.facts.isReplica);
    if (topology === 'single') this.#judgeRole(replica);
    else if (replica !== undefined) this.#nodeLost(replica, notMaster(replica));
    book.tick();
    this.#ticks++;
    const isDue = this.#ticks % REFRESH_TICKS === 0;
    if (isDue && (topology !== 'single' || this.#hasRefusals)) this.refresh();
  }

  #judgeRole(replica: RedisNode | undefined): void {
    const { book } = this.#parts;
    if (replica === undefined) book.end('readOnly');
    else {
      const detail = `Redis at ${replica.where} is a replica, which takes no writes`;
      book.begin('readOnly', faultSentence('readOnly', detail));
    }
  }

  #nodeLost(node: RedisNode, error: RedisLinkError): void {
    node.close();
    if (this.#isClosed || this.nodes.get(node.where) !== node) return;
    this.nodes.delete(node.where);
    this.#lose(this.#explained(node.where, error));
    this.#scheduleJittered();
  }

  #lose(error: RedisLinkError): void {
    this.#parts.book.connectionFailed(error);
    if (!this.isConnected) return;
    this.isConnected = false;
    this.#lostMs = performance.now();
    this.#events.onLost();
  }

  #gained(): void {
    this.#tries = 0;
    this.#parts.book.connected();
    if (this.isConnected) return;
    this.isConnected = true;
    const afterMs = this.#lostMs === undefined ? 0 : performance.now() - this.#lostMs;
    if (this.#lostMs !== undefined) this.#parts.figures.reconnects++;
    const servers = [...this.nodes.keys()].join(', ');
    this.#parts.log.info('connected to Redis', { servers, afterMs: Math.round(afterMs) });
    this.#events.onConnected(afterMs);
  }

  /** So that many nodes do not come back to a server in one moment. */
  #scheduleJittered(): void {
    const most = Math.min(RETRY_MIN_MS * 2 ** this.#tries, RETRY_MAX_MS);
    this.#tries = Math.min(this.#tries + 1, 16);
    this.#schedule(Math.random() * most);
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#attempt ??= this.#try().finally(() => {
        this.#attempt = undefined;
        if (!this.isConnected) this.#scheduleJittered();
      });
    }, delayMs);
  }

  async #try(): Promise<void> {
    try {
      await this.#repair();
      if (!this.#isClosed) this.#gained();
    } catch (error) {
      if (this.#isClosed) return;
      const failure = linkError(error, '');
      // Whoever knows the masters may be away while they are all there.
      if (this.isConnected && this.#isWhole()) {
        this.#parts.log.debug('the masters of Redis cannot be asked for', { why: failure.message });
        return;
      }
      this.#lose(failure);
    }
  }

  /** Rejects with `RedisLinkError` when not all could be made as it should be. */
  async #repair(): Promise<void> {
    const open = [...this.nodes.values()].filter((node) => node.isReady);
    const placement = await this.#parts.locator.locate(open.map((node) => node.commands));
    if (this.#isClosed) return;
    const before = this.#placement;
    this.#placement = placement;
    this.#dropStrangers(placement);
    const missing = placement.masters.filter((host) => this.#nodeAt(host) === undefined);
    const opened = await Promise.allSettled([
      ...missing.map((host) => this.#open(host)),
      ...this.#losers(before, placement).map((node) => this.#renew(node)),
    ]);
    const failed = opened.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (this.#isClosed) return;
    if (!placement.masters.some((host) => shownHost(host) === this.#plainAt)) {
      const at = Math.floor(Math.random() * placement.masters.length);
      this.#plainAt = shownHost(placement.masters[at] as BrokerHost);
    }
    this.#hasRefusals = false;
    await Promise.all([...this.nodes.values()].map((node) => this.#subscribeAll(node, placement)));
    if (!this.#isWhole()) throw new RedisLinkError('unreachable', 'a connection to Redis broke');
  }

  #isWhole(): boolean {
    const { masters } = this.#placement;
    const isWhole = (host: BrokerHost): boolean => this.#nodeAt(host)?.isSubscribed === true;
    return masters.length > 0 && masters.every(isWhole);
  }

  /** Who is open and no master any more. */
  #dropStrangers(placement: Placement): void {
    const masters = new Set(placement.masters.map(shownHost));
    for (const [where, node] of this.nodes) {
      if (masters.has(where)) continue;
      this.nodes.delete(where);
      node.close();
      this.#lose(notMaster(node));
    }
  }

  /** Who has fewer slots than before, while something is heard that belongs to slots. */
  #losers(before: Placement, now: Placement): readonly RedisNode[] {
    if (this.#parts.wanted.size('sharded') === 0) return [];
    return mastersThatLost(before, now).flatMap((host) => this.#nodeAt(host) ?? []);
  }

  async #open(host: BrokerHost): Promise<void> {
    const where = shownHost(host);
    const { access, topology } = this.#parts;
    try {
      const node = await RedisNode.open(host, access, this.#nodeEvents);
      if (this.#isClosed) {
        node.close();
        return;
      }
      judgeNode(node, topology);
      this.nodes.get(where)?.close();
      this.nodes.set(where, node);
    } catch (error) {
      throw this.#explained(where, linkError(error, where));
    }
  }

  async #renew(node: RedisNode): Promise<void> {
    this.#lose(new RedisLinkError('failingOver', `slots of Redis at ${node.where} have moved`));
    await node.renewSubscriptions();
  }

  async #subscribeAll(node: RedisNode, placement: Placement): Promise<void> {
    const { wanted } = this.#parts;
    const { slots, masters } = placement;
    const place = masters.findIndex((host) => shownHost(host) === node.where);
    const bySlot = slots === undefined ? undefined : (slot: number) => slots[slot] === place;
    const kinds: readonly ChannelKind[] =
      node.where === this.#plainAt ? ['plain', 'pattern', 'sharded'] : ['sharded'];
    for (const kind of kinds) {
      const belongs = kind === 'sharded' ? bySlot : undefined;
      const refusal = await wanted.make(kind, node.subscriptions, belongs);
      if (refusal !== undefined && isPassing(refusal)) {
        node.isSubscribed = false;
        throw refusal.redirect === undefined ? refusal : moving();
      }
      if (wanted.size(kind) > 0) this.#answered('SUBSCRIBE', node.subscriptions, refusal);
    }
    node.isSubscribed = true;
  }

  /** A master that is away, but has someone to take its place. */
  #explained(where: string, error: RedisLinkError): RedisLinkError {
    if (error.fault !== 'unreachable' || !this.#placement.covered.has(where)) return error;
    const how = `the Redis master at ${where} is away, a replica is to take its place`;
    return new RedisLinkError('failingOver', how, { cause: error });
  }
}

/** Why a subscription fails that will be possible without anybody changing its rules. */
function isPassing({ fault, isOfCommand, redirect }: RedisLinkError): boolean {
  return redirect !== undefined || (fault !== 'notPermitted' && !isOfCommand);
}

function moving(): RedisLinkError {
  return new RedisLinkError('failingOver', 'slots of the Redis Cluster are moving');
}
