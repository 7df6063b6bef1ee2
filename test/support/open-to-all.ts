/** The identity and rooms of a worker without any settings, for tests. */

import type { Identity, RoomRules } from '../../src/server/core/contracts/identity.ts';
import { RoomSettingsTable } from '../../src/server/core/rooms/room-settings.ts';
import { IdentityChain } from '../../src/server/identity/identity-chain.ts';
import { ConfiguredRoomRules } from '../../src/server/identity/room-rules.ts';

const roomSettings = new RoomSettingsTable({});

export const OPEN_TO_ALL: {
  readonly roomSettings: RoomSettingsTable;
  readonly roomRules: RoomRules;
  readonly identity: Identity;
} = {
  roomSettings,
  roomRules: new ConfiguredRoomRules(roomSettings),
  identity: new IdentityChain({ sources: [], allowAnonymous: true }),
};
