/** Seats of the users of one node, in the memory of its controller. */

import { NameMap } from '../../../host/runtime/name-map.ts';
import type { SeatAnswer, Seated, SeatLost, UserSeats } from '../../core/contracts/user-seats.ts';
import { userKey } from '../../protocol/interest-key.ts';

export interface Seat {
  readonly id: string;
  worker: number;
  /** Since when, in microseconds since 1970; empty where nobody but this node asks. */
  readonly since: string;
  /** How often it was taken: one that is recovered may come before its end is known. */
  taken: number;
}

export interface SeatOptions {
  /** The most sessions of a user in a namespace. */
  readonly most: number;
  /** Whether the oldest makes place for one too many, which is refused otherwise. */
  readonly endsOldest: boolean;
}

export class EmbeddedSeats implements UserSeats {
  readonly #options: SeatOptions;
  /** By namespace and user, oldest first. */
  readonly #seats: NameMap<Seat[]> = new NameMap();

  constructor(options: SeatOptions) {
    this.#options = options;
  }

  /** Users that have some. */
  get users(): number {
    return this.#seats.size;
  }

  async take(worker: number, session: Seated): Promise<SeatAnswer> {
    return this.decide(worker, session, '');
  }

  decide(worker: number, session: Seated, since: string): SeatAnswer {
    const { namespace, user, id } = session;
    const seats = this.#seats.get(userKey(namespace, user)) ?? [];
    const hasOne = seats.some((seat) => seat.id === id);
    const over = hasOne ? 0 : seats.length + 1 - this.#options.most;
    if (over > 0 && !this.#options.endsOldest) return { isGranted: false, lost: [] };
    const lost = seats.splice(0, Math.max(0, over));
    this.grant(worker, session, since);
    return { isGranted: true, lost: lost.map((seat) => lostOf(seat, namespace)) };
  }

  /** Gives a seat whatever there is, as one that was granted by all nodes. */
  grant(worker: number, { namespace, user, id }: Seated, since: string): void {
    const key = userKey(namespace, user);
    const seats = this.#seats.get(key) ?? [];
    const own = seats.find((seat) => seat.id === id);
    if (own === undefined) seats.push({ id, worker, since, taken: 1 });
    else {
      own.taken = own.worker === worker ? own.taken + 1 : 1;
      own.worker = worker;
    }
    this.#seats.set(key, seats);
  }

  /** A session has lost its seat. */
  drop({ namespace, user, id }: Seated): void {
    const key = userKey(namespace, user);
    const seats = this.#seats.get(key);
    const left = seats?.filter((seat) => seat.id !== id) ?? [];
    if (left.length > 0) this.#seats.set(key, left);
    else this.#seats.delete(key);
  }

  release(worker: number, { namespace, user, id }: Seated): void {
    const key = userKey(namespace, user);
    const seats = this.#seats.get(key);
    const seat = seats?.find((one) => one.id === id && one.worker === worker);
    if (seats === undefined || seat === undefined) return;
    seat.taken--;
    if (seat.taken > 0) return;
    seats.splice(seats.indexOf(seat), 1);
    if (seats.length === 0) this.#seats.delete(key);
  }

  /**
   * One pass over all users: 1,000,000 take a second, which no client waits for but newcomers.
   *
   * @param freed is called for each seat, with the key of its user
   */
  forgetWorker(worker: number, freed?: (key: string, seat: Seat) => void): void {
    for (const [key, seats] of [...this.#seats]) {
      const left = seats.filter((seat) => seat.worker !== worker);
      if (left.length === seats.length) continue;
      if (freed !== undefined) {
        for (const seat of seats) if (seat.worker === worker) freed(key, seat);
      }
      if (left.length === 0) this.#seats.delete(key);
      else this.#seats.set(key, left);
    }
  }

  /** Users by their keys (`protocol/interest-key.ts`), and the seats of each, oldest first. */
  entries(): Iterable<readonly [key: string, seats: readonly Seat[]]> {
    return this.#seats;
  }
}

function lostOf({ id, worker }: Seat, namespace: string): SeatLost {
  return { worker, namespace, id };
}
