/**
 * Tells clients which of their packets were refused, in a way that they hear.
 *
 *     it asks for an ack ─▶ the ack is `{ "error": <why> }`, as when a handler fails
 *     it does not        ─▶ an event `error` with `{ message, refused }`, once a second at most
 *
 * What is told is bounded itself: who floods must not make the server talk as much.
 */

import type { Reason } from '../../core/limits/reasons.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';

/** The event by which a client hears of events without an ack. */
export const REFUSED_EVENT = 'error';

const TELL_PERIOD_MS = 1_000;
/** Acks of refusals in one such period; packets beyond are counted in the event. */
const ACKS_PER_PERIOD = 1_000;

/** What of a packet its refusal needs. */
export interface RefusedPacket {
  readonly session: NamespaceSession;
  /** Sends the ack that the client asked for, if it did. */
  readonly answer: ((values: readonly unknown[]) => void) | undefined;
}

interface Teller {
  beganAtMs: number;
  acks: number;
  /** Refused since the client was told last. */
  refused: number;
  message: string;
}

export class RefusedPackets {
  readonly #refusals: () => Refusals;
  readonly #tellers: Map<NamespaceSession, Teller> = new Map();

  constructor(refusals: () => Refusals) {
    this.#refusals = refusals;
  }

  refuse(
    { session, answer }: RefusedPacket,
    reason: Reason,
    message: string,
    detail?: string,
  ): void {
    this.#refusals().count(reason, detail);
    const nowMs = performance.now();
    let teller = this.#tellers.get(session);
    const isNew = teller === undefined || nowMs - teller.beganAtMs >= TELL_PERIOD_MS;
    if (teller === undefined || isNew) {
      teller = { beganAtMs: nowMs, acks: 0, refused: teller?.refused ?? 0, message };
      this.#tellers.set(session, teller);
    }
    if (answer !== undefined && teller.acks < ACKS_PER_PERIOD) {
      teller.acks++;
      answer([{ error: message }]);
      return;
    }
    teller.message = message;
    teller.refused++;
    if (isNew) tell(session, teller);
  }

  /** Tells those that were refused more since they were told; called at each heartbeat tick. */
  sweep(nowMs: number = performance.now()): void {
    for (const [session, teller] of this.#tellers) {
      if (nowMs - teller.beganAtMs < TELL_PERIOD_MS) continue;
      this.#tellers.delete(session);
      if (teller.refused > 0) tell(session, teller);
    }
  }
}

function tell(session: NamespaceSession, teller: Teller): void {
  const { message, refused } = teller;
  teller.refused = 0;
  // Who does not read is told nothing: it must not pile up.
  if (session.connected) session.volatile.emit(REFUSED_EVENT, { message, refused });
}
