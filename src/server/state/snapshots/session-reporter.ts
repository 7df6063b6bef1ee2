/**
 * A worker's end of what is kept of its sessions in the controller, so that they can be recovered
 * when this worker has died.
 *
 * A session is reported when it comes into a room with recovery, and from then on what changes of
 * it: its rooms at once, its data a moment after its handlers have run, if it is another then.
 */

import type {
  ReportedSession,
  RoomsChange,
  SessionClaim,
  SessionReports,
  SessionSnapshot,
} from '../../core/contracts/snapshots.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import { fromData, toData } from '../../links/bus/bus-frame.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import {
  type ReportedRoom,
  readSnapshot,
  SessionSaid,
  SessionTold,
  writeData,
  writeRooms,
  writeSnapshot,
} from './session-frames.ts';

export interface SessionReporterOptions {
  readonly log: Log;
  /** How long a session may be looked for. */
  readonly searchMs: number;
  /** The offset of the latest kept message that this worker has been given. */
  latest(): number;
  say(write: (frame: FrameWriter) => void): void;
}

type Take = (snapshot: SessionSnapshot | undefined) => void;

export class SessionReporter implements SessionReports {
  readonly #options: SessionReporterOptions;
  /** Sessions that the controller knows, by their ids. */
  readonly #known: Map<string, ReportedSession> = new Map();
  /** What was last said of their data, where they have some. */
  readonly #dataMarks: WeakMap<ReportedSession, bigint | number> = new WeakMap();
  readonly #touched: Set<ReportedSession> = new Set();
  readonly #takes: Map<number, Take> = new Map();
  #lastTake = 0;
  #hasComplained = false;

  constructor(options: SessionReporterOptions) {
    this.#options = options;
  }

  roomsChanged(session: ReportedSession, isRecoverable: boolean, change: RoomsChange): void {
    const isKnown = this.#known.has(session.id);
    if (!isKnown && isRecoverable) this.#open(session, change);
    else if (isKnown && !isRecoverable) this.#close(session, SessionSaid.over);
    else if (isKnown) this.#sayChange(session, change);
  }

  touched({ id }: { readonly id: string }): void {
    const session = this.#known.get(id);
    if (session === undefined) return;
    if (this.#touched.size === 0) setTimeout(this.#sayData, LIMITS.recoveryDataMs);
    this.#touched.add(session);
  }

  ended(session: ReportedSession, isCut: boolean): void {
    if (!this.#known.has(session.id)) return;
    if (isCut && !this.#sayDataOf(session)) return;
    this.#close(session, isCut ? SessionSaid.cut : SessionSaid.over);
  }

  /** Asks for a session that was cut off. @param done is called once */
  take({ id, namespace, user }: SessionClaim, done: Take): void {
    const request = ++this.#lastTake;
    const timer = setTimeout(() => settle(undefined), this.#options.searchMs);
    const settle = (snapshot: SessionSnapshot | undefined): void => {
      clearTimeout(timer);
      this.#takes.delete(request);
      done(snapshot);
    };
    this.#takes.set(request, settle);
    this.#options.say((frame) => {
      const about = frame.u8(SessionSaid.take).u32(request).text(id).text(namespace);
      about.texts(user === undefined ? [] : [user]);
    });
  }

  giveBack(snapshot: SessionSnapshot): void {
    this.#options.say((frame) => {
      frame.u8(SessionSaid.opened);
      writeSnapshot(frame, snapshot);
    });
    this.#options.say((frame) => frame.u8(SessionSaid.cut).text(snapshot.id));
  }

  onTold(frame: FrameReader): void {
    switch (frame.u8()) {
      case SessionTold.taken: {
        const take = this.#takes.get(frame.u32());
        const snapshot = frame.u8() === 0 ? undefined : readSnapshot(frame, 0);
        // Whoever asked has not waited so long: the client may come for it again.
        if (take === undefined && snapshot !== undefined) this.giveBack(snapshot);
        else take?.(snapshot);
        return;
      }
      case SessionTold.letGo:
        this.#known.get(frame.text())?.carrier.clientMoved();
        return;
    }
  }

