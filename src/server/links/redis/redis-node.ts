/**
 * One server as a link has it: a connection for commands and one for subscriptions, made together,
 * lost together, and each with a heartbeat that measures its delay.
 */

import { type BrokerHost, type BrokerUrl, shownHost } from '../../../host/config/broker-url.ts';
import {
  type Access,
  type ConnectionEvents,
  NodeConnection,
  type ServerFacts,
} from './node-connection.ts';
import { faultSentence, linkError, RedisLinkError } from './redis-fault.ts';

/** A heartbeat without an answer for so long ends its connection. */
export const SILENCE_MS = 5_000;
const VERSION_MIN = [6, 2] as const;

export interface NodeEvents {
  onLost(node: RedisNode, error: RedisLinkError): void;
  onMessage(channel: string, payload: Uint8Array, isByPattern: boolean): void;
  onMoved(): void;
}

export class RedisNode {
  readonly where: string;
  readonly commands: NodeConnection;
  subscriptions: NodeConnection;
  /** All that is to be heard here is subscribed. */
  isSubscribed = false;
  facts: ServerFacts;
  readonly #access: Access;
  readonly #events: NodeEvents;
  readonly #beats: Heartbeat[];

  private constructor(
    connections: readonly [NodeConnection, NodeConnection],
    facts: ServerFacts,
    access: Access,
    events: NodeEvents,
  ) {
    [this.commands, this.subscriptions] = connections;
    this.where = this.commands.where;
    this.facts = facts;
    this.#access = access;
    this.#events = events;
    this.#beats = [
      new Heartbeat(async () => {
        this.facts = await this.commands.facts();
      }),
      new Heartbeat(async () => {
        await this.subscriptions.send(['PING']);
      }),
    ];
  }

  /** Rejects with `RedisLinkError`, also when the server is too old or still loads its data. */
  static async open(address: BrokerHost, access: Access, events: NodeEvents): Promise<RedisNode> {
    let node: RedisNode | undefined;
    const lost = (error: RedisLinkError): void => {
      if (node !== undefined) node.#lose(error);
    };
    const ways = connectionEvents(events, lost);
    const opened = await Promise.allSettled([
      NodeConnection.open(address, access, ways),
      NodeConnection.open(address, access, ways),
    ]);
    const connections = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    try {
      const failed = opened.find((one) => one.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      const [commands, subscriptions] = connections as [NodeConnection, NodeConnection];
      const facts = await within(probe(commands), access.timeoutMs, address);
      node = new RedisNode([commands, subscriptions], facts, access, events);
      if (!node.isReady) throw new RedisLinkError('unreachable', `Redis at ${node.where} hung up`);
      return node;
    } catch (error) {
      for (const connection of connections) connection.close();
      throw error;
    }
  }

  get isReady(): boolean {
    return this.commands.isReady && this.subscriptions.isReady;
  }

  /** Of the slower connection: how long its last answer took, or the one that is due takes. */
  get delayMs(): number {
    return Math.max(...this.#beats.map((beat) => beat.delayMs));
  }

  /** Once a second. */
  tick(): void {
    for (const beat of this.#beats) beat.tick();
    if (this.delayMs < SILENCE_MS) return;
    const detail = `Redis at ${this.where} does not answer (silent for ${SILENCE_MS} ms)`;
    this.#lose(new RedisLinkError('unreachable', faultSentence('unreachable', detail)));
  }

  /** A new connection without any subscription in place of the one that is there. */
  async renewSubscriptions(): Promise<void> {
    this.isSubscribed = false;
    const before = this.subscriptions;
    before.close();
    const ways = connectionEvents(this.#events, (error) => this.#lose(error));
    this.subscriptions = await NodeConnection.open(before.address, this.#access, ways);
  }

  close(): void {
    this.commands.close();
    this.subscriptions.close();
  }

  #lose(error: RedisLinkError): void {
    this.close();
    this.#events.onLost(this, error);
  }
}

export function notMaster(node: RedisNode): RedisLinkError {
  return new RedisLinkError('failingOver', `Redis at ${node.where} is no master any more`);
}

/** Closes a node that is not what the URL says, and throws. */
export function judgeNode(node: RedisNode, topology: BrokerUrl['topology']): void {
  const { isReplica, mode } = node.facts;
  const isCluster = mode === 'cluster';
  if (isReplica && topology !== 'single') {
    node.close();
    throw notMaster(node);
  }
  if (isCluster === (topology === 'cluster') && mode !== 'sentinel') return;
  node.close();
  const form =
    mode === 'sentinel'
      ? 'a sentinel: use redis-sentinel://'
      : 'of a Cluster: use redis-cluster://';
  throw new RedisLinkError('refused', `Redis at ${node.where} is ${form}`);
}

/** When the last was sent, and how long its answer took. */
class Heartbeat {
  readonly #beat: () => Promise<void>;
  #sentMs: number | undefined;
  #lastMs = 0;

  constructor(beat: () => Promise<void>) {
    this.#beat = beat;
  }

  get delayMs(): number {
    return this.#sentMs === undefined ? this.#lastMs : performance.now() - this.#sentMs;
  }

  tick(): void {
    if (this.#sentMs !== undefined) return;
    const sentMs = performance.now();
    this.#sentMs = sentMs;
    const answered = (): void => {
      this.#lastMs = performance.now() - sentMs;
      this.#sentMs = undefined;
    };
    // A refusal is an answer as well; a connection that breaks tells of it by itself.
    this.#beat().then(answered, answered);
  }
}

function connectionEvents(
  events: NodeEvents,
  onLost: (error: RedisLinkError) => void,
): ConnectionEvents {
  return {
    onLost,
    onMessage: (...said) => events.onMessage(...said),
    onMoved: () => events.onMoved(),
  };
}

/** Whether it can be used: HELLO is answered in any state, PING is not. */
async function probe(connection: NodeConnection): Promise<ServerFacts> {
  const facts = await connection.facts();
  const [major, minor, patch] = facts.version;
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1])) {
    const detail = `Redis at ${connection.where} is ${major}.${minor}.${patch}`;
    throw new RedisLinkError('tooOld', faultSentence('tooOld', detail));
  }
  try {
    await connection.send(['PING']);
  } catch (error) {
    // A user may lack this one permission and need no other that it has not.
    if (linkError(error, connection.where).fault !== 'notPermitted') throw error;
  }
  return facts;
}

async function within<T>(promise: Promise<T>, milliseconds: number, host: BrokerHost): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const detail = `Redis at ${shownHost(host)} does not answer (silent for ${milliseconds} ms)`;
  const timer = setTimeout(() => {
    reject(new RedisLinkError('unreachable', faultSentence('unreachable', detail)));
  }, milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
