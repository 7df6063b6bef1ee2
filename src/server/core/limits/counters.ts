/** What a worker counts. The composition makes one and hands it to the parts that count. */

import { createHookCounters, type HookCounters } from './hook-counters.ts';
import { createRecoveryCounters, type RecoveryCounters } from './recovery-counters.ts';

export interface Counters extends HookCounters, RecoveryCounters {
  sessionsOpened: number;
  sessionsClosed: number;
  handshakesRefused: number;
  /** Requests passed on to the worker that owns their session. */
  requestsForwarded: number;
  /** Polls, and requests with packets, of sessions of any worker that were answered here. */
  requestsAnswered: number;
  eventsReceived: number;
  broadcasts: number;
  /** Events handed to a session's connection, broadcasts counted once per recipient. */
  deliveries: number;
  handlerErrors: number;
  /** Messages for the bus that were refused because its queue was full. */
  busDropped: number;
  busFramesReceived: number;
  /** Lines of the log that the controller did not take. */
  logLinesLost: number;
  /** Characters that the app printed beyond what is logged. */
  appOutputDropped: number;
}

export function createCounters(): Counters {
  return {
    sessionsOpened: 0,
    sessionsClosed: 0,
    handshakesRefused: 0,
    requestsForwarded: 0,
    requestsAnswered: 0,
    eventsReceived: 0,
    broadcasts: 0,
    deliveries: 0,
    handlerErrors: 0,
    busDropped: 0,
    busFramesReceived: 0,
    logLinesLost: 0,
    appOutputDropped: 0,
    ...createHookCounters(),
    ...createRecoveryCounters(),
  };
}
