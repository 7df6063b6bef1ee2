/** Calls between controllers: one node asks another, which answers in time or has not answered. */

import { foreignJson } from '../../../host/foreign/parsed.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import { NodeFrame } from './node-frame.ts';
import type { Outbox } from './outbox.ts';

interface Open {
  readonly node: number;
  readonly timer: Timer;
  settle(value: unknown, error?: string): void;
}

type Answerer = (args: unknown, from: number) => Promise<unknown>;

export class NodeCalls {
  readonly #outbox: Outbox;
  readonly #json = foreignJson();
  readonly #open: Map<number, Open> = new Map();
  readonly #answerers: Map<string, Answerer> = new Map();
  #lastId = 0;
  #answering = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  answerWith(method: string, answer: Answerer): void {
    this.#answerers.set(method, answer);
  }

  /** @throws Error when there is no answer in time, or one that says why not */
  call(to: number, method: string, args: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#open.size >= LIMITS.nodeCalls) {
      return Promise.reject(new Error('too many calls to other nodes are open'));
    }
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const settle = (value: unknown, error?: string): void => {
      clearTimeout(timer);
      this.#open.delete(id);
      if (error === undefined) resolve(value);
      else reject(new Error(error));
    };
    const timer = setTimeout(() => settle(undefined, 'it did not answer in time'), timeoutMs);
    this.#open.set(id, { node: to, timer, settle });
    const text = JSON.stringify(args ?? null);
    this.#outbox.frame(to, NodeFrame.call).u53(id).text(method).text(text).finish();
    return promise;
  }

  /** Another node calls. */
  onCall(from: number, frame: FrameReader): void {
    const id = frame.u53();
    const answer = this.#answerers.get(frame.text());
    const args = this.#json.parse(frame.text());
    const fault = this.#answering >= LIMITS.nodeCalls ? 'it is asked too much' : undefined;
    if (answer === undefined) this.#reply(from, id, false, 'it does not know this call');
    else if (fault !== undefined) this.#reply(from, id, false, fault);
    else void this.#answer(from, id, answer, args);
  }

  onReply(from: number, frame: FrameReader): void {
    const open = this.#open.get(frame.u53());
    if (open?.node !== from) return;
    const isRight = frame.u8() === 1;
    const value: unknown = this.#json.parse(frame.text());
    if (isRight) open.settle(value);
    else open.settle(undefined, typeof value === 'string' ? value : 'it failed');
  }

  nodeGone(node: number): void {
    for (const open of [...this.#open.values()]) {
      if (open.node === node) open.settle(undefined, 'the node is gone');
    }
  }

  close(): void {
    for (const open of [...this.#open.values()]) open.settle(undefined, 'this node stops');
  }

  async #answer(from: number, id: number, answer: Answerer, args: unknown): Promise<void> {
    this.#answering++;
    try {
      this.#reply(from, id, true, await answer(args, from));
    } catch (error) {
      this.#reply(from, id, false, error instanceof Error ? error.message : 'it failed');
    } finally {
      this.#answering--;
    }
  }

  #reply(to: number, id: number, isRight: boolean, value: unknown): void {
    const text = JSON.stringify(value ?? null);
    this.#outbox
      .frame(to, NodeFrame.reply)
      .u53(id)
      .u8(isRight ? 1 : 0)
      .text(text)
      .finish();
  }
}
