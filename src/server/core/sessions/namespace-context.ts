/** What a namespace shares with the others of its worker. */

import type { Hooks } from '../contracts/hooks.ts';
import type { RoomRules } from '../contracts/identity.ts';
import type { NodeLink } from '../contracts/node-link.ts';
import type { PresenceLink } from '../contracts/presence.ts';
import type { SessionReports } from '../contracts/snapshots.ts';
import type { SeatLink } from '../contracts/user-seats.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Counters } from '../limits/counters.ts';
import type { MemoryBudget } from '../limits/memory-budget.ts';
import type { Log } from '../log/log.ts';
import type { RoomSettingsTable } from '../rooms/room-settings.ts';
import type { AckTable } from './acks.ts';
import type { Expiries } from './expiries.ts';
import type { NamespaceSession } from './namespace-session.ts';
import type { FindServer } from './server-handle.ts';

export interface NamespaceContext {
  readonly link: NodeLink;
  readonly delivery: Delivery;
  readonly acks: AckTable;
  readonly counters: Counters;
  readonly ackTimeoutMs: number;
  readonly maxRoomsPerSession: number;
  readonly roomSettings: RoomSettingsTable;
  readonly roomRules: RoomRules;
  readonly expiries: Expiries;
  readonly hooks?: Hooks | undefined;
  /** Hears who comes and goes; `undefined` when no room of the config has presence. */
  readonly presence?: PresenceLink | undefined;
  /** Gets back the seats of users who leave; `undefined` when these are not bounded. */
  readonly seats?: SeatLink | undefined;
  /** Where some rooms have recovery. */
  readonly reports: SessionReports | undefined;
  readonly workerId: string;
  readonly log: Log;
  readonly budget: MemoryBudget;
  /** Finds the handle of a namespace of the app. */
  readonly findServer: FindServer;
  /** Finds a session by its id, in the worker's table. */
  findSession(namespace: string, id: string): NamespaceSession | undefined;
  /** Whether a session of this node may have such an id, on any of its workers. */
  isSessionId(name: string): boolean;
}
