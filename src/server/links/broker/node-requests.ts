/** Requests of workers to other nodes, and those of other nodes to the workers of this one. */

import { FIRST_NODE } from '../../core/app/answer-errors.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import { AnswerFlag, toData } from '../bus/bus-frame.ts';
import type { MessageRelay } from '../bus/message-relay.ts';
import type { HearNodes } from '../bus/other-nodes.ts';
import { NodeFrame } from './node-frame.ts';
import type { Outbox } from './outbox.ts';

interface Open {
  readonly waiting: Set<number>;
  readonly hear: HearNodes;
  readonly atMs: number;
}

const NO_ITEMS = toData([]);

export class NodeRequests {
  readonly #outbox: Outbox;
  readonly #open: Map<number, Open> = new Map();
  #lastId = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** @returns whether there is room for one more */
  get hasRoom(): boolean {
    return this.#open.size < LIMITS.nodeRequests;
  }

  /** @param body route and request */
  ask(nodes: readonly number[], body: Uint8Array, hear: HearNodes): void {
    const id = ++this.#lastId;
    this.#open.set(id, { waiting: new Set(nodes), hear, atMs: performance.now() });
    for (const node of nodes) {
      this.#outbox.frame(node, NodeFrame.request).u53(id).raw(body).finish();
    }
  }

  /** Another node asks the workers of this one. */
  onRequest(from: number, frame: FrameReader, relay: Pick<MessageRelay, 'askWorkers'>): void {
    const id = frame.u53();
    relay.askWorkers(new Uint8Array(frame.rest()), ({ isLast, isWhole, missing, items }) => {
      const flags = (isLast ? AnswerFlag.last : 0) | (isWhole ? AnswerFlag.whole : 0);
      const answer = this.#outbox.frame(from, NodeFrame.answer);
      answer.u53(id).u8(flags).u32(missing).raw(items).finish();
    });
  }

  onAnswer(from: number, frame: FrameReader): void {
    const id = frame.u53();
    const open = this.#open.get(id);
    if (open?.waiting.has(from) !== true) return;
    const flags = frame.u8();
    const isLast = (flags & AnswerFlag.last) !== 0;
    const isWhole = (flags & AnswerFlag.whole) !== 0;
    const missing = frame.u32();
    const items = new Uint8Array(frame.rest());
    if (isLast) this.#done(id, open, from);
    open.hear({ answering: FIRST_NODE + from, isLast, isWhole, missing, items });
  }

  nodeGone(node: number): void {
    for (const [id, open] of this.#open) if (open.waiting.has(node)) this.#lose(id, open, node);
  }

  /** Forgets those that nobody waits for any more, whatever time they were given. */
  sweep(nowMs: number): void {
    for (const [id, open] of this.#open) {
      if (nowMs - open.atMs < LIMITS.nodeRequestMs) return;
      for (const node of open.waiting) this.#lose(id, open, node);
    }
  }

  #lose(id: number, open: Open, node: number): void {
    this.#done(id, open, node);
    const answering = FIRST_NODE + node;
    open.hear({ answering, isLast: true, isWhole: false, missing: 0, items: NO_ITEMS });
  }

  #done(id: number, open: Open, node: number): void {
    open.waiting.delete(node);
    if (open.waiting.size === 0) this.#open.delete(id);
  }
}
