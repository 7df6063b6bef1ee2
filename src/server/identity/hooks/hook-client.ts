/**
 * Calls to the backend: they wait, are sent, perhaps once more, and their answers are judged.
 *
 *     ask ─▶ queue ─▶ circuit, concurrency ─▶ POST, signed ─▶ 200, JSON of the shape ─▶ answered
 *               └─ too many, too late ─▶ failed ◀─ time, status, no JSON ─┘
 *     tell ─▶ the same for what nobody waits for: tried for longer, and dropped in the end
 *
 * A call has one time for everything, from its coming to the end of its answer. None throws:
 * whatever the backend does becomes a reason, counted, and one of three outcomes.
 */

import { randomBytes } from 'node:crypto';
import { ask, readText } from '../../../host/foreign/ask.ts';
import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import {
  HOOK_COUNTERS,
  type HookCall,
  type HookCounters,
  type HookGauges,
} from '../../core/limits/hook-counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import { CallQueue, type Waiting } from './call-queue.ts';
import { Circuit } from './circuit.ts';
import { answerFault, faultOf, type HookFault, SHAPE_FAULT, statusFault } from './hook-fault.ts';
import { signatureOf } from './signature.ts';

export interface HookClientOptions {
  readonly url: string;
  readonly secret: string;
  /** For a call in all: waiting, both requests, the whole of the answer. */
  readonly timeoutMs: number;
  /** Requests under way at a time. */
  readonly concurrency: number;
  /** Judges answers before they are parsed. */
  readonly json: ForeignJson;
  readonly counters: HookCounters;
  readonly refusals: Refusals;
}

/**
 * What became of a call. `refused` is a backend that is there and says no, by its status or in a
 * way that is not understood; `failed` is all that happened to a call without a word of it.
 */
export type Outcome<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'refused' | 'failed' };

/** Reads an answer. @returns `undefined` when it is of another shape */
export type ReadAnswer<Answer> = (answer: unknown) => Answer | undefined;

interface Call extends Waiting {
  readonly id: string;
  readonly body: string;
  /** Whether somebody waits for it. */
  readonly isAwaited: boolean;
  readonly read: ReadAnswer<unknown>;
  settle(outcome: Outcome<unknown>): void;
  tries: number;
}

const KINDS: readonly HookCall[] = ['connect', 'event', 'join', 'disconnect'];
/** Those whose callers wait. */
const AWAITED: readonly HookCall[] = ['connect', 'event', 'join'];
const FAILED: Outcome<never> = { kind: 'failed' };
const REFUSED: Outcome<never> = { kind: 'refused' };
const ID_BYTES = 16;
const CLOSE_CHECK_MS = 20;
/** What a call holds beside its body. */
const CALL_BYTES = 512;

export class HookClient {
  readonly #options: HookClientOptions;
  readonly #queue: CallQueue<HookCall, Call>;
  readonly #circuit: Circuit;
  #inFlight = 0;
  /** Told again later, and waiting for that. */
  #toldLater = 0;
  #timer: { readonly atMs: number; readonly handle: NodeJS.Timeout } | undefined;
  #isClosed = false;

  constructor(options: HookClientOptions) {
    this.#options = options;
    const waitMs = (kind: HookCall): number =>
      AWAITED.includes(kind) ? options.timeoutMs : Number.POSITIVE_INFINITY;
    this.#queue = new CallQueue(KINDS, waitMs);
    const circuit = { failures: LIMITS.hookCircuitFailures, pauseMs: LIMITS.hookCircuitMs };
    this.#circuit = new Circuit(circuit, () => performance.now());
  }

