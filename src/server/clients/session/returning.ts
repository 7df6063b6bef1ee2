/**
 * Clients that come in once the history has been asked: those that come back, and the first of a
 * worker in rooms that keep messages.
 *
 *     session, if theirs → rooms judged → seat of the user → what was missed → in, in that turn
 *
 * Whose session is there, but not all that it missed, gets another one: then it is asked once more.
 */

import type { SessionSnapshot } from '../../core/contracts/snapshots.ts';
import type { SeatLink } from '../../core/contracts/user-seats.ts';
import type { AskedForLong, Asking } from './asking.ts';
import { type Comeback, type Comebacks, type Comer, NO_WISH } from './comebacks.ts';
import { type Entering, type Entry, roomsBefore } from './entering.ts';

/** What admissions do for them as for all others. */
export interface EntryDesk {
  readonly asking: Asking;
  /** Where the sessions of a user are bounded. */
  readonly seats: SeatLink | undefined;
  /** @throws TypeError when a room is another session's own */
  newSession(entry: Entry, snapshot: SessionSnapshot | undefined): Entering;
  /** Lets a client in at once. */
  enter(entering: Entering): void;
  /** @returns whether the client has presented something else meanwhile, which is asked about */
  askedAnew(one: AskedForLong): boolean;
  refuse(one: AskedForLong, error: unknown): void;
  tellForbidden(one: AskedForLong): void;
  tellTooMany(entering: Entering): void;
}

export class Returning {
  readonly #comebacks: Comebacks;
  readonly #desk: EntryDesk;

  constructor(comebacks: Comebacks, desk: EntryDesk) {
    this.#comebacks = comebacks;
    this.#desk = desk;
  }

  /** @param isUnrecovered it has come back, and been found to have missed what is gone */
  async comeIn(entry: Entry, comer: Comer, isUnrecovered: boolean = false): Promise<void> {
    const one = this.#desk.asking.begin(entry, 0);
    const snapshot = await this.#comebacks.take(comer);
    try {
      const entering = this.#desk.newSession(entry, snapshot);
      const { session, home } = entering;
      const isPermitted = await home.permits(session, entry.wanted);
      const others = await roomsBefore(entering, snapshot);
      const hasSeat = isPermitted && (await this.#takeSeat(entering));
      if (!hasSeat || !this.#desk.asking.has(one)) {
        this.#undo(entering, snapshot, hasSeat);
        if (!this.#desk.asking.end(one) || this.#desk.askedAnew(one)) return;
        if (isPermitted) this.#desk.tellTooMany(entering);
        else this.#desk.tellForbidden(one);
        return;
      }
      const isIn = this.#comes(entering);
      const all = [...entering.rooms, ...others.asked, ...(others.restored ?? [])];
      this.#comebacks.askMissed(comer, snapshot, all, (comeback) => {
        const found = isUnrecovered ? { ...comeback, lack: 'history' as const } : comeback;
        this.#settle({ one, entry, comer, snapshot, entering: { ...entering, others } }, found);
        isIn?.();
      });
    } catch (error) {
      this.#comebacks.giveBack(snapshot);
      if (this.#desk.asking.end(one) && !this.#desk.askedAnew(one)) this.#desk.refuse(one, error);
    }
  }

  /** What is said to its rooms from now on is for it. */
  #settle(arrival: Arrival, comeback: Comeback): void {
    const { one, entry, comer, snapshot, entering } = arrival;
    const isGone = !this.#desk.asking.end(one) || entry.client.closed;
    if (isGone || one.joining.next !== undefined) {
      this.#undo(entering, snapshot, true);
      if (!isGone) this.#desk.askedAnew(one);
    } else if (snapshot !== undefined && !comeback.isRecovered) {
      this.#release(entering);
      void this.comeIn(entry, { ...comer, wish: NO_WISH }, true);
    } else {
      const others = { ...entering.others, afters: comeback.afters };
      this.#desk.enter({ ...entering, others, comeback });
    }
  }

  async #takeSeat({ session, home }: Entering): Promise<boolean> {
    const { user, id } = session;
    if (user === undefined || this.#desk.seats === undefined) return true;
    const seated = { namespace: home.name, user, id };
    const { seats } = this.#desk;
    const said = await seats.take(seated, () => session.connected);
    return said ?? home.users.get(user).length < seats.most;
  }

  /** A newer session may take the seat while the history is asked. */
  #comes({ session, home }: Entering): (() => void) | undefined {
    const { user, id } = session;
    if (user === undefined) return undefined;
    return this.#desk.seats?.comes({ namespace: home.name, user, id });
  }

  #undo(entering: Entering, snapshot: SessionSnapshot | undefined, hasSeat: boolean): void {
    this.#comebacks.giveBack(snapshot);
    if (hasSeat) this.#release(entering);
  }

  #release({ session, home }: Entering): void {
    const { user, id } = session;
    if (user !== undefined) this.#desk.seats?.release({ namespace: home.name, user, id });
  }
}

/** A client that waits for what the history says. */
interface Arrival {
  readonly one: AskedForLong;
  readonly entry: Entry;
  readonly comer: Comer;
  readonly snapshot: SessionSnapshot | undefined;
  readonly entering: Entering;
}
