/**
 * The controller's end of what workers say of sessions that can be recovered.
 *
 * A client may come back before its worker has noticed that it was cut off: then that worker is
 * told to let go of it first, and what it last knew of the session is taken with it. Other nodes,
 * where there are some, are asked for a session that is not here.
 */

import type {
  SessionClaim,
  SessionSnapshot,
  SessionsElsewhere,
  Snapshots,
} from '../../core/contracts/snapshots.ts';
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
  /** Where there are other nodes. */
  readonly elsewhere?: SessionsElsewhere | undefined;
}

/** A session, or that its worker has not let go of it yet, or that it cannot be had. */
export type HandedOver = SessionSnapshot | 'held' | undefined;

/** Waits for a worker to let go of a session, or for the word that one has it. */
interface Asking {
  readonly claim: SessionClaim;
  /** Is called once. */
  readonly answer: (handed: HandedOver) => void;
  /** Other nodes do not have it, or are not asked. */
  readonly isHereOnly: boolean;
  /** For a worker to let go of it. */
  readonly patienceMs: number;
  /** `undefined` while other nodes are asked. */
  readonly timer: Timer | undefined;
}

/**
 * For a worker to let go of a session for another node: that one would take no answer for the
 * silence of a node that is dead.
 */
export const LET_GO_FOR_NODE_MS = 1_000;

/** None of the workers: one that was given to this node, and that nobody waits for any more. */
const NO_WORKER = -1;

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
      const { elsewhere } = this.#options;
      this.#take({
        claim: { id, namespace, user },
        answer: (handed) => this.#answer(worker, request, handed === 'held' ? undefined : handed),
        isHereOnly: elsewhere === undefined,
        patienceMs: LIMITS.handOverMs,
      });
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
    for (const [id, { timer }] of this.#asking) {
      if (timer === undefined) continue;
      if (this.#options.snapshots.workerOf(id) === undefined) this.#letGo(id);
    }
  }

  /**
   * Another node asks for a session, whose client has come back there.
   *
   * @returns nothing when it is not here, or cannot be had
   */
  handOver(claim: SessionClaim): Promise<HandedOver> {
    return new Promise((answer) => {
      this.#take({ claim, answer, isHereOnly: true, patienceMs: LET_GO_FOR_NODE_MS });
    });
  }

  #take(asking: Omit<Asking, 'timer'>): void {
    const { snapshots, elsewhere } = this.#options;
    const { claim, answer, isHereOnly } = asking;
    const { id } = claim;
    const owner = snapshots.workerOf(id);
    // One that comes twice at once gets its session once.
    const isRefused = this.#asking.has(id) || snapshots.isOf(claim) === false;
    if (isRefused) answer(undefined);
    else if (owner === undefined) {
      const snapshot = snapshots.take(id);
      if (snapshot !== undefined) answer(snapshot);
      else if (!isHereOnly && elsewhere?.mayHave(id) === true) this.#lookElsewhere(asking);
      // What another worker said before may be read only now.
      else this.#wait(asking, LIMITS.lateReportMs);
    } else {
      this.#wait({ ...asking, isHereOnly: true }, asking.patienceMs);
      this.#askToLetGo(id, owner);
    }
  }

  #wait(asking: Omit<Asking, 'timer'>, milliseconds: number): void {
    const { id } = asking.claim;
    const timer = setTimeout(() => this.#giveUp(id), milliseconds);
    this.#asking.set(id, { ...asking, timer });
  }

  /** Other nodes are asked, once. Its word may come from a worker of this one meanwhile. */
  #lookElsewhere(asking: Omit<Asking, 'timer'>): void {
    const { claim, answer } = asking;
    const waiting = { ...asking, isHereOnly: true, timer: undefined };
    this.#asking.set(claim.id, waiting);
    void this.#options.elsewhere?.find(claim).then((snapshot) => {
      if (this.#asking.get(claim.id) === waiting) {
        this.#asking.delete(claim.id);
        if (snapshot !== undefined) answer(snapshot);
        else this.#take(waiting);
      } else if (snapshot !== undefined) this.#keep(snapshot, NO_WORKER);
    });
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
      clearTimeout(asking.timer);
      this.#asking.delete(id);
      asking.answer(undefined);
      return;
    }
    clearTimeout(asking.timer);
    this.#wait({ ...asking, isHereOnly: true }, asking.patienceMs);
    this.#askToLetGo(id, owner);
  }

  /** Its worker has it no more: who waits for it is answered. */
  #letGo(id: string): void {
    const asking = this.#asking.get(id);
    if (asking === undefined) return;
    clearTimeout(asking.timer);
    this.#asking.delete(id);
    asking.answer(this.#options.snapshots.take(id));
  }

  /** Its worker does not answer, and may still have it, or nobody has: it cannot be had here. */
  #giveUp(id: string): void {
    const asking = this.#asking.get(id);
    if (asking === undefined) return;
    clearTimeout(asking.timer);
    this.#asking.delete(id);
    const isHeld = this.#options.snapshots.workerOf(id) !== undefined;
    if (asking.isHereOnly) asking.answer(isHeld ? 'held' : undefined);
    else this.#lookElsewhere(asking);
  }

  #answer(worker: number, request: number, snapshot: SessionSnapshot | undefined): void {
    const isSaid = this.#options.say(worker, this.number, (frame) => {
      frame
        .u8(SessionTold.taken)
        .u32(request)
        .u8(snapshot === undefined ? 0 : 1);
      if (snapshot !== undefined) writeSnapshot(frame, snapshot);
    });
    // The worker that asked has died: the client will come once more.
    if (!isSaid && snapshot !== undefined) this.#keep(snapshot, worker);
  }

  /** It waits for its client here. */
  #keep(snapshot: SessionSnapshot, worker: number): void {
    const { snapshots } = this.#options;
    if (snapshots.workerOf(snapshot.id) !== undefined) return;
    snapshots.opened(snapshot, worker);
    snapshots.cut(snapshot.id);
  }
}
