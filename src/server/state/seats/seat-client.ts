/**
 * A worker's end of seats: asks for those who come in, and gives back those of who left.
 *
 * What is asked and given back in one turn of the event loop is one frame of each. Nothing is kept
 * of a session that has its seat.
 */

import type { Config } from '../../../host/config/schema.ts';
import type { Target } from '../../core/contracts/node-link.ts';
import type { Seated, SeatLink } from '../../core/contracts/user-seats.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { BusClient } from '../../links/bus/bus-client.ts';
import { STATE_SERVICE } from '../../links/bus/state-service.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { type SeatAsk, SeatsSay, writeReleases, writeTakes } from './seat-frames.ts';

export interface SeatClientOptions {
  /** The most sessions of a user in a namespace. */
  readonly most: number;
  /** Whether the controller is there. */
  isReachable(): boolean;
  say(write: (frame: FrameWriter) => void): void;
  /** A newer session of its user has taken the seat of this one. */
  end(namespace: string, id: string): void;
}

interface Waiting {
  readonly session: Seated;
  readonly isHere: () => boolean;
  readonly timer: Timer;
  readonly resolve: (isGranted: boolean | undefined) => void;
  /** No answer came in time, so that the worker has decided. */
  isLate: boolean;
}

export class SeatClient implements SeatLink {
  readonly #options: SeatClientOptions;
  readonly #waiting: Map<number, Waiting> = new Map();
  /** Sessions that have their seat and are not in yet, and whether they have lost it. */
  readonly #coming: Map<string, { isLost: boolean }> = new Map();
  #takes: SeatAsk[] = [];
  #releases: Seated[] = [];
  #lastId = 0;

  constructor(options: SeatClientOptions) {
    this.#options = options;
  }

  get most(): number {
    return this.#options.most;
  }

  take(session: Seated, isHere: () => boolean): Promise<boolean | undefined> {
    if (!this.#options.isReachable()) return Promise.resolve(undefined);
    const id = (this.#lastId = (this.#lastId + 1) % 2 ** 32);
    const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
    const timer = setTimeout(() => {
      waiting.isLate = true;
      resolve(undefined);
    }, LIMITS.seatWaitMs);
    const waiting: Waiting = { session, isHere, timer, resolve, isLate: false };
    this.#waiting.set(id, waiting);
    this.#gather();
    this.#takes.push({ id, session });
    return promise;
  }

  release(session: Seated): void {
    if (!this.#options.isReachable()) return;
    this.#gather();
    this.#releases.push(session);
  }

  /** The controller says something. */
  onSaid(frame: FrameReader): void {
    switch (frame.u8()) {
      case SeatsSay.answer:
        this.#answered(frame.u32(), frame.u8() === 1);
        return;
      case SeatsSay.end: {
        const namespace = frame.text();
        const id = frame.text();
        // One that was granted its seat just before comes in first.
        setImmediate(() => this.#end(namespace, id));
      }
    }
  }

  comes({ namespace, id }: Seated): () => void {
    const coming = { isLost: false };
    this.#coming.set(id, coming);
    return () => {
      this.#coming.delete(id);
      if (coming.isLost) this.#end(namespace, id);
    };
  }

  #end(namespace: string, id: string): void {
    const coming = this.#coming.get(id);
    if (coming === undefined) this.#options.end(namespace, id);
    else coming.isLost = true;
  }

  #answered(id: number, isGranted: boolean): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (!waiting.isLate) waiting.resolve(isGranted);
    else if (isGranted && !waiting.isHere()) this.release(waiting.session);
  }

  #gather(): void {
    if (this.#takes.length + this.#releases.length === 0) setImmediate(this.#flush);
  }

  /** First what is free again, for those who come in its place. */
  readonly #flush = (): void => {
    const [releases, takes] = [this.#releases, this.#takes];
    this.#releases = [];
    this.#takes = [];
    for (let at = 0; at < releases.length; at += LIMITS.seatsAtOnce) {
      const some = releases.slice(at, at + LIMITS.seatsAtOnce);
      this.#options.say((frame) => writeReleases(frame, some));
    }
    for (let at = 0; at < takes.length; at += LIMITS.seatsAtOnce) {
      const some = takes.slice(at, at + LIMITS.seatsAtOnce);
      this.#options.say((frame) => writeTakes(frame, some));
    }
  };
}

/** The namespaces of this worker, as far as sessions are looked for. */
export interface SeatedSessions {
  readonly namespaces: ReadonlyMap<
    string,
    {
      choose(target: Target): readonly { readonly user: string | undefined; disconnect(): void }[];
    }
  >;
}

/**
 * Connects this worker's end of seats with the controller's.
 *
 * @returns nothing when sessions of a user are not bounded: it costs nothing then
 */
export function connectSeats(
  bus: BusClient,
  { maxSessionsPerUser }: Pick<Config, 'maxSessionsPerUser'>,
  refusals: Refusals,
  core: () => SeatedSessions | undefined,
): SeatClient | undefined {
  if (maxSessionsPerUser === 0) return undefined;
  const service = STATE_SERVICE.seats;
  const client = new SeatClient({
    most: maxSessionsPerUser,
    isReachable: () => bus.isConnected,
    say: (write) => bus.say(service, write),
    end: (namespace, id) => {
      // By its own room: one that was recovered has an id that was made elsewhere.
      const itself = { rooms: [id], users: [], except: [] };
      for (const session of core()?.namespaces.get(namespace)?.choose(itself) ?? []) {
        refusals.count('userSessionsEnded', session.user);
        session.disconnect();
      }
    },
  });
  bus.onService(service, (frame) => client.onSaid(frame));
  return client;
}
