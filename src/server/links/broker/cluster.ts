/**
 * This node among others, over the pub/sub of Redis.
 *
 *     hub ─publish, ask─▶ NodeCluster ─▶ outbox ─▶ Redis ─▶ nodes that want to hear it
 *     workers ◀─ hub ◀─take─ NodeCluster ◀─ Redis
 *
 * Each node tells all others what it wants to hear, by hashes, and knows what they want. So a
 * message to one user is sent to the nodes that have the user, and costs the others nothing; and a
 * million users of a node are no subscriptions in Redis. A node of which it is not known is sent
 * all.
 */

import { FIRST_NODE } from '../../core/app/answer-errors.ts';
import type { Cluster, ClusterEvents, NodePlace } from '../../core/contracts/cluster.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError } from '../../core/log/log.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { BusFrame, type Route } from '../bus/bus-frame.ts';
import type { HearNodes } from '../bus/other-nodes.ts';
import type { ClusterFigures } from './cluster-figures.ts';
import type { NodeClusterOptions } from './cluster-options.ts';
import { ClusterWatchers } from './cluster-watchers.ts';
import { NodeCalls } from './node-calls.ts';
import { nodeId, readFacts } from './node-facts.ts';
import { framesOf, isMessage, NodeFrame, readBatch } from './node-frame.ts';
import { NodeRequests } from './node-requests.ts';
import { Outbox, type Receiver } from './outbox.ts';
import { OwnInterest } from './own-interest.ts';
import type { Peer } from './peer.ts';
import { expectJoins, peersFor } from './peer-routes.ts';
import { Peers } from './peers.ts';

type HearTold = (from: number, frame: FrameReader) => void;

export class NodeCluster implements Cluster {
  readonly node: number;
  readonly #options: NodeClusterOptions;
  readonly #boot: number = Date.now();
  readonly #allChannel: string;
  readonly #ownChannel: string;
  readonly #outbox: Outbox;
  readonly #interest: OwnInterest;
  readonly #requests: NodeRequests;
  readonly #calls: NodeCalls;
  readonly #peers: Peers;
  readonly #services: Map<number, HearTold> = new Map();
  readonly #watchers: ClusterWatchers = new ClusterWatchers();
  readonly #timer: Timer;
  #heard = 0;
  #lost = 0;
  #malformed = 0;
  #isConnected = true;
  #isClosed = false;
  #beatAtMs: number = performance.now();

