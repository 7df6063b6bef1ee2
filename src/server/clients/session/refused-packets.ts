/**
 * Tells clients which of their packets were refused, in a way that they hear.
 *
 *     it asks for an ack ─▶ the ack says why, as when a handler fails
 *     it does not        ─▶ it is told how many were refused, once a second at most
 *
 * What is told is bounded itself: who floods must not make the server talk as much.
 */

import type { Reason } from '../../core/limits/reasons.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';

const TELL_PERIOD_MS = 1_000;
/** Acks of refusals in one such period; packets beyond are counted in the event. */
const ACKS_PER_PERIOD = 1_000;

/** What of a packet its refusal needs. */
export interface RefusedPacket {
  readonly session: NamespaceSession;
  /** Sends the ack that the client asked for, if it did. */
  readonly answer: ((error: RefusalText) => void) | undefined;
}

/** What the ack of a refused packet says. */
export interface RefusalText {
  readonly reason: Reason;
  readonly message: string;
}

/** Tells a client that so many packets without an ack were refused, the last for this reason. */
export type TellRefused = (session: NamespaceSession, text: RefusalText, refused: number) => void;

interface Teller {
  beganAtMs: number;
  acks: number;
  /** Refused since the client was told last. */
  refused: number;
  text: RefusalText;
}

export class RefusedPackets {
  readonly #refusals: Refusals;
  readonly #tell: TellRefused;
  readonly #tellers: Map<NamespaceSession, Teller> = new Map();

  /** @param tell MUST NOT pile up anything for who does not read */
  constructor(refusals: Refusals, tell: TellRefused) {
    this.#refusals = refusals;
    this.#tell = tell;
  }

  refuse(
    { session, answer }: RefusedPacket,
    reason: Reason,
    message: string,
    detail?: string,
  ): void {
    this.#refusals.count(reason, detail);
    const text = { reason, message };
    const nowMs = performance.now();
    let teller = this.#tellers.get(session);
    const isNew = teller === undefined || nowMs - teller.beganAtMs >= TELL_PERIOD_MS;
    if (teller === undefined || isNew) {
      teller = { beganAtMs: nowMs, acks: 0, refused: teller?.refused ?? 0, text };
      this.#tellers.set(session, teller);
    }
    if (answer !== undefined && teller.acks < ACKS_PER_PERIOD) {
      teller.acks++;
      answer(text);
      return;
    }
    teller.text = text;
    teller.refused++;
    if (isNew) this.#say(session, teller);
  }

  /** Tells those that were refused more since they were told; called at each heartbeat tick. */
  sweep(nowMs: number = performance.now()): void {
    for (const [session, teller] of this.#tellers) {
      if (nowMs - teller.beganAtMs < TELL_PERIOD_MS) continue;
      this.#tellers.delete(session);
      if (teller.refused > 0) this.#say(session, teller);
    }
  }

  #say(session: NamespaceSession, teller: Teller): void {
    const { text, refused } = teller;
    teller.refused = 0;
    if (session.connected) this.#tell(session, text, refused);
  }
}
