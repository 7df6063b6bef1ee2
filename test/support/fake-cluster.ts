/** Nodes of a cluster in one process: what they tell and ask each other, in order and later. */

import type { Cluster, ClusterEvents, NodePlace } from '../../src/server/core/contracts/cluster.ts';
import { FRAME_HEADER_BYTES, FrameReader, FrameWriter } from '../../src/server/protocol/frame.ts';

const FRAME_BYTES = 1_048_576;

type Hear = (from: number, frame: FrameReader) => void;
type Answer = (args: unknown, from: number) => Promise<unknown>;

export class FakeNodes {
  readonly #nodes: Map<number, FakeCluster> = new Map();
  /** Those that are dead, and of whom nobody has heard that. */
  readonly #silent: Set<number> = new Set();

  readonly #late: Set<number> = new Set();
  /** Those that stand still: whoever calls them hears nothing until its time is over. */
  readonly still: Set<number> = new Set();
  /** Those whose answers come so much later, in ms. */
  readonly slow: Map<number, number> = new Map();
  /** What is told meanwhile is lost. */
  isDeaf = false;

  /** A node that nobody knows yet. */
  make(node: number): FakeCluster {
    return new FakeCluster(node, this);
  }

  /** It begins; the others hear of it. */
  join(cluster: FakeCluster): void {
    const { node } = cluster;
    const others = this.others(node);
    this.#nodes.set(node, cluster);
    for (const other of others) {
      other.events((one) => one.onPeer?.(node));
      cluster.events((one) => one.onPeer?.(other.node));
    }
  }

  begin(node: number): FakeCluster {
    const cluster = this.make(node);
    this.join(cluster);
    return cluster;
  }

  /** It does not answer any more. */
  die(node: number): void {
    this.#silent.add(node);
  }

  /** The others know that it is gone. */
  gone(node: number): void {
    this.#nodes.delete(node);
    for (const other of this.others(node)) other.events((one) => one.onPeerGone?.(node));
  }

  /** It still has something to say. */
  hearsFrom(node: number): void {
    this.#late.add(node);
  }

  others(node: number): FakeCluster[] {
    return [...this.#nodes.values()].filter((other) => other.node !== node);
  }

  isHeard(node: number): boolean {
    if (this.#late.has(node)) return true;
    return this.#nodes.has(node) && !this.#silent.has(node);
  }

  /** @throws Error when it is not there */
  heard(node: number): FakeCluster {
    const cluster = this.isHeard(node) ? this.#nodes.get(node) : undefined;
    if (cluster === undefined) throw new Error(`node ${node} does not answer`);
    return cluster;
  }
}

export class FakeCluster implements Cluster {
  readonly node: number;
  readonly places: readonly NodePlace[] = [];
  readonly #nodes: FakeNodes;
  readonly #told: Map<number, Hear> = new Map();
  readonly #answers: Map<string, Answer> = new Map();
  readonly #watches: ClusterEvents[] = [];
  /** What was told so far, by service. */
  readonly tells: number[] = [];

  constructor(node: number, nodes: FakeNodes) {
    this.node = node;
    this.#nodes = nodes;
  }

  get peers(): readonly number[] {
    return this.#nodes.others(this.node).map(({ node }) => node);
  }

  tell(service: number, write: (frame: FrameWriter) => void, to?: number): void {
    const writer = new FrameWriter(FRAME_BYTES).begin(service);
    write(writer);
    writer.finish();
    const bytes = Buffer.from(writer.take().subarray(FRAME_HEADER_BYTES));
    this.tells.push(service);
    if (this.#nodes.isDeaf) return;
    const all = this.#nodes.others(this.node).map(({ node }) => node);
    for (const node of to === undefined ? all : [to]) {
      queueMicrotask(() => {
        if (!this.#nodes.isHeard(node) || !this.#nodes.isHeard(this.node)) return;
        const other = this.#nodes.heard(node);
        other.#told.get(service)?.(this.node, new FrameReader(service, bytes));
      });
    }
  }

  onTold(service: number, hear: Hear): void {
    this.#told.set(service, hear);
  }

  async call(to: number, method: string, args: unknown, timeoutMs = 1_000): Promise<unknown> {
    await Promise.resolve();
    if (this.#nodes.still.has(to)) {
      await new Promise((resolve) => setTimeout(resolve, timeoutMs).unref());
      throw new Error(`node ${to} does not answer`);
    }
    const answer = this.#nodes.heard(to).#answers.get(method);
    if (answer === undefined) throw new Error(`node ${to} knows no ${method}`);
    const result = await answer(JSON.parse(JSON.stringify(args)), this.node);
    if (!this.#nodes.isHeard(to)) throw new Error(`node ${to} does not answer`);
    const slowMs = this.#nodes.slow.get(to);
    if (slowMs !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(slowMs, timeoutMs)));
      if (slowMs > timeoutMs) throw new Error(`node ${to} does not answer in time`);
    }
    return JSON.parse(JSON.stringify(result));
  }

  onCall(method: string, answer: Answer): void {
    this.#answers.set(method, answer);
  }

  watch(events: ClusterEvents): void {
    this.#watches.push(events);
  }

  events(happens: (one: ClusterEvents) => void): void {
    for (const one of this.#watches) happens(one);
  }
}
