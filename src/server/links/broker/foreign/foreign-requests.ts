/**
 * Questions of this node to foreign servers, until their answers are there.
 *
 * How many servers there are is known, who they are is not: so answers are counted. One that comes
 * twice, where its dialect names who answers, counts once; what comes late, or beyond the bytes
 * that all answers together may hold, is not taken, and its server stays silent.
 */

import { NameMap } from '../../../../host/runtime/name-map.ts';
import { LIMITS } from '../../../core/limits/limits.ts';
import { timerMs } from '../../../core/limits/timer-ms.ts';
import type { ForeignAnswers } from './contract.ts';
import { ForeignFault } from './foreign-fault.ts';
import { sessionsOf } from './foreign-values.ts';
import type { Answer } from './heard.ts';

/** Clients that one server may count. */
const CLIENTS_MAX = 1_000_000_000;

export type ForeignQuestion = 'sessions' | 'serverSideEmit' | 'emitWithAck';

interface Open {
  readonly kind: ForeignQuestion;
  readonly expected: number;
  readonly items: unknown[];
  readonly answered: NameMap<true>;
  servers: number;
  /** Of `emitWithAck`: clients that shall answer. */
  clients: number;
  bytes: number;
  readonly timer: Timer;
  readonly resolve: (answers: ForeignAnswers) => void;
}

export class ForeignRequests {
  readonly #open: Map<string, Open> = new Map();
  #bytes = 0;

  get size(): number {
    return this.#open.size;
  }

  /** @returns undefined when too many are open */
  open(
    kind: ForeignQuestion,
    expected: number,
    timeoutMs: number,
  ): { readonly id: string; readonly answers: Promise<ForeignAnswers> } | undefined {
    if (this.#open.size >= LIMITS.foreignRequests) return undefined;
    const id = crypto.randomUUID();
    const { promise, resolve } = Promise.withResolvers<ForeignAnswers>();
    const timer = setTimeout(() => this.settle(id), timerMs(timeoutMs));
    const none = { items: [], answered: new NameMap<true>(), servers: 0, clients: 0, bytes: 0 };
    this.#open.set(id, { kind, expected, ...none, timer, resolve });
    return { id, answers: promise };
  }

  /**
   * @param bytes what the answer came in
   * @returns whether it was waited for
   */
  take(id: string, uid: string | undefined, answer: Answer, bytes: number): boolean {
    const open = this.#open.get(id);
    if (open === undefined || !isAnswerTo(answer, open.kind)) return false;
    if (answer.kind !== 'ack') {
      const isDouble = uid !== undefined && open.answered.has(uid);
      if (isDouble || open.servers >= open.expected) return false;
    }
    if (this.#bytes + bytes > LIMITS.foreignAnswerBytes) {
      throw new ForeignFault('is an answer, and answers hold too many bytes already');
    }
    add(open, answer);
    open.bytes += bytes;
    this.#bytes += bytes;
    if (answer.kind !== 'ack') {
      open.servers++;
      if (uid !== undefined) open.answered.set(uid, true);
    }
    const hasClients = open.kind !== 'emitWithAck' || open.items.length >= open.clients;
    if (open.servers === open.expected && hasClients) this.settle(id);
    return true;
  }

  /** No more is waited for. */
  settle(id: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    this.#bytes -= open.bytes;
    clearTimeout(open.timer);
    const { items, clients, expected, servers } = open;
    const missing = open.kind === 'emitWithAck' ? Math.max(0, clients - items.length) : 0;
    open.resolve({ items, missing, silent: expected - servers });
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.settle(id);
  }
}

function isAnswerTo(answer: Answer, kind: ForeignQuestion): boolean {
  if (answer.kind === 'clientCount' || answer.kind === 'ack') return kind === 'emitWithAck';
  return answer.kind === kind;
}

function add(open: Open, answer: Answer): void {
  switch (answer.kind) {
    case 'sessions':
      for (const session of sessionsOf(answer.sessions)) open.items.push(session);
      return;
    case 'serverSideEmit':
    case 'ack':
      open.items.push(answer.value);
      return;
    case 'clientCount': {
      const { count } = answer;
      const isCount = Number.isInteger(count) && (count as number) >= 0;
      if (!isCount || (count as number) > CLIENTS_MAX) throw new ForeignFault('counts no clients');
      open.clients += count as number;
    }
  }
}