  constructor(options: NodeClusterOptions) {
    const { node, prefix, channels, interest, queueBytes } = options;
    this.#options = options;
    this.node = node;
    // One slot of a Cluster for all, so that what is said to all and to one stays in order.
    const channelOf = (receiver: Receiver): string => `{${prefix}}:nodes:${receiver}`;
    this.#allChannel = channelOf('all');
    this.#ownChannel = channelOf(node);
    this.#outbox = new Outbox({
      node,
      boot: this.#boot,
      queueBytes,
      channelOf,
      publish: (channel, payload) => channels.publish(channel, payload),
    });
    this.#interest = new OwnInterest(interest, this.#outbox);
    interest.watcher = this.#interest;
    this.#requests = new NodeRequests(this.#outbox);
    this.#calls = new NodeCalls(this.#outbox);
    this.#peers = new Peers({
      onPeer: (peer) => this.#came(peer),
      onPeerGone: (peer) => this.#left(peer),
    });
    channels.subscribe([this.#allChannel, this.#ownChannel]);
    this.#sayAlive('all');
    this.#timer = setInterval(() => this.#beat(), LIMITS.nodeAliveMs);
  }

  get figures(): ClusterFigures {
    let peerKeys = 0;
    for (const { wantedKeys } of this.#peers.all) peerKeys += wantedKeys;
    return {
      ...this.#outbox.figures,
      peers: this.#peers.size,
      peerKeys,
      waitingBytes: this.#outbox.waitingBytes,
      heard: this.#heard,
      lost: this.#lost,
      malformed: this.#malformed,
    };
  }

  // What Redis does.

  /** @returns false for a channel that is none of its */
  onMessage(channel: string, payload: Uint8Array): boolean {
    if (channel !== this.#allChannel && channel !== this.#ownChannel) return false;
    // Whoever has said that it stops answers nobody any more.
    if (this.#isClosed) return true;
    try {
      this.#hear(channel === this.#allChannel, payload);
    } catch (error) {
      this.#refused(error);
    }
    return true;
  }

  /** Redis is there again: others may have said what was not heard. */
  onConnected(): void {
    this.#isConnected = true;
    for (const peer of this.#peers.all) this.#doubt(peer);
    this.#outbox.connected(); // What waits was written before: it comes first.
    this.#sayAlive('all');
    this.#watchers.onReconnected();
  }

  onLost(): void {
    this.#isConnected = false;
    this.#outbox.lost();
    this.#peers.lost();
  }

  /** Says that this node stops. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#calls.close();
    if (!this.#isConnected) return;
    this.#outbox.frame('all', NodeFrame.bye).finish();
    await Promise.race([this.#outbox.settled(), Bun.sleep(LIMITS.nodeAliveMs)]);
  }

  /** What others are told of this node has changed. */
  sayFacts(): void {
    this.#sayAlive('all');
  }

  // What the hub says and asks.

  publish(type: number, route: Route, body: Uint8Array): boolean {
    const peers = peersFor(route, this.#peers);
    const isToAll = peers.length > 1 && peers.length === this.#peers.size;
    const receivers: readonly Receiver[] = isToAll ? ['all'] : peers.map(({ node }) => node);
    if (!this.#outbox.hasRoom(body.byteLength * receivers.length)) return this.#refuse();
    if (!isToAll) for (const node of this.#peers.silent) this.#outbox.miss(node);
    const frameType = type === BusFrame.event ? NodeFrame.event : NodeFrame.command;
    if (type === BusFrame.command) expectJoins(peers, route.namespace, body);
    for (const receiver of receivers) {
      this.#outbox.frame(receiver, frameType, true).raw(body).finish();
    }
    return true;
  }

  ask(route: Route, body: Uint8Array, hear: HearNodes): readonly number[] {
    const nodes = peersFor(route, this.#peers).map(({ node }) => node);
    if (nodes.length === 0) return [];
    const numbers = nodes.map((node) => FIRST_NODE + node);
    if (this.#requests.hasRoom && this.#isConnected) this.#requests.ask(nodes, body, hear);
    else {
      const items = new Uint8Array();
      for (const answering of numbers) {
        hear({ answering, isLast: true, isWhole: false, missing: 0, items });
      }
    }
    return numbers;
  }

  /** How many other nodes serve a namespace. */
  servers(namespace: string): number {
    const all = [...this.#peers.all];
    return all.filter(({ facts }) => facts?.namespaces.includes(namespace)).length;
  }

  /** Other nodes that want a key, or may. */
  nodesWith(key: string): readonly number[] {
    return [...this.#peers.all].filter((peer) => peer.wants(key)).map(({ node }) => node);
  }

  // Cluster: what the controller says and asks.

  get peers(): readonly number[] {
    return [...this.#peers.all].map(({ node }) => node);
  }

  get places(): readonly NodePlace[] {
    return [...this.#peers.all].flatMap(({ node, facts }) =>
      facts === undefined ? [] : [{ node, host: facts.host, ports: facts.ports }],
    );
  }

  tell(service: number, write: (frame: FrameWriter) => void, to: Receiver = 'all'): void {
    const frame = this.#outbox.frame(to, NodeFrame.state).u8(service);
    write(frame);
    frame.finish();
  }

  onTold(service: number, hear: HearTold): void {
    this.#services.set(service, hear);
  }

  async call(
    to: number,
    method: string,
    args: unknown,
    timeoutMs: number = LIMITS.nodeCallMs,
  ): Promise<unknown> {
    if (this.#peers.get(to) === undefined || !this.#isConnected) {
      throw new Error('the node is not there');
    }
    return await this.#calls.call(to, method, args, timeoutMs);
  }

  onCall(method: string, answer: (args: unknown, from: number) => Promise<unknown>): void {
    this.#calls.answerWith(method, answer);
  }

  watch(events: ClusterEvents): void {
    this.#watchers.add(events, this.peers, this.places);
  }

  // What other nodes say.

  #hear(isToAll: boolean, payload: Uint8Array): void {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const [first, ...frames] = framesOf(bytes);
    const head = first === undefined ? undefined : readBatch(first);
    if (head === undefined) throw new RangeError('it is of another version of Holdfast');
    if (head.node === this.node) {
      if (head.boot !== this.#boot) throw new Error('another node has the number of this one');
      return;
    }
    const peer = this.#peers.heard(head, performance.now());
    if (peer === undefined) return;
    const messages = frames.filter(({ type }) => isMessage(type)).length;
    const { isNew, isGap, lost } = peer.judge(head, isToAll, messages);
    if (!isNew) return;
    if (isGap) this.#missed(peer, lost);
    for (const frame of frames) {
      try {
        this.#take(peer, frame, isToAll);
      } catch (error) {
        this.#refused(error);
      }
    }
  }

  #take(peer: Peer, frame: FrameReader, isToAll: boolean): void {
    switch (frame.type) {
      case NodeFrame.event:
      case NodeFrame.command: {
        this.#heard++;
        const type = frame.type === NodeFrame.event ? BusFrame.event : BusFrame.command;
        this.#options.relay.take(type, new Uint8Array(frame.body()));
        return;
      }
      case NodeFrame.alive:
        this.#takeAlive(peer, frame, isToAll);
        return;
      case NodeFrame.bye:
        peer.hasSaidBye = true;
        this.#peers.leave(peer);
        return;
      case NodeFrame.interest:
        peer.change(frame);
        return;
      case NodeFrame.interestWanted:
        this.#interest.tellAll(peer.node);
        return;
      case NodeFrame.interestAll:
        peer.takeAll(frame);
        return;
      case NodeFrame.request:
        this.#requests.onRequest(peer.node, frame, this.#options.relay);
        return;
      case NodeFrame.answer:
        this.#requests.onAnswer(peer.node, frame);
        return;
      case NodeFrame.call:
        this.#calls.onCall(peer.node, frame);
        return;
      case NodeFrame.reply:
        this.#calls.onReply(peer.node, frame);
        return;
      case NodeFrame.state:
        this.#services.get(frame.u8())?.(peer.node, frame);
        return;
    }
  }

  #takeAlive(peer: Peer, frame: FrameReader, isToAll: boolean): void {
    peer.setSalt(frame.u32(), frame.u32());
    const sum = { count: frame.u32(), low: frame.u32(), high: frame.u32() };
    const facts = readFacts(frame.text());
    if (JSON.stringify(facts) !== JSON.stringify(peer.facts)) {
      peer.facts = facts;
      this.#watchers.onPlaces(this.places);
    }
    // What is said to all is in one order with the changes of which this is the sum.
    if (isToAll && peer.isKnown && !peer.agrees(sum)) peer.isKnown = false;
    if (!peer.isKnown) this.#askInterest(peer);
  }

  #missed(peer: Peer, lost: number): void {
    this.#lost += lost;
    const id = nodeId(peer.node);
    this.#options.log.warn('messages of another node were lost', { peer: id, lost });
    this.#doubt(peer);
    this.#watchers.onResync(peer.node);
  }

  /** What it wants may have changed unheard. */
  #doubt(peer: Peer): void {
    peer.isKnown = false;
    peer.askedAtMs = undefined;
    this.#askInterest(peer);
  }

  #askInterest(peer: Peer): void {
    const nowMs = performance.now();
    const { askedAtMs } = peer;
    if (askedAtMs !== undefined && nowMs - askedAtMs < LIMITS.nodeInterestMs) return;
    peer.askedAtMs = nowMs;
    this.#outbox.frame(peer.node, NodeFrame.interestWanted).finish();
  }

  #came(peer: Peer): void {
    this.#options.log.info('another node is there', { peer: nodeId(peer.node) });
    this.#sayAlive(peer.node);
    this.#askInterest(peer);
    this.#watchers.onPeer(peer.node);
  }

  #left(peer: Peer): void {
    this.#options.log.info('another node is gone', { peer: nodeId(peer.node) });
    this.#outbox.forget(peer.node);
    this.#requests.nodeGone(peer.node);
    this.#calls.nodeGone(peer.node);
    this.#watchers.onPeerGone(peer.node);
    this.#watchers.onPlaces(this.places);
  }

  #beat(): void {
    const nowMs = performance.now();
    this.#requests.sweep(nowMs);
    for (const peer of this.#peers.all) peer.forgetExpected(nowMs);
    // While nothing is heard of anybody, nobody is gone.
    if (!this.#isConnected) return;
    // After a standstill of this process, what others have said is still to be read.
    if (nowMs - this.#beatAtMs < 2 * LIMITS.nodeAliveMs) this.#peers.judge(nowMs);
    this.#beatAtMs = nowMs;
    this.#sayAlive('all');
  }

  #sayAlive(receiver: Receiver): void {
    if (!this.#isConnected) return;
    this.#interest.announce();
    const { salt } = this.#options.interest;
    const { count, low, high } = this.#interest.sum;
    this.#outbox
      .frame(receiver, NodeFrame.alive)
      .u32(salt[0] as number)
      .u32(salt[1] as number)
      .u32(count)
      .u32(low)
      .u32(high)
      .text(JSON.stringify(this.#options.facts()))
      .finish();
  }

  #refused(fault: unknown): void {
    this.#malformed++;
    const error = describeError(fault);
    this.#options.log.error('a message of another node was refused', { error });
  }

  #refuse(): false {
    this.#outbox.figures.refused++;
    this.#options.log.warn('messages to other nodes are refused, since Redis takes none', {
      waitingBytes: this.#outbox.waitingBytes,
    });
    return false;
  }
}
