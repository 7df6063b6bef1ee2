/**
 * Presence of one node, in the memory of its controller.
 *
 * Workers say what they have, not what happened, so a report that is lost, late or comes twice is
 * mended by the next one. Users who were cut off stand in a queue by the time of it; who is back
 * in time is taken out, and nobody has heard that they were away.
 */

import { NameMap } from '../../../host/runtime/name-map.ts';
import type { RoomPresence } from '../../core/app/app.ts';
import type {
  PresenceFigures,
  PresenceStore,
  RoomReport,
  TellChange,
  UserReport,
} from '../../core/contracts/presence.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { roomKey } from '../../protocol/interest-key.ts';
import { PresenceRoom, Present, type WorkerReport } from './present-users.ts';
import { transportsIn } from './transport-mask.ts';

export interface PresenceOptions {
  /** How long who was cut off still counts as there. */
  readonly graceMs: number;
  /** Rooms with more users are told counts only. */
  readonly namedUsers: number;
  readonly tell: TellChange;
  /** Milliseconds since 1970 by a clock that is never set back. */
  clockMs(): number;
}

/** What a room takes in memory beside its users, and a user beside the name; measured, in bytes. */
const ROOM_BYTES = 1_000;
const USER_BYTES = 250;

export class EmbeddedPresence implements PresenceStore {
  readonly #options: PresenceOptions;
  readonly #rooms: NameMap<PresenceRoom> = new NameMap();
  /** Something is different from what they were told, oldest first. */
  readonly #changed: Set<PresenceRoom> = new Set();
  /** Users who were cut off, in the order of it. */
  readonly #gone: Set<Present> = new Set();
  readonly #timer: Timer;
  /** Until then nobody is told anything, and nobody's time is over. */
  #heldUntilMs = 0;
  #users = 0;
  #refused = 0;
  #told = 0;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.tick(), LIMITS.presenceTickMs);
  }

  get figures(): PresenceFigures {
    const [rooms, users] = [this.#rooms.size, this.#users];
    return { rooms, users, refused: this.#refused, told: this.#told };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  report(worker: number, rooms: readonly RoomReport[]): void {
    for (const report of rooms) this.#takeRoom(worker, report);
  }

  forgetWorker(worker: number): void {
    this.forgetWorkers((one) => one === worker);
  }

  /** As `forgetWorker`, for all of them in one pass. */
  forgetWorkers(isOne: (worker: number) => boolean): void {
    for (const room of [...this.#rooms.values()]) {
      room.forgetAnonymous(isOne);
      for (const present of room.users.values()) {
        if (present.drop(isOne) && present.shares.length === 0) this.#cutOff(present);
      }
      this.#changed.add(room);
    }
  }

  /**
   * What some workers have said that is so still, in parts of so many users. It may be asked for
   * part by part while things change.
   */
  *reportsOf(isOne: (worker: number) => boolean, most: number): Generator<WorkerReport> {
    for (const room of [...this.#rooms.values()]) yield* room.reportsOf(isOne, most);
  }

  /** For a moment it hears what is told anew: rooms are not told what changes meanwhile. */
  hold(milliseconds: number): void {
    this.#heldUntilMs = milliseconds === 0 ? 0 : this.#options.clockMs() + milliseconds;
  }

  async list(namespace: string, room: string, most: number): Promise<RoomPresence> {
    const found = this.#rooms.get(roomKey(namespace, room));
    if (found === undefined) return { count: 0, anonymous: 0, users: [] };
    const users = found.users.values().take(most).toArray();
    return {
      count: found.count,
      anonymous: found.anonymous,
      users: users.map((present) => ({
        user: present.user,
        sinceMs: present.sinceMs,
        sessions: present.sessions,
        transports: transportsIn(present.transports),
      })),
    };
  }

  /** Lets go of those who did not come back, and tells rooms what has changed. */
  tick(): void {
    const nowMs = this.#options.clockMs();
    if (nowMs < this.#heldUntilMs) return;
    const lateMs = nowMs - this.#options.graceMs;
    for (const present of this.#gone) {
      if (present.goneAtMs > lateMs) break;
      this.#remove(present);
    }
    let members = 0;
    for (const room of this.#changed) {
      const { count } = room;
      if (nowMs - room.toldAtMs < pauseOf(count)) continue;
      if (members >= LIMITS.presenceToldAtOnce) return;
      this.#changed.delete(room);
      if (this.#tell(room, nowMs)) members += count;
    }
  }

  #takeRoom(worker: number, report: RoomReport): void {
    const key = roomKey(report.namespace, report.room);
    let room = this.#rooms.get(key);
    if (room === undefined) {
      const isOver = !this.#hasSpace(ROOM_BYTES);
      const hasNobody = !report.anonymous && report.users.every(({ sessions }) => sessions === 0);
      if (isOver) this.#refused += report.users.length;
      if (isOver || hasNobody) return;
      room = new PresenceRoom(report.namespace, report.room, this.#options.namedUsers);
      this.#rooms.set(key, room);
    }
    if (report.anonymous !== undefined) room.setAnonymous(worker, report.anonymous);
    for (const user of report.users) this.#takeUser(worker, room, user);
    this.#changed.add(room);
  }

  #takeUser(worker: number, room: PresenceRoom, report: UserReport): void {
    let present = room.users.get(report.user);
    if (report.sessions === 0) {
      if (present?.drop((one) => one === worker) !== true || present.shares.length > 0) return;
      if (report.hasLeft) this.#remove(present);
      else this.#cutOff(present);
      return;
    }
    if (present === undefined) {
      if (!this.#hasSpace(USER_BYTES)) {
        this.#refused++;
        return;
      }
      present = new Present(report.user, room, Math.round(this.#options.clockMs()));
      this.#users++;
      room.add(present);
    }
    present.take(worker, report);
    if (present.goneAtMs === 0) return;
    present.goneAtMs = 0;
    this.#gone.delete(present);
  }

  #hasSpace(bytes: number): boolean {
    const held = this.#rooms.size * ROOM_BYTES + this.#users * USER_BYTES;
    return held + bytes <= LIMITS.presenceBytes;
  }

  #cutOff(present: Present): void {
    present.goneAtMs = this.#options.clockMs();
    this.#gone.add(present);
  }

  #remove(present: Present): void {
    this.#gone.delete(present);
    present.room.remove(present);
    this.#users--;
    this.#changed.add(present.room);
  }

  /** @returns whether there was something to tell */
  #tell(room: PresenceRoom, nowMs: number): boolean {
    if (room.isEmpty) {
      this.#rooms.delete(roomKey(room.namespace, room.name));
      return false;
    }
    const difference = room.takeDifference();
    if (difference === undefined) return false;
    room.toldAtMs = nowMs;
    this.#told++;
    const { namespace, name } = room;
    const change = { namespace, room: name, count: difference.count, ...difference.names };
    this.#options.tell(change).catch(() => {
      room.forgetNames();
      if (!room.isEmpty) this.#changed.add(room);
    });
    return true;
  }
}

/** Between two notices to a room with so many in it, in milliseconds. */
function pauseOf(count: number): number {
  return Math.max(LIMITS.presencePauseMs, (count / LIMITS.presenceToldPerSecond) * 1_000);
}
