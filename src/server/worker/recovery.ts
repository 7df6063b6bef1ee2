/** What a worker needs to give clients that come back what they had, wired to the bus. */

import { Comebacks } from '../clients/session/comebacks.ts';
import type { SessionReports } from '../core/contracts/snapshots.ts';
import { LIMITS } from '../core/limits/limits.ts';
import type { Log } from '../core/log/log.ts';
import type { RoomSettingsTable } from '../core/rooms/room-settings.ts';
import type { BusClient } from '../links/bus/bus-client.ts';
import { STATE_SERVICE } from '../links/bus/state-service.ts';
import { parsePosition } from '../protocol/position.ts';
import { dataOf, SessionReporter } from '../state/snapshots/session-reporter.ts';

export interface RecoveryOptions {
  readonly bus: BusClient;
  readonly settings: RoomSettingsTable;
  readonly recoveryKey: string;
  readonly log: Log;
  /** Other nodes have the same history. */
  readonly isShared: boolean;
  /** The position of the latest kept message that this worker has been given. */
  latestMark(): string | undefined;
}

export interface Recovery {
  readonly settings: RoomSettingsTable;
  readonly comebacks: Comebacks;
  /** Where some rooms have recovery. */
  readonly reports: SessionReports | undefined;
}

export function createRecovery(options: RecoveryOptions): Recovery {
  const { bus, settings, recoveryKey, isShared, log } = options;
  const { sessions } = STATE_SERVICE;
  const reporter = new SessionReporter({
    log,
    searchMs: LIMITS.handOverMs + LIMITS.busGraceMs + (isShared ? LIMITS.sessionSearchMs : 0),
    latest: () => parsePosition(options.latestMark())?.offset ?? 0,
    say: (write) => bus.say(sessions, write),
  });
  bus.onService(sessions, (frame) => reporter.onTold(frame));
  const comebacks = new Comebacks({
    settings,
    recoveryKey,
    lagMs: isShared ? LIMITS.historyLagMs : 0,
    history: {
      epoch: bus.history.epoch,
      since: (places, done) => bus.history.since(places, done),
      take: (claim, done) => reporter.take(claim, done),
      giveBack: (snapshot) => reporter.giveBack(snapshot),
      dataOf,
    },
  });
  return { settings, comebacks, reports: settings.recovers ? reporter : undefined };
}