  #open(session: ReportedSession, change: RoomsChange): void {
    const data = this.#dataOf(session);
    if (data === 'none') return;
    this.#known.set(session.id, session);
    const { id, namespace, user } = session;
    const afterOf = this.#aftersIn(change);
    const rooms = session
      .origins()
      .concat([['', 1]])
      .map(([name, origin]) => ({ name, origin, after: afterOf(name) }));
    this.#options.say((frame) => {
      frame.u8(SessionSaid.opened);
      writeSnapshot(frame, { id, namespace, user, rooms, data });
    });
  }

  #sayChange(session: ReportedSession, change: RoomsChange): void {
    const { joined, left } = change;
    const { id } = session;
    if (left.length > 0) {
      this.#options.say((frame) => frame.u8(SessionSaid.left).text(id).texts(left));
    }
    if (joined.length === 0) return;
    const afterOf = this.#aftersIn(change);
    // It has come into them last.
    const origins = new Map(session.origins(joined.length));
    const rooms = joined.map((name): ReportedRoom => {
      return { name, origin: origins.get(name) ?? 0, after: afterOf(name) };
    });
    this.#options.say((frame) => {
      frame.u8(SessionSaid.joined).text(id);
      writeRooms(frame, rooms);
    });
  }

  /** What a session has had of a room, by what has changed; there may be thousands. */
  #aftersIn({ joined, fresh, afters }: RoomsChange): (name: string) => ReportedRoom['after'] {
    const [isJoined, isFresh] = [new Set(joined), new Set(fresh)];
    return (name) => {
      if (!isJoined.has(name)) return undefined;
      const after = afters?.get(name);
      if (after !== undefined) return after;
      return isFresh.has(name) ? 'now' : this.#options.latest();
    };
  }

  readonly #sayData = (): void => {
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const session of touched) if (this.#known.has(session.id)) this.#sayDataOf(session);
  };

  /** Says its data, if that is new. @returns false when it cannot be kept */
  #sayDataOf(session: ReportedSession): boolean {
    const before = this.#dataMarks.get(session);
    const data = this.#dataOf(session);
    if (data === 'none') {
      this.#close(session, SessionSaid.over);
      return false;
    }
    if (this.#dataMarks.get(session) === before) return true;
    this.#options.say((frame) => {
      writeData(frame.u8(SessionSaid.changed).text(session.id), data);
    });
    return true;
  }

  /** @returns `none` when it cannot be kept, which is said once */
  #dataOf(session: ReportedSession): Uint8Array | undefined | 'none' {
    const { storedData } = session;
    if (storedData === undefined) return undefined;
    const data = cloneOf(storedData);
    if (data !== undefined) {
      this.#dataMarks.set(session, Bun.hash(data));
      return data;
    }
    if (!this.#hasComplained) {
      this.#hasComplained = true;
      this.#options.log.warn(
        `the data of a session holds what cannot be copied, or more than ${LIMITS.recoveryData} ` +
          'bytes: such sessions cannot be recovered',
      );
    }
    return 'none';
  }

  #close(session: ReportedSession, said: number): void {
    this.#known.delete(session.id);
    this.#touched.delete(session);
    this.#options.say((frame) => frame.u8(said).text(session.id));
  }
}

function cloneOf(value: unknown): Uint8Array | undefined {
  try {
    const data = toData(value);
    return data.byteLength > LIMITS.recoveryData ? undefined : data;
  } catch {
    return undefined;
  }
}

/** @returns what the app kept with the session; `undefined` where it kept nothing */
export function dataOf({ data }: SessionSnapshot): unknown {
  return data === undefined ? undefined : fromData(data);
}
