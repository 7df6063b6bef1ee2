/**
 * Who may join and publish, by what the config says of rooms (`rooms`) and by what the token or
 * hook of a session has named.
 *
 * A session whose token names rooms is kept to those, whatever the rules say; a rule `granted`
 * keeps out all others as well. So a token can only ever take away.
 */

import type { RoomRule } from '../../host/config/rooms.ts';
import type { RoomRules } from '../core/contracts/identity.ts';
import { fitsPattern, type RoomSettingsTable } from '../core/rooms/room-settings.ts';

type Grants = readonly string[] | undefined;

export class ConfiguredRoomRules implements RoomRules {
  readonly #settings: RoomSettingsTable;

  constructor(settings: RoomSettingsTable) {
    this.#settings = settings;
  }

  mayJoin(user: string | undefined, grants: Grants, room: string): boolean {
    return this.#may(this.#settings.of(room).join, user, grants, room);
  }

  mayPublish(user: string | undefined, grants: Grants, room: string): boolean {
    return this.#may(this.#settings.of(room).publish, user, grants, room);
  }

  #may(rule: RoomRule, user: string | undefined, grants: Grants, room: string): boolean {
    if (grants !== undefined && !grants.some((pattern) => fitsPattern(pattern, room))) return false;
    switch (rule) {
      case 'anyone':
        return true;
      case 'users':
        return user !== undefined;
      case 'owner':
        return user !== undefined && user === this.#settings.starOf(room);
      case 'granted':
        return grants !== undefined;
      case 'nobody':
        return false;
    }
  }
}
