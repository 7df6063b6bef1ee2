/**
 * The place of a session that is unproven: it has joined no namespace, or it polls and
 * no request of its client is under way, or its client is gone and it ends when all is taken.
 *
 * Made while places are short, for the few that are found then.
 */

import { type PlaceHolder, STANDING, type Standing } from '../../core/contracts/place-holder.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import type { ClientSession } from './client-session.ts';

/** The first gets the answer to CONNECT, the second waits for what is said after it. */
const SETTLED_POLLS = 3;

/** Since when, in the worker's own time, a session is in no namespace; `undefined` if in one. */
export type UnjoinedSince = (session: ClientSession) => number | undefined;

export class ClientPlace implements PlaceHolder {
  readonly #session: ClientSession;
  readonly #unjoinedSince: UnjoinedSince;

  constructor(session: ClientSession, unjoinedSince: UnjoinedSince) {
    this.#session = session;
    this.#unjoinedSince = unjoinedSince;
  }

  get holdsFile(): boolean {
    return holdsFile(this.#session);
  }

  get standing(): Standing {
    const { sessions, polling } = this.#session;
    const isSettled = sessions.length > 0 && (polling?.polls ?? 0) >= SETTLED_POLLS;
    if (hasUser(this.#session)) return isSettled ? STANDING.settledUser : STANDING.newUser;
    return isSettled ? STANDING.settled : STANDING.new;
  }

  get unprovenSinceMs(): number | undefined {
    return unprovenSince(this.#session, this.#unjoinedSince);
  }

  giveUpPlace(): void {
    this.#session.end('transport close', CLOSE_CODE.tryAgainLater);
  }
}

/** In the worker's own time: of those leaving, nobody will come again. */
export const LONG_AGO = 0;

/** A session whose client is gone, and of whom something waits to be taken. */
export class LeavingPlace implements PlaceHolder {
  readonly holdsFile = false;
  readonly standing: Standing = STANDING.new;
  readonly #session: ClientSession;

  constructor(session: ClientSession) {
    this.#session = session;
  }

  get unprovenSinceMs(): number | undefined {
    return this.#session.closed ? undefined : LONG_AGO;
  }

  giveUpPlace(): void {
    this.#session.end('transport close');
  }
}

/** Since when a session is unproven, in the worker's own time; `undefined` while it is not. */
export function unprovenSince(
  session: ClientSession,
  unjoinedSince: UnjoinedSince,
): number | undefined {
  const { polling } = session;
  // Who has asked to join and waits for the app's answer has done what a client can do.
  const isWaiting = session.joining !== undefined && holdsFile(session);
  const unjoinedMs = isWaiting ? undefined : unjoinedSince(session);
  // To come back with a poll is a sign of life: on a busy machine the word to join is late as well.
  if (unjoinedMs !== undefined) return Math.max(unjoinedMs, polling?.sinceMs ?? 0);
  return polling?.isAway === true ? polling.sinceMs : undefined;
}

export function hasUser({ sessions }: ClientSession): boolean {
  return sessions.some(({ user }) => user !== undefined);
}

/** Its client has never polled, nor joined over a WebSocket. */
export function isSilent({ sessions, polling }: ClientSession): boolean {
  return polling === undefined ? sessions.length === 0 : polling.polls === 0;
}

function holdsFile({ transport, polling }: ClientSession): boolean {
  return transport !== 'polling' || polling?.isPolled === true;
}
