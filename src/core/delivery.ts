/**
 * Hands events to the carriers of this worker's sessions.
 *
 * A broadcast to a whole room is held until the end of the turn, so that several of them to the
 * same room leave each socket in one system call: five in a row cost a fifth each. Whatever could
 * be seen out of order (an emit to one session, another room, a join or leave) sends first what is
 * held, so that every client sees the order of the calls.
 */

import type { NodeLink } from './contracts.ts';
import type { Counters } from './counters.ts';
import type { NamespaceSession } from './namespace-session.ts';
import type { OutgoingEvent } from './outgoing-event.ts';

export class Delivery {
  readonly #counters: Counters;
  readonly #link: NodeLink;
  #held: OutgoingEvent[] = [];
  #heldFor: readonly NamespaceSession[] | undefined;

  constructor(counters: Counters, link: NodeLink) {
    this.#counters = counters;
    this.#link = link;
  }

  /**
   * To be called before anything is sent to a client past this class: sends what is held, and says
   * on the bus which rooms were joined. Who has been told that it joined must miss nothing.
   */
  prepare(): void {
    this.flush();
    this.#link.announceInterest();
  }

  /** Sends to all members of a room; `members` is the room's own array. */
  toAll(members: readonly NamespaceSession[], event: OutgoingEvent): void {
    if (members.length === 0) return;
    if (this.#heldFor !== members) {
      this.flush();
      this.#heldFor = members;
      queueMicrotask(this.flush);
    }
    this.#held.push(event);
  }

  /** Sends to chosen sessions but those excluded. */
  toSome(
    sessions: readonly NamespaceSession[],
    excluded: ReadonlySet<NamespaceSession>,
    event: OutgoingEvent,
  ): void {
    this.prepare();
    const events = [event];
    for (const session of sessions) {
      if (excluded.has(session)) continue;
      this.#counters.deliveries++;
      session.carrier.deliver(events);
    }
  }

  toOne(session: NamespaceSession, event: OutgoingEvent): void {
    this.prepare();
    this.#counters.deliveries++;
    session.carrier.deliver([event]);
  }

  /** Sends what is held. Membership must not change while something is held for a room. */
  readonly flush = (): void => {
    const members = this.#heldFor;
    if (members === undefined) return;
    this.#link.announceInterest();
    const events = this.#held;
    this.#heldFor = undefined;
    this.#held = [];
    this.#counters.deliveries += members.length * events.length;
    for (const member of members) member.carrier.deliver(events);
  };
}
