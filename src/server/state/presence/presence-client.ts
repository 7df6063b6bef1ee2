/**
 * A worker's end of presence: gathers what changes, says what is, and asks.
 *
 * Kept is only what has changed since the last report, as names; what is so is looked up when it is
 * said. So however often a user comes and goes in the meantime, it is one line of one frame.
 */

import type { Config } from '../../../host/config/schema.ts';
import { NameMap } from '../../../host/runtime/name-map.ts';
import type { RoomPresence } from '../../core/app/app.ts';
import type {
  PresenceLink,
  PresenceSource,
  RoomReport,
  UserReport,
} from '../../core/contracts/presence.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { RoomSettingsTable } from '../../core/rooms/room-settings.ts';
import type { BusClient } from '../../links/bus/bus-client.ts';
import { STATE_SERVICE } from '../../links/bus/state-service.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { readAnswer, writeAsk, writeReports } from './presence-frames.ts';

/** The way to the controller's end. */
export interface SaysToController {
  say(write: (frame: FrameWriter) => void): void;
}

/** What changed in a room: by user, whether the last that was heard is a leave on purpose. */
interface Changed {
  readonly users: NameMap<boolean>;
  hasAnonymous: boolean;
}

interface Asked {
  readonly key: string;
  readonly timer: Timer;
  readonly resolve: (presence: RoomPresence) => void;
}

/** Characters of names in one frame: far below what a frame may hold. */
const FRAME_LENGTH = 262_144;

export class PresenceClient implements PresenceLink {
  readonly namedUsers: number;
  readonly #controller: SaysToController;
  /** By namespace and room. */
  #changed: Map<PresenceSource, NameMap<Changed>> = new Map();
  #isGathering = false;
  readonly #asked: Map<number, Asked> = new Map();
  readonly #answers: NameMap<Promise<RoomPresence>> = new NameMap();
  #lastId = 0;
  /** Who waits for an answer; those who ask the same share one. */
  #waiting = 0;

  constructor(controller: SaysToController, namedUsers: number) {
    this.namedUsers = namedUsers;
    this.#controller = controller;
  }

  changed(source: PresenceSource, room: string, user: string | undefined, hasLeft: boolean): void {
    let rooms = this.#changed.get(source);
    if (rooms === undefined) this.#changed.set(source, (rooms = new NameMap()));
    let changed = rooms.get(room);
    if (changed === undefined) {
      changed = { users: new NameMap(), hasAnonymous: false };
      rooms.set(room, changed);
    }
    if (user === undefined) changed.hasAnonymous = true;
    else changed.users.set(user, hasLeft);
    if (this.#isGathering) return;
    this.#isGathering = true;
    setTimeout(() => this.flush(), LIMITS.presenceGatherMs);
  }

  /** Says what has been gathered. */
  flush(): void {
    this.#isGathering = false;
    const gathered = this.#changed;
    this.#changed = new Map();
    let some: RoomReport[] = [];
    let length = 0;
    for (const [source, rooms] of gathered) {
      for (const [room, changed] of rooms) {
        for (const report of reportsOf(source, room, changed)) {
          some.push(report);
          length += lengthOf(report);
          if (length < FRAME_LENGTH) continue;
          this.#say(some);
          some = [];
          length = 0;
        }
      }
    }
    if (some.length > 0) this.#say(some);
  }

  async list(namespace: string, room: string, most: number): Promise<RoomPresence> {
    // The controller is to have what this worker has.
    if (this.#isGathering) this.flush();
    if (this.#waiting >= LIMITS.presenceAsks) {
      throw new Error('too much is being asked of presence; ask again in a second');
    }
    const key = `${most} ${namespace}\0${room}`;
    this.#waiting++;
    try {
      return await (this.#answers.get(key) ?? this.#ask(key, namespace, room, most));
    } finally {
      this.#waiting--;
    }
  }

  /** The controller answers. */
  onSaid(frame: FrameReader): void {
    const { id, presence } = readAnswer(frame);
    this.#forget(id)?.resolve(presence);
  }

  #ask(key: string, namespace: string, room: string, most: number): Promise<RoomPresence> {
    const id = (this.#lastId = (this.#lastId + 1) % 2 ** 32);
    const { promise, resolve, reject } = Promise.withResolvers<RoomPresence>();
    const timer = setTimeout(() => {
      this.#forget(id);
      reject(new Error('the controller did not say who is in the room'));
    }, LIMITS.busRequestMs);
    this.#asked.set(id, { key, timer, resolve });
    this.#answers.set(key, promise);
    this.#controller.say((frame) => writeAsk(frame, { id, namespace, room, most }));
    return promise;
  }

  #forget(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    if (asked === undefined) return undefined;
    clearTimeout(asked.timer);
    this.#asked.delete(id);
    this.#answers.delete(asked.key);
    return asked;
  }

  #say(reports: readonly RoomReport[]): void {
    this.#controller.say((frame) => writeReports(frame, reports));
  }
}

/**
 * Connects this worker's end of presence with the controller's.
 *
 * @returns nothing when no room of the config has presence: it costs nothing then
 */
export function connectPresence(
  bus: BusClient,
  { hasPresence }: RoomSettingsTable,
  { presenceNamedUsers }: Pick<Config, 'presenceNamedUsers'>,
): PresenceClient | undefined {
  if (!hasPresence) return undefined;
  const service = STATE_SERVICE.presence;
  const client = new PresenceClient(
    { say: (write) => bus.say(service, write) },
    presenceNamedUsers,
  );
  bus.onService(service, (frame) => client.onSaid(frame));
  return client;
}

/** What is so in a room, in pieces that a frame holds. */
function* reportsOf(
  source: PresenceSource,
  room: string,
  { users, hasAnonymous }: Changed,
): Generator<RoomReport> {
  let some: UserReport[] = [];
  let length = 0;
  for (const [user, hasLeft] of users) {
    const sessions = source.sessionsInRoom(user, room);
    const transports = [...new Set(sessions.map(({ transport }) => transport))];
    some.push({ user, sessions: sessions.length, transports, hasLeft });
    length += user.length;
    if (length < FRAME_LENGTH) continue;
    yield { namespace: source.name, room, anonymous: undefined, users: some };
    some = [];
    length = 0;
  }
  const anonymous = hasAnonymous ? source.anonymousInRoom(room) : undefined;
  yield { namespace: source.name, room, anonymous, users: some };
}

function lengthOf({ namespace, room, users }: RoomReport): number {
  return users.reduce((sum, { user }) => sum + user.length, namespace.length + room.length);
}
