/**
 * What the config says of a room, found by its name.
 *
 * Asked once for each room that a worker comes to have, and for rooms that clients name; without
 * patterns in the config the answer is one comparison.
 */

import type { RoomSettings, RoomsConfig } from '../../../host/config/rooms.ts';

/** What holds for rooms that no pattern fits. */
export const PLAIN_ROOM: RoomSettings = {
  join: 'anyone',
  publish: 'nobody',
  recovery: false,
  presence: false,
};

/** Everyone of a namespace is the room of the empty name. */
const EVERYONE: readonly string[] = [''];

interface Pattern {
  readonly head: string;
  /** What stands behind the `*`; `undefined` for a whole name. */
  readonly tail: string | undefined;
  readonly settings: RoomSettings;
}

export class RoomSettingsTable {
  /** Whether some rooms keep a history. */
  readonly keepsHistory: boolean;
  /** Whether sessions of some rooms can be recovered. */
  readonly recovers: boolean;
  /** Whether it is to be known who is in some rooms. */
  readonly hasPresence: boolean;
  /** The most telling first. */
  readonly #patterns: readonly Pattern[];

  constructor(config: RoomsConfig) {
    this.#patterns = Object.entries(config).map(toPattern).sort(byLength);
    const settings = Object.values(config);
    this.keepsHistory = settings.some(({ history }) => history !== undefined);
    this.recovers = settings.some(({ recovery }) => recovery);
    this.hasPresence = settings.some(({ presence }) => presence);
  }

  /** Whether a message to these is kept. What is said to neither is said to everyone. */
  keeps(rooms: readonly string[], users: readonly string[]): boolean {
    if (!this.keepsHistory) return false;
    const names = rooms.length === 0 && users.length === 0 ? EVERYONE : rooms;
    return names.some((name) => this.of(name).history !== undefined);
  }

  of(room: string): RoomSettings {
    return this.#find(room)?.settings ?? PLAIN_ROOM;
  }

  /** What stands where the room's pattern has its `*`; `undefined` where it has none. */
  starOf(room: string): string | undefined {
    const pattern = this.#find(room);
    if (pattern?.tail === undefined) return undefined;
    return room.slice(pattern.head.length, room.length - pattern.tail.length);
  }

  #find(room: string): Pattern | undefined {
    if (this.#patterns.length === 0) return undefined;
    return this.#patterns.find((pattern) => fits(pattern, room));
  }
}

/** Whether a name can be a pattern: it has one `*` at the most. */
export function isPattern(name: string): boolean {
  return name.split('*').length <= 2;
}

/** Whether a name fits a pattern such as `match:*`, as rules and grants have them. */
export function fitsPattern(pattern: string, name: string): boolean {
  return fits(partsOf(pattern), name);
}

function fits({ head, tail }: Pick<Pattern, 'head' | 'tail'>, name: string): boolean {
  if (tail === undefined) return name === head;
  const isLongEnough = name.length >= head.length + tail.length;
  return isLongEnough && name.startsWith(head) && name.endsWith(tail);
}

function toPattern([pattern, settings]: readonly [string, RoomSettings]): Pattern {
  return { ...partsOf(pattern), settings };
}

function partsOf(pattern: string): Pick<Pattern, 'head' | 'tail'> {
  const [head = '', tail] = pattern.split('*');
  return { head, tail };
}

/** A whole name before all that have a `*`; then by the characters beside it. */
function byLength(a: Pattern, b: Pattern): number {
  const weight = ({ head, tail }: Pattern): number =>
    tail === undefined ? Number.POSITIVE_INFINITY : head.length + tail.length;
  const difference = weight(b) - weight(a);
  return Number.isNaN(difference) ? 0 : difference;
}
