/**
 * The room of the page `/transports`: a commentary on the match, and shouts of those who listen.
 *
 * One worker speaks to the listeners of all workers, the first that has any (`Tally.speaks`), so
 * that nothing is sent while nobody listens. A listener is who came with the room: a plain client
 * by `?room=terrace`, one of Socket.IO by `auth: { room: 'terrace' }`. Who joins or leaves it later
 * hears the room or does not, and changes nothing about that.
 */

import type { Server, Session } from 'holdfast';
import type { Tally } from './tally.ts';

export const TERRACE = 'terrace';

/** So many shouts of one client are passed on in a second. */
export const SHOUTS_PER_SECOND_MAX = 5;

const COMMENT_INTERVAL_MS = 2_000;

/** Until the others know that a worker has listeners, or two would say the same: some rows. */
const SETTLING_MS = 1_000;

const COMMENTS = [
  'Quill wins a corner, left side.',
  'The corner is cleared at the near post.',
  'Brandt turns her marker at the halfway line.',
  'Ardmouth keep it, eleven passes now.',
  'Tern shoots from twenty metres. Over.',
  'Goal kick. The wind is with Sorrel.',
  'A tackle on Brandt, and a free kick.',
  'Four in the wall, and it hits the wall.',
  'Quill is away on the right.',
  'The cross is too long for Tern.',
  'A throw-in, level with the box.',
  'Save! Low to her left, and held.',
] as const;

/** What the room is told, as event `comment`. */
export interface Comment {
  /** The same on every transport, and of no other comment. */
  readonly id: string;
  /** When it was sent, by the worker's wall clock. */
  readonly atMs: number;
  /** Of the commentary; a shout has none. */
  readonly text?: string;
  /** The session that shouted. */
  readonly by?: string;
}

/** How the server sees a session. */
export interface Where {
  readonly transport: Session['transport'];
  readonly worker: string;
  /** The worker's wall clock, so that a page can tell how late comments are. */
  readonly atMs: number;
}

/** Whether a client of Socket.IO comes for the room. */
export function isForTerrace(auth: Readonly<Record<string, unknown>>): boolean {
  return auth['room'] === TERRACE;
}

export class Terrace {
  readonly #server: Server;
  readonly #tally: Tally;
  readonly #now: () => number;
  /** Ids of sessions, since they are in the room no longer when they are said to be gone. */
  readonly #listeners = new Set<string>();
  /** Comments are numbered by the clock: whichever worker speaks next goes on from there. */
  #lastNumber: number;
  #shouts = 0;
  /** When there were listeners first, after there had been none. */
  #sinceMs = 0;

  constructor(server: Server, tally: Tally, now: () => number) {
    this.#server = server;
    this.#tally = tally;
    this.#now = now;
    this.#lastNumber = numberAt(now());
  }

  enter(session: Session): void {
    // Voters come for the match.
    if (session.user !== undefined || !session.rooms.includes(TERRACE)) return;
    if (this.#listeners.size === 0) this.#sinceMs = this.#now();
    this.#listeners.add(session.id);
    this.#tally.listen(1);
  }

  leave(session: Session): void {
    if (this.#listeners.delete(session.id)) this.#tally.listen(-1);
  }

  where(session: Session): Where {
    const { transport } = session;
    return { transport, worker: this.#server.workerId, atMs: this.#now() };
  }

  shout(session: Session): Where {
    this.#shouts += 1;
    const id = `${this.#server.workerId}-${this.#shouts}`;
    this.#tell({ id, atMs: this.#now(), by: session.id });
    return this.where(session);
  }

  /** Says the next comment once it is due; to be called more often than they are. */
  tick(nowMs: number): void {
    const number = numberAt(nowMs);
    if (number <= this.#lastNumber) return;
    this.#lastNumber = number;
    if (nowMs - this.#sinceMs < SETTLING_MS || !this.#tally.speaks(nowMs)) return;
    const text = COMMENTS[number % COMMENTS.length];
    if (text !== undefined) this.#tell({ id: `comment-${number}`, atMs: nowMs, text });
  }

  #tell(comment: Comment): void {
    this.#server.to(TERRACE).emit('comment', comment);
  }
}

function numberAt(nowMs: number): number {
  return Math.floor(nowMs / COMMENT_INTERVAL_MS);
}
