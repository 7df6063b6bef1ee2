/** Seats of the users of one node, in the memory of its controller. */

import { NameMap } from '../../../host/runtime/name-map.ts';
import type { SeatAnswer, Seated, SeatLost, UserSeats } from '../../core/contracts/user-seats.ts';
import { userKey } from '../../protocol/interest-key.ts';

interface Seat {
  readonly id: string;
  worker: number;
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

  async take(worker: number, { namespace, user, id }: Seated): Promise<SeatAnswer> {
    const key = userKey(namespace, user);
    const seats = this.#seats.get(key) ?? [];
    const own = seats.find((seat) => seat.id === id);
    if (own !== undefined) {
      own.taken = own.worker === worker ? own.taken + 1 : 1;
      own.worker = worker;
      return { isGranted: true, lost: [] };
    }
    const over = seats.length + 1 - this.#options.most;
    if (over > 0 && !this.#options.endsOldest) return { isGranted: false, lost: [] };
    const lost = seats.splice(0, Math.max(0, over));
    seats.push({ id, worker, taken: 1 });
    this.#seats.set(key, seats);
    return { isGranted: true, lost: lost.map((seat) => lostOf(seat, namespace)) };
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

  /** One pass over all users: 1,000,000 take a second, which no client waits for but newcomers. */
  forgetWorker(worker: number): void {
    for (const [key, seats] of [...this.#seats]) {
      const left = seats.filter((seat) => seat.worker !== worker);
      if (left.length === 0) this.#seats.delete(key);
      else if (left.length < seats.length) this.#seats.set(key, left);
    }
  }
}

function lostOf({ id, worker }: Seat, namespace: string): SeatLost {
  return { worker, namespace, id };
}
