/**
 * Messages that come from outside the workers, as `POST /send` brings them.
 *
 * Whoever sends one is told whether it was queued for every worker that has recipients: for all of
 * them or for none. Where one of them has no room it waits for a while, behind those that came
 * before it.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import { BusFrame, type Route } from './bus-frame.ts';
import { BusFullError } from './bus-full-error.ts';
import type { KeptMessages } from './kept-messages.ts';
import type { Sender } from './outlet.ts';
import type { WorkerLink } from './worker-link.ts';

interface Waiting {
  readonly route: Route;
  readonly body: Uint8Array;
  readonly timer: Timer;
  readonly resolve: () => void;
  readonly reject: (fault: unknown) => void;
}

export interface OutsideSendsOptions {
  destinations(route: Route): readonly WorkerLink[];
  /** Queues a frame for a worker that has room. */
  put(link: WorkerLink, sender: Sender, type: number, body: Uint8Array): void;
  /** The way of what rooms keep. */
  readonly kept: KeptMessages;
}

export class OutsideSends implements Sender {
  readonly #options: OutsideSendsOptions;
  readonly #waiting: Set<Waiting> = new Set();

  constructor(options: OutsideSendsOptions) {
    this.#options = options;
  }

  /**
   * @param body of the frame; it is kept
   * @throws BusFullError that names the workers without room
   */
  async send(route: Route, body: Uint8Array): Promise<void> {
    if (this.#sendNow(route, body).length === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      const full = this.#settle(waiting);
      this.#waiting.delete(waiting);
      if (full.length > 0) reject(new BusFullError(full.map(({ worker }) => worker)));
    }, LIMITS.sendWaitMs);
    const waiting: Waiting = { route, body, timer, resolve, reject };
    this.#waiting.add(waiting);
    await promise;
  }

  /** Nobody is read here: who has no room waits, or is refused. */
  hold(): void {}

  /** Somewhere there is room again. */
  look(): void {
    for (const waiting of this.#waiting) this.#settle(waiting);
  }

  /** @returns those that have no room: it waits on then */
  #settle(waiting: Waiting): readonly WorkerLink[] {
    try {
      const full = this.#sendNow(waiting.route, waiting.body);
      if (full.length > 0) return full;
      waiting.resolve();
    } catch (fault) {
      waiting.reject(fault);
    }
    this.#waiting.delete(waiting);
    clearTimeout(waiting.timer);
    return [];
  }

  /**
   * @returns those that have no room: it was sent to nobody then
   * @throws BusFullError when what keeps it has none
   */
  #sendNow(route: Route, body: Uint8Array): readonly WorkerLink[] {
    const { kept } = this.#options;
    const links = this.#options.destinations(route);
    const rooms = route.isPassing === true ? [] : kept.roomsOf(route, body);
    const sender = rooms.length > 0 ? kept : this;
    const full = links.filter(({ outlet }) => outlet?.hasRoom(sender) !== true);
    if (full.length > 0) return full;
    if (rooms.length > 0) {
      if (!kept.send(route, rooms, body)) throw new BusFullError();
      return full;
    }
    for (const link of links) this.#options.put(link, this, BusFrame.event, body);
    return full;
  }
}
