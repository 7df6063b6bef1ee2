/**
 * Requests of a worker or another node to workers, and their answers, as they pass through the hub.
 * Whoever asks is told of each one that cannot answer.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import { AnswerFlag, BusFrame, type Route, readRoute, toData } from './bus-frame.ts';
import type { HearNodes, NodeAnswerPiece, OtherNodes } from './other-nodes.ts';
import type { Sender } from './outlet.ts';
import type { WorkerLink } from './worker-link.ts';

export interface RequestRelayOptions {
  linkOf(worker: number): WorkerLink | undefined;
  /** The workers that a route leads to, but the one that asks. */
  destinations(route: Route, from: WorkerLink | undefined): readonly WorkerLink[];
  /** Queues a frame. @returns false when there was no room for it */
  put(link: WorkerLink, sender: Sender, type: number, body: Uint8Array): boolean;
  otherNodes(): OtherNodes | undefined;
}

/** Who asks on behalf of another node; no worker has this number. */
const ANOTHER_NODE = 0xff_ff_ff_fe;
const NO_ITEMS = toData([]);

/** A request of another node, until all workers have answered. */
interface OfNode {
  readonly waiting: Set<number>;
  isWhole: boolean;
  readonly hear: (piece: Omit<NodeAnswerPiece, 'answering'>) => void;
}

export class RequestRelay implements Sender {
  readonly #options: RequestRelayOptions;
  readonly #ofNodes: Map<number, OfNode> = new Map();
  #lastId = 0;

  constructor(options: RequestRelayOptions) {
    this.#options = options;
  }

  ask(from: WorkerLink, frame: FrameReader): void {
    const id = frame.u32();
    const asked = frame.rest();
    const body = numbered(from.worker, id, asked);
    const route = readRoute(frame);
    const destinations = this.#options.destinations(route, from);
    const nodes = this.#askNodes(from, id, route, asked);
    const all = [...destinations.map(({ worker }) => worker), ...nodes.asked];
    const told = from.messages?.frame(BusFrame.asked).u32(id).u32(all.length);
    for (const number of all) told?.u32(number);
    told?.finish();
    from.messages?.send();
    nodes.begin();
    for (const link of destinations) {
      if (!this.#put(link, from, body)) sayUnanswered(from, id, link.worker);
      else link.owed.set(`${from.worker}:${id}`, [from.worker, id]);
    }
  }

  /** Asks the workers of this node for another one. @param asked route and request */
  askFor(asked: Uint8Array, route: Route, hear: OfNode['hear']): void {
    const destinations = this.#options.destinations(route, undefined);
    if (destinations.length === 0) {
      hear({ isLast: true, isWhole: true, missing: 0, items: NO_ITEMS });
      return;
    }
    if (this.#ofNodes.size >= LIMITS.pendingBusRequests) {
      hear({ isLast: true, isWhole: false, missing: 0, items: NO_ITEMS });
      return;
    }
    this.#lastId = (this.#lastId + 1) % 2 ** 32;
    const id = this.#lastId;
    const waiting = new Set(destinations.map(({ worker }) => worker));
    this.#ofNodes.set(id, { waiting, isWhole: true, hear });
    const body = numbered(ANOTHER_NODE, id, asked);
    for (const link of destinations) {
      if (!this.#put(link, this, body)) this.#unanswered(ANOTHER_NODE, id, link.worker);
      else link.owed.set(`${ANOTHER_NODE}:${id}`, [ANOTHER_NODE, id]);
    }
  }

  passAnswer(from: WorkerLink, frame: FrameReader): void {
    const worker = frame.u32();
    const id = frame.u32();
    const answer = frame.rest();
    const isLast = ((answer[0] ?? 0) & AnswerFlag.last) !== 0;
    if (isLast) from.owed.delete(`${worker}:${id}`);
    if (worker === ANOTHER_NODE) {
      this.#passToNode(from, id, frame);
      return;
    }
    const asking = this.#options.linkOf(worker);
    if (asking === undefined) return;
    const body = numbered(id, from.worker, answer);
    // Without this piece what comes after it is not the whole, so that counts for nothing.
    if (!this.#options.put(asking, from, BusFrame.answer, body)) {
      sayUnanswered(asking, id, from.worker);
    }
  }

  /** A worker answers no more. */
  workerGone(link: WorkerLink): void {
    for (const [worker, id] of link.owed.values()) this.#unanswered(worker, id, link.worker);
  }

  /** Other nodes are not read here: what has no room is not asked. */
  hold(): void {}

  #put(link: WorkerLink, from: Sender, body: Uint8Array): boolean {
    // Eight bytes longer than it came, it may be too long.
    const isTooLong = body.byteLength >= LIMITS.ipcFrameBytes;
    if (isTooLong || link.outlet?.isStuck !== false) return false;
    return this.#options.put(link, from, BusFrame.request, body);
  }

  /** Asks other nodes; what they answer waits until the worker knows whom it has asked. */
  #askNodes(
    from: WorkerLink,
    id: number,
    route: Route,
    asked: Uint8Array,
  ): { readonly asked: readonly number[]; begin(): void } {
    const early: NodeAnswerPiece[] = [];
    let hear: HearNodes = (piece) => early.push(piece);
    const numbers = this.#options.otherNodes()?.ask(route, asked, (piece) => hear(piece)) ?? [];
    const begin = (): void => {
      hear = (piece) => this.#passFromNode(from, id, piece);
      for (const piece of early.splice(0)) hear(piece);
    };
    return { asked: numbers, begin };
  }

