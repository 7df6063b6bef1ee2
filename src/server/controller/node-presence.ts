/** Presence of a node: the store that its workers report to, and the notices to rooms. */

import type { Config } from '../../host/config/schema.ts';
import type { Cluster } from '../core/contracts/cluster.ts';
import type { PresenceChange, PresenceStore } from '../core/contracts/presence.ts';
import { EncodedEvent } from '../core/delivery/encoded-event.ts';
import type { Log } from '../core/log/log.ts';
import { RoomSettingsTable } from '../core/rooms/room-settings.ts';
import { RouteScope } from '../links/bus/bus-frame.ts';
import type { Hub } from '../links/bus/hub.ts';
import { ClusterPresence } from '../state/presence/cluster-presence.ts';
import { EmbeddedPresence } from '../state/presence/embedded-presence.ts';
import { PresenceService } from '../state/presence/presence-service.ts';
import type { PresenceView } from './node-view.ts';

/** The event by which the members of a room hear who came and went. */
const EVENT = 'presence';

const NOTHING: PresenceView = { rooms: 0, users: 0, refused: 0, told: 0, frames: 0 };

export class NodePresence {
  readonly store: PresenceStore;
  readonly #service: PresenceService;

  private constructor(config: Config, hub: Hub, log: Log, cluster: Cluster | undefined) {
    const own = new EmbeddedPresence({
      graceMs: config.presenceGraceMs,
      namedUsers: config.presenceNamedUsers,
      tell: (change) => tell(hub, change),
      clockMs: () => performance.timeOrigin + performance.now(),
    });
    this.store = cluster === undefined ? own : new ClusterPresence(own, cluster);
    this.#service = new PresenceService(this.store, hub, log);
    hub.addService(this.#service);
  }

  /**
   * @param cluster the other nodes, where there are some
   * @returns nothing when no room of the config has presence: it costs nothing then
   */
  static create(config: Config, hub: Hub, log: Log, cluster?: Cluster): NodePresence | undefined {
    const { hasPresence } = new RoomSettingsTable(config.rooms);
    return hasPresence ? new NodePresence(config, hub, log, cluster) : undefined;
  }

  static view(presence: NodePresence | undefined): PresenceView {
    if (presence === undefined) return NOTHING;
    return { ...presence.store.figures, frames: presence.#service.frames };
  }
}

async function tell(hub: Hub, change: PresenceChange): Promise<void> {
  const { namespace, room, count, joined, left } = change;
  const target = { namespace, rooms: [room], users: [], except: [] };
  // Notices of every second would push what was said out of the history of a room.
  const route = { scope: RouteScope.recipients, ...target, isPassing: true };
  await hub.publish(route, EncodedEvent.create(namespace, EVENT, [{ room, joined, left, count }]));
}