  gauges(): HookGauges {
    return {
      hookCallsInFlight: this.#inFlight,
      hookCallsWaiting: this.#queue.size + this.#toldLater,
      hookCircuitOpen: Number(this.#circuit.isOpen),
    };
  }

  /**
   * Asks the backend.
   *
   * @param lane calls of a kind with the same one go one after another
   * @param members of the body beside `id` and `call`, as JSON: `"name":value,…`
   */
  ask<Answer>(
    kind: HookCall,
    lane: object,
    members: string,
    read: ReadAnswer<Answer>,
  ): Promise<Outcome<Answer>> {
    return new Promise((resolve) => {
      const settle = resolve as (outcome: Outcome<unknown>) => void;
      this.#add(kind, { ...bodyOf(kind, members), lane, isAwaited: true, read, settle });
    });
  }

  /** Tells the backend, some time. */
  tell(kind: HookCall, members: string): void {
    const settle = ({ kind: became }: Outcome<unknown>): void => {
      if (became !== 'answered') this.#options.refusals.count('hookDropped');
    };
    this.#add(kind, {
      ...bodyOf(kind, members),
      lane: {},
      isAwaited: false,
      read: () => true,
      settle,
    });
  }

  /**
   * Sends what waits, for as long as a worker that stops has for that; then all has failed.
   *
   * @returns how many were not told that should have been
   */
  async close(): Promise<number> {
    const untilMs = performance.now() + LIMITS.hookFarewellMs;
    const isBusy = (): boolean =>
      this.#inFlight > 0 || (this.#queue.size > 0 && !this.#circuit.isOpen);
    // Once at least: what follows from an answer that has come is called in a moment.
    do await Bun.sleep(CLOSE_CHECK_MS);
    while (isBusy() && performance.now() < untilMs);
    this.#isClosed = true;
    clearTimeout(this.#timer?.handle);
    let untold = this.#toldLater;
    for (const kind of KINDS) {
      for (const call of this.#queue.removeAll(kind)) {
        if (!call.isAwaited) untold++;
        call.settle(FAILED);
      }
    }
    return untold;
  }

  #add(kind: HookCall, call: Call): void {
    if (this.#isClosed) call.settle(FAILED);
    else if (call.isAwaited && !this.#circuit.lets) this.#failed(kind, call, 'hookCircuit');
    else if (!this.#queue.add(kind, call)) this.#failed(kind, call, 'hookFull');
    else this.#pump();
  }

  /** Sends what may be sent, and sees to it that the rest is looked at again. */
  #pump(): void {
    while (this.#inFlight < this.#options.concurrency && this.#circuit.lets && !this.#isClosed) {
      const next = this.#queue.take();
      if (next === undefined) break;
      this.#circuit.sent();
      this.#inFlight++;
      void this.#run(...next);
    }
    if (!this.#circuit.lets) {
      for (const kind of AWAITED) this.#fail(kind, this.#queue.removeAll(kind), 'hookCircuit');
    }
    this.#lookAgain();
  }

  async #run(kind: HookCall, call: Call): Promise<void> {
    const outcome = await this.#outcomeOf(kind, call);
    this.#inFlight--;
    this.#queue.done(kind, call);
    if (outcome.kind === 'failed' && !call.isAwaited) this.#tellLater(kind, call);
    else call.settle(outcome);
    this.#pump();
  }

  /** Sends a call, and once more where that can do no harm. */
  async #outcomeOf(kind: HookCall, call: Call): Promise<Outcome<unknown>> {
    for (;;) {
      call.tries++;
      const result = await this.#request(kind, call);
      if ('kind' in result) {
        this.#circuit.answered();
        return result;
      }
      this.#options.refusals.count(result.reason, `${kind}: ${result.detail}`);
      if (result.isRefusal) {
        this.#circuit.answered();
        return REFUSED;
      }
      this.#circuit.failed();
      if (this.#circuit.isOpen || !mayTryAgain(kind, call, result)) return FAILED;
      await Bun.sleep(LIMITS.hookTryAgainMs * (0.5 + Math.random()));
    }
  }

  async #request(kind: HookCall, call: Call): Promise<Outcome<unknown> | HookFault> {
    const { url, secret, timeoutMs, counters, json } = this.#options;
    const fromMs = performance.now();
    const leftMs = Math.min(timeoutMs, call.deadlineMs - fromMs);
    const timestamp = String(Date.now());
    const headers = {
      'content-type': 'application/json',
      'holdfast-id': call.id,
      'holdfast-timestamp': timestamp,
      'holdfast-signature': signatureOf(secret, timestamp, call.body),
    };
    counters[HOOK_COUNTERS[kind]]++;
    try {
      const question = { body: call.body, headers, timeoutMs: Math.max(1, Math.ceil(leftMs)) };
      return await this.#judge(await ask(url, question), call, json);
    } catch (error) {
      return faultOf(error);
    } finally {
      counters.hookMicroseconds += Math.round((performance.now() - fromMs) * 1_000);
    }
  }

  async #judge(
    response: Response,
    call: Call,
    json: ForeignJson,
  ): Promise<Outcome<unknown> | HookFault> {
    const isAnswer = response.status === 200;
    if (!isAnswer && (!response.ok || call.isAwaited)) {
      // Nothing more of it is to come, and its connection ends.
      void response.body?.cancel().catch(() => {});
      return statusFault(response.status);
    }
    const type = response.headers.get('content-type') ?? '';
    const text = await readText(response, LIMITS.hookAnswerBytes);
    // What is said to a notice is not looked at.
    if (!call.isAwaited) return { kind: 'answered', answer: undefined };
    if (!/^application\/json\s*(;|$)/i.test(type)) return answerFault('it is not called JSON');
    let value: unknown;
    try {
      value = json.parse(text);
    } catch {
      return answerFault('it is no JSON, or has too many keys or levels');
    }
    const answer = call.read(value);
    return answer === undefined ? SHAPE_FAULT : { kind: 'answered', answer };
  }

  #tellLater(kind: HookCall, call: Call): void {
    const isFull = this.#toldLater >= LIMITS.hookCallsWaiting;
    if (this.#isClosed || isFull || call.tries >= LIMITS.hookNoticeTries) {
      call.settle(FAILED);
      return;
    }
    this.#toldLater++;
    const waitMs = LIMITS.hookNoticeAgainMs * 2 ** (call.tries - 1);
    setTimeout(() => {
      if (this.#isClosed) return;
      this.#toldLater--;
      this.#add(kind, call);
    }, waitMs).unref();
  }

  #fail(kind: HookCall, calls: readonly Call[], reason: 'hookTimeout' | 'hookCircuit'): void {
    for (const call of calls) this.#failed(kind, call, reason);
  }

  /** A call that was not sent. */
  #failed(kind: HookCall, call: Call, reason: 'hookTimeout' | 'hookCircuit' | 'hookFull'): void {
    this.#options.refusals.count(reason, `${kind}: not sent`);
    call.settle(FAILED);
  }

  /** When the first that waits will have waited too long, or when the circuit lets one try. */
  #lookAgain(): void {
    if (this.#isClosed || this.#queue.size === 0) return;
    const nowMs = performance.now();
    const { waitMs } = this.#circuit;
    const triesAtMs = waitMs > 0 ? nowMs + waitMs : Number.POSITIVE_INFINITY;
    const atMs = Math.min(this.#queue.firstDeadlineMs, triesAtMs);
    const isLookedAtBefore = this.#timer !== undefined && this.#timer.atMs <= atMs;
    if (atMs === Number.POSITIVE_INFINITY || isLookedAtBefore) return;
    clearTimeout(this.#timer?.handle);
    const handle = setTimeout(this.#expire, Math.max(0, Math.ceil(atMs - nowMs)));
    this.#timer = { atMs, handle };
  }

  readonly #expire = (): void => {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const kind of AWAITED) {
      this.#fail(kind, this.#queue.removeLate(kind, nowMs), 'hookTimeout');
    }
    this.#pump();
  };
}

/** The text is what is signed and sent, each time it is. */
function bodyOf(
  kind: HookCall,
  members: string,
): Pick<Call, 'id' | 'body' | 'bytes' | 'tries' | 'deadlineMs'> {
  const id = randomBytes(ID_BYTES).toString('base64url');
  const body = `{"id":"${id}","call":"${kind}",${members}}`;
  const bytes = Buffer.byteLength(body) + CALL_BYTES;
  return { id, body, bytes, tries: 0, deadlineMs: Number.POSITIVE_INFINITY };
}

/**
 * Being asked twice whether somebody may come in is harmless. An event may have been taken by a
 * backend that did not live to say so: it is sent again only if nothing of it has left.
 */
function mayTryAgain(
  kind: HookCall,
  { deadlineMs, isAwaited, tries }: Call,
  fault: HookFault,
): boolean {
  if (!isAwaited || tries >= LIMITS.hookTries) return false;
  if (!(kind === 'event' ? fault.isUnsent : fault.isPassing)) return false;
  return performance.now() + 2 * LIMITS.hookTryAgainMs < deadlineMs;
}
