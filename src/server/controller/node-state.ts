/** What the controller keeps for its workers: history, sessions to be recovered, presence. */

import type { Config } from '../../host/config/schema.ts';
import type { History } from '../core/contracts/history.ts';
import type { PresenceStore } from '../core/contracts/presence.ts';
import type { SessionsElsewhere, Whom } from '../core/contracts/snapshots.ts';
import type { Log } from '../core/log/log.ts';
import { RoomSettingsTable } from '../core/rooms/room-settings.ts';
import type { Hub } from '../links/bus/hub.ts';
import { audienceKey } from '../protocol/interest-key.ts';
import { EmbeddedHistory } from '../state/history/embedded-history.ts';
import { EmbeddedSnapshots } from '../state/snapshots/embedded-snapshots.ts';
import { SessionService } from '../state/snapshots/session-service.ts';
import { ClusterState, type SharedBy } from './cluster-state.ts';
import { NodePresence } from './node-presence.ts';
import { serveSeats } from './node-sessions.ts';
import type { StateView } from './node-view.ts';
import type { RoomHistory } from './sessions-view.ts';

/** How often what is too old is looked for. */
const SWEEP_MS = 1_000;
/** Of the memory, for each of the two. */
const SHARE = 1 / 8;
const AUTO_MAX_BYTES = 512 * 2 ** 20;

export class NodeState {
  readonly settings: RoomSettingsTable;
  /** What this node keeps of what rooms keep: all of it, where no history is shared. */
  readonly copy: EmbeddedHistory;
  readonly snapshots: EmbeddedSnapshots;
  readonly #config: Config;
  readonly #timer: Timer;
  #presence: NodePresence | undefined;
  #shared: History | undefined;
  #cluster: ClusterState | undefined;
  #elsewhere: SessionsElsewhere | undefined;

  /** @param memoryBytes of the host, or of the container that the node is in */
  constructor(config: Config, memoryBytes: number) {
    this.#config = config;
    const nowMs = (): number => performance.now();
    const auto = Math.min(AUTO_MAX_BYTES, Math.floor(memoryBytes * SHARE));
    const bytes = (given: 'auto' | number): number => (given === 'auto' ? auto : given);
    this.settings = new RoomSettingsTable(config.rooms);
    this.copy = new EmbeddedHistory({ budgetBytes: bytes(config.historyBudgetBytes), nowMs });
    this.snapshots = new EmbeddedSnapshots({
      budgetBytes: bytes(config.recoveryBudgetBytes),
      windowMs: config.recoveryWindowMs,
      nowMs,
    });
    this.#timer = setInterval(() => {
      this.copy.sweep();
      this.snapshots.sweep();
    }, SWEEP_MS);
  }

  get history(): History {
    return this.#shared ?? this.copy;
  }

  /** From now on rooms keep what all nodes share, of which this node has a copy. */
  share(history: History): void {
    this.#shared = history;
  }

  /** How long a room keeps anything at the most. */
  get keptMs(): number {
    const seconds = Object.values(this.#config.rooms).map(({ history }) => history?.seconds ?? 0);
    return Math.max(0, ...seconds) * 1_000;
  }

  /** Who is in the rooms that have presence, once it serves; `undefined` where none has. */
  get presence(): PresenceStore | undefined {
    return this.#presence?.store;
  }

  /** What a room keeps at this moment. */
  kept(namespace: string, room: string): RoomHistory {
    return this.copy.kept(audienceKey(namespace, room));
  }

  get view(): StateView {
    const presence = NodePresence.view(this.#presence);
    const shared = this.#cluster?.view ?? {};
    return { history: this.copy.view, recovery: this.snapshots.view, presence, shared };
  }

  /**
   * From now on workers find it behind the hub.
   *
   * @param by where there are other nodes
   */
  serve(hub: Hub, log: Log, by?: SharedBy): void {
    const config = this.#config;
    const { snapshots } = this;
    this.#presence = NodePresence.create(config, hub, log, by?.cluster);
    const cluster = by === undefined ? undefined : new ClusterState(by, log);
    if (this.settings.recovers) {
      this.#elsewhere = cluster?.sessions(config, {
        snapshots,
        handOver: (claim) => service.handOver(claim),
      });
    }
    const service = new SessionService({
      snapshots,
      latest: () => this.copy.view.latest,
      say: (worker, number, write) => hub.say(worker, number, write),
      elsewhere: this.#elsewhere,
    });
    hub.addService(service);
    serveSeats(hub, config, log, by?.cluster, (options) => cluster?.seats(options));
    this.#cluster = cluster;
  }

  /** Ends sessions that wait for their client, on all nodes or on this one alone. */
  async endWaiting(namespace: string, whom: Whom, isHereOnly: boolean): Promise<void> {
    if (this.#elsewhere === undefined || isHereOnly) this.snapshots.end(namespace, whom);
    else await this.#elsewhere.end(namespace, whom);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#presence?.store.close();
    await this.#cluster?.close();
  }
}
