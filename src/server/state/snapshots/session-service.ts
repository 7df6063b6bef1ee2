/**
 * The controller's end of what workers say of sessions that can be recovered.
 *
 * A client may come back before its worker has noticed that it was cut off: then that worker is
 * told to let go of it first, and what it last knew of the session is taken with it.
 */

import type { SessionClaim, SessionSnapshot, Snapshots } from '../../core/contracts/snapshots.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { STATE_SERVICE, type StateService } from '../../links/bus/state-service.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import {
  readDataBytes,
  readRooms,
  readSnapshot,
  SessionSaid,
  SessionTold,
  writeSnapshot,
} from './session-frames.ts';

export interface SessionServiceOptions {
  readonly snapshots: Snapshots;
  /** The offset of the latest message that a room keeps. */
  latest(): number;
  say(worker: number, service: number, write: (frame: FrameWriter) => void): boolean;
}

/** Waits for a worker to let go of a session, or for the word that one has it. */
interface Asking {
  /** The worker that asks. */
  readonly worker: number;
  readonly request: number;
  readonly claim: SessionClaim;
  readonly timer: Timer;
}

export class SessionService implements StateService {
  readonly number: number = STATE_SERVICE.sessions;
  readonly #options: SessionServiceOptions;
  readonly #asking: Map<string, Asking> = new Map();

  constructor(options: SessionServiceOptions) {
    this.#options = options;
  }

  onSaid(worker: number, frame: FrameReader): void {
    const { snapshots } = this.#options;
    const op = frame.u8();
    if (op === SessionSaid.opened) {
      const snapshot = readSnapshot(frame, this.#options.latest());
      snapshots.opened(snapshot, worker);
      this.#arrived(snapshot.id);
      return;
    }
    if (op === SessionSaid.take) {
      const request = frame.u32();
      const [id, namespace, [user]] = [frame.text(), frame.text(), frame.texts()];
      this.#take(worker, request, { id, namespace, user });
      return;
    }
    const id = frame.text();
    // What is said late of a session that has gone on to another worker is passed over.
    if (snapshots.workerOf(id) !== worker) return;
    switch (op) {
      case SessionSaid.joined:
        snapshots.joined(id, readRooms(frame, this.#options.latest()));
        return;
      case SessionSaid.left:
        snapshots.left(id, frame.texts());
        return;
      case SessionSaid.changed:
        snapshots.changed(id, readDataBytes(frame));
        return;
      case SessionSaid.cut:
        snapshots.cut(id);
        this.#letGo(id);
        return;
      case SessionSaid.over:
        snapshots.over(id);
        this.#letGo(id);
        return;
    }
  }

  workerGone(worker: number): void {
    this.#options.snapshots.workerGone(worker);
    for (const id of this.#asking.keys()) {
      if (this.#options.snapshots.workerOf(id) === undefined) this.#letGo(id);
    }
  }

  #take(worker: number, request: number, claim: SessionClaim): void {
    const { snapshots } = this.#options;
    const { id } = claim;
    const owner = snapshots.workerOf(id);
    // One that comes twice at once gets its session once.
    const isRefused = this.#asking.has(id) || snapshots.isOf(claim) === false;
    if (isRefused) this.#answer(worker, request, undefined);
    else if (owner === undefined) {
      const snapshot = snapshots.take(id);
      if (snapshot !== undefined) this.#answer(worker, request, snapshot);
      // What another worker said before may be read only now.
      else this.#wait({ worker, request, claim }, LIMITS.lateReportMs);
    } else {
      this.#wait({ worker, request, claim }, LIMITS.handOverMs);
      this.#askToLetGo(id, owner);
    }
  }

  #wait(asking: Omit<Asking, 'timer'>, milliseconds: number): void {
    const { id } = asking.claim;
    const timer = setTimeout(() => this.#giveUp(id), milliseconds);
    this.#asking.set(id, { ...asking, timer });
  }

  #askToLetGo(id: string, owner: number): void {
    const isSaid = this.#options.say(owner, this.number, (frame) => {
      frame.u8(SessionTold.letGo).text(id);
    });
    if (!isSaid) this.#giveUp(id);
  }

  /** A worker has it: who asked before that was heard has it let go. */
  #arrived(id: string): void {
    const asking = this.#asking.get(id);
    const owner = this.#options.snapshots.workerOf(id);
    if (asking === undefined || owner === undefined) return;
    if (this.#options.snapshots.isOf(asking.claim) === false) {
      this.#giveUp(id);
      return;
    }
    clearTimeout(asking.timer);
    this.#wait(asking, LIMITS.handOverMs);
    this.#askToLetGo(id, owner);
  }

  /** Its worker has it no more: who waits for it is answered. */
  #letGo(id: string): void {
    const asking = this.#asking.get(id);
    if (asking === undefined) return;
    clearTimeout(asking.timer);
    this.#asking.delete(id);
    this.#answer(asking.worker, asking.request, this.#options.snapshots.take(id));
  }

  /** Its worker does not answer, and may still have it: it cannot be had. */
  #giveUp(id: string): void {
    const asking = this.#asking.get(id);
    if (asking === undefined) return;
    clearTimeout(asking.timer);
    this.#asking.delete(id);
    this.#answer(asking.worker, asking.request, undefined);
  }

  #answer(worker: number, request: number, snapshot: SessionSnapshot | undefined): void {
    const isSaid = this.#options.say(worker, this.number, (frame) => {
      frame
        .u8(SessionTold.taken)
        .u32(request)
        .u8(snapshot === undefined ? 0 : 1);
      if (snapshot !== undefined) writeSnapshot(frame, snapshot);
    });
    if (isSaid || snapshot === undefined) return;
    // The worker that asked has died: the client will come once more.
    this.#options.snapshots.opened(snapshot, worker);
    this.#options.snapshots.cut(snapshot.id);
  }
}