  #passFromNode(asking: WorkerLink, id: number, piece: NodeAnswerPiece): void {
    const { answering, isLast, isWhole, missing, items } = piece;
    const flags = (isLast ? AnswerFlag.last : 0) | (isWhole ? AnswerFlag.whole : 0);
    const head = Buffer.allocUnsafe(5);
    head.writeUInt8(flags, 0);
    head.writeUInt32BE(missing, 1);
    const body = numbered(id, answering, Buffer.concat([head, items]));
    if (this.#options.linkOf(asking.worker) !== asking) return;
    if (!this.#options.put(asking, this, BusFrame.answer, body)) {
      sayUnanswered(asking, id, answering);
    }
  }

  /** @param frame read up to its flags */
  #passToNode(from: WorkerLink, id: number, frame: FrameReader): void {
    const asked = this.#ofNodes.get(id);
    if (asked?.waiting.has(from.worker) !== true) return;
    const flags = frame.u8();
    const missing = frame.u32();
    const items = new Uint8Array(frame.rest());
    const isLastOfAll = (flags & AnswerFlag.last) !== 0 && asked.waiting.size === 1;
    if ((flags & AnswerFlag.last) === 0 || missing > 0 || items.byteLength > NO_ITEMS.byteLength) {
      asked.hear({ isLast: false, isWhole: true, missing, items });
    }
    if ((flags & AnswerFlag.last) === 0) return;
    asked.isWhole &&= (flags & AnswerFlag.whole) !== 0;
    asked.waiting.delete(from.worker);
    if (isLastOfAll) this.#settleForNode(id, asked);
  }

  #settleForNode(id: number, { isWhole, hear }: OfNode): void {
    this.#ofNodes.delete(id);
    hear({ isLast: true, isWhole, missing: 0, items: NO_ITEMS });
  }

  #unanswered(asking: number, id: number, worker: number): void {
    if (asking !== ANOTHER_NODE) {
      const link = this.#options.linkOf(asking);
      if (link !== undefined) sayUnanswered(link, id, worker);
      return;
    }
    const asked = this.#ofNodes.get(id);
    if (asked?.waiting.delete(worker) !== true) return;
    asked.isWhole = false;
    if (asked.waiting.size === 0) this.#settleForNode(id, asked);
  }
}

function sayUnanswered(asking: WorkerLink, id: number, worker: number): void {
  asking.messages?.frame(BusFrame.unanswered).u32(id).u32(worker).finish();
  asking.messages?.send();
}

/** A body with two numbers before it, in a buffer of its own. */
function numbered(first: number, second: number, rest: Uint8Array): Uint8Array {
  const body = Buffer.allocUnsafe(8 + rest.byteLength);
  body.writeUInt32BE(first, 0);
  body.writeUInt32BE(second, 4);
  body.set(rest, 8);
  return body;
}
