/**
 * The home of the sessions of one kind of client: the worker's table as they need it. Kinds derive
 * theirs from it, with what is theirs alone.
 */

import type { TransportName } from '../../core/app/app.ts';
import type { FrameSocket } from '../../core/contracts/client-connection.ts';
import type { HeartbeatClock } from '../../core/heartbeat.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { SlowReaders } from '../../core/limits/slow-readers.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import type { ClientHome, PacketIntake } from './client-home.ts';
import type { ClientSession } from './client-session.ts';
import type { ClientSettings, ClientTable } from './client-table.ts';
import type { EndedBy } from './last-words.ts';
import type { PollingTransport } from './polling-transport.ts';

export class KindHome implements ClientHome<ClientSession> {
  readonly table: ClientTable;
  // What packets pass on their way is here as well, one step nearer.
  readonly settings: ClientSettings;
  readonly heartbeat: HeartbeatClock;
  readonly intake: PacketIntake<ClientSession>;
  readonly refusals: Refusals;
  readonly budget: MemoryBudget;
  readonly slowReaders: SlowReaders;
  readonly counts: Record<Exclude<TransportName, 'websocket'>, number>;

  constructor(table: ClientTable) {
    this.table = table;
    this.settings = table.settings;
    this.heartbeat = table.heartbeat;
    this.intake = table.intake;
    this.refusals = table.refusals;
    this.budget = table.budget;
    this.slowReaders = table.slowReaders;
    this.counts = table.counts;
  }

  get isDeliveringLittle(): boolean {
    return this.table.isDeliveringLittle;
  }

  register(session: ClientSession): string {
    return this.table.register(session);
  }

  unregister(session: ClientSession): void {
    this.table.unregister(session);
  }

  sinceMs(session: ClientSession): number {
    return this.table.sinceMs(session);
  }

  unjoined(session: ClientSession): void {
    this.table.unjoined(session);
  }

  pinged(session: ClientSession, socket: FrameSocket, bytes: number): void {
    this.table.pinged(session, socket, bytes);
  }

  keepLastWords(polling: PollingTransport, farewell: WirePacket, by: EndedBy): void {
    this.table.keepLastWords(polling, farewell, by);
  }
}
