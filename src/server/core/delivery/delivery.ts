/**
 * Hands events to the carriers of this worker's sessions.
 *
 * A broadcast is a handout. It begins at the end of the turn, so that several to the same room
 * leave each socket in one system call (five in a row cost two fifths each), and goes on in slices,
 * one a turn of the event loop: heartbeats, requests and packets get their turn in between, however
 * large the room is.
 *
 * Each session sees the order of the calls all the same: before anything else is sent to it, or its
 * rooms change, it is caught up with the handouts under way. It may so be ahead of others, never
 * out of order. A ping takes along what is on its way, too: where a worker can barely keep up its
 * heartbeats, a broadcast rides on them and costs next to nothing.
 */

import type { NodeLink } from '../contracts/node-link.ts';
import type { OutgoingEvent } from '../contracts/outgoing-event.ts';
import type { Counters } from '../limits/counters.ts';
import { LIMITS } from '../limits/limits.ts';
import type { Room } from '../rooms/room.ts';
import { Handout, type Recipients } from './handout.ts';
import type { Recipient } from './recipient.ts';

const NOBODY: ReadonlySet<Recipient> = new Set();

export class Delivery {
  readonly #counters: Counters;
  readonly #link: NodeLink;
  /** Under way, in the order of the calls. */
  #handouts: Handout[] = [];
  #lastNumber = 0;
  /** Events of all handouts under way, and what they hold. */
  #events = 0;
  #bytes = 0;
  #isScheduled = false;
  /** What was said in an earlier turn is not all handed out. */
  #isSlicing = false;
  /** The position of the latest message that rooms keep; whoever has what comes next has it. */
  latestMark: string | undefined;

  constructor(counters: Counters, link: NodeLink) {
    this.#counters = counters;
    this.#link = link;
  }

  /** Whether something is on its way to sessions, and little enough to go with a ping. */
  get isLight(): boolean {
    if (this.#handouts.length === 0) return false;
    return this.#events <= LIMITS.eventsWithPing && this.#bytes <= LIMITS.bytesWithPing;
  }

  /**
   * To be called before anything is sent to a client past this class: catches its session up, and
   * says on the bus which rooms were joined. Who has been told that it joined must miss nothing.
   */
  prepare(session: Recipient): void {
    this.#link.announceInterest();
    this.#catchUp(session);
  }

  /**
   * Gives a session all that is on its way to it. MUST be called before its rooms change, and for
   * a new one before its first: what was said before is not for it.
   */
  catchUp(session: Recipient): void {
    if (this.#handouts.length > 0) this.prepare(session);
  }

  #catchUp(session: Recipient): void {
    if (this.#handouts.length === 0 || session.lastHandout === this.#lastNumber) return;
    for (const handout of this.#handouts) {
      handout.close();
      if (handout.number <= session.lastHandout) continue;
      session.lastHandout = handout.number;
      if (handout.giveTo(session)) this.#counters.deliveries += handout.events.length;
    }
    session.lastHandout = this.#lastNumber;
  }

  /** Sends to the members of a room but those excluded. */
  toRoom(
    room: Room<Recipient>,
    event: OutgoingEvent,
    excluded: ReadonlySet<Recipient> = NOBODY,
  ): void {
    const { members } = room;
    if (members.length === 0) return;
    // A few need not wait for the many who are being served.
    if (this.#isSlicing && members.length <= LIMITS.deliveriesPerSlice) {
      for (const session of members) if (!excluded.has(session)) this.toOne(session, event);
    } else this.#add({ room, excluded }, event);
  }

  /** Sends to chosen sessions; the set is kept and MUST NOT change. */
  toChosen(chosen: ReadonlySet<Recipient>, event: OutgoingEvent): void {
    if (chosen.size > LIMITS.deliveriesPerSlice) this.#add({ room: undefined, chosen }, event);
    else for (const session of chosen) this.toOne(session, event);
  }

  toOne(session: Recipient, event: OutgoingEvent): void {
    if (!session.connected) return;
    this.prepare(session);
    this.#counters.deliveries++;
    event.mark ??= this.latestMark;
    session.carrier.deliver([event]);
  }

  #add(recipients: Recipients, event: OutgoingEvent): void {
    event.mark ??= this.latestMark;
    const last = this.#handouts.at(-1);
    const before = last?.bytes ?? 0;
    if (last?.add(recipients, event) === true) this.#bytes += last.bytes - before;
    else {
      const handout = new Handout(++this.#lastNumber, recipients, event);
      this.#handouts.push(handout);
      this.#bytes += handout.bytes;
    }
    this.#events++;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(this.#slice);
    }
    // An app that says more than its clients can be told in time waits here for the oldest.
    while (this.#events > LIMITS.heldEvents || this.#bytes > LIMITS.heldEventBytes) {
      this.#giveOutFirst(Number.POSITIVE_INFINITY);
    }
  }

  readonly #slice = (): void => {
    try {
      let left: number = LIMITS.deliveriesPerSlice;
      while (this.#handouts.length > 0 && left > 0) left -= this.#giveOutFirst(left);
    } finally {
      this.#isScheduled = this.#handouts.length > 0;
      this.#isSlicing = this.#isScheduled;
      if (this.#isScheduled) setImmediate(this.#slice);
    }
  };

  /** Hands out what was said first, in so many deliveries or a few more. @returns how many */
  #giveOutFirst(most: number): number {
    this.#link.announceInterest();
    const handout = this.#handouts[0] as Handout;
    const { events } = handout;
    const deliveries = handout.giveToNext(Math.ceil(most / events.length)) * events.length;
    this.#counters.deliveries += deliveries;
    if (handout.isDone) {
      this.#handouts.shift();
      this.#events -= events.length;
      this.#bytes -= handout.bytes;
    }
    return deliveries;
  }
}
