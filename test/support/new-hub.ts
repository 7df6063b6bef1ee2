/** A hub as a controller has it, whose rooms keep what its config says. */

import type { RoomsConfig } from '../../src/host/config/rooms.ts';
import type { Log } from '../../src/server/core/log/log.ts';
import { RoomSettingsTable } from '../../src/server/core/rooms/room-settings.ts';
import { Hub, type HubEvents } from '../../src/server/links/bus/hub.ts';
import { EmbeddedHistory } from '../../src/server/state/history/embedded-history.ts';

/** @param node its number */
export function newHub(
  events: HubEvents,
  log: Log,
  rooms: RoomsConfig = {},
  budgetBytes: number = 1_000_000,
  node: number = 1,
): Hub {
  const nowMs = (): number => performance.now();
  return new Hub({
    node,
    events,
    log,
    settings: new RoomSettingsTable(rooms),
    history: new EmbeddedHistory({ budgetBytes, nowMs }),
  });
}
