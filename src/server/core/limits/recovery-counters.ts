/** What is counted of clients that come back, and of those that are not given all, why. */

/**
 * What was not there of what a client came back for: its session; messages that are kept no more,
 * or another history than its own; messages that its node has not read yet, though the client has;
 * an answer of those who keep it, in time.
 */
export type Lack = 'session' | 'history' | 'behind' | 'unanswered';

/** Only grow. */
export interface RecoveryCounters {
  /** Clients that came back and were given all that they had missed. */
  sessionsRecovered: number;
  /** Those that were not. */
  unrecoveredSession: number;
  unrecoveredHistory: number;
  unrecoveredBehind: number;
  unrecoveredUnanswered: number;
}

/** Where those are counted that were not given all. */
export const LACK_COUNTERS: Readonly<Record<Lack, keyof RecoveryCounters>> = {
  session: 'unrecoveredSession',
  history: 'unrecoveredHistory',
  behind: 'unrecoveredBehind',
  unanswered: 'unrecoveredUnanswered',
};

export function createRecoveryCounters(): RecoveryCounters {
  return {
    sessionsRecovered: 0,
    unrecoveredSession: 0,
    unrecoveredHistory: 0,
    unrecoveredBehind: 0,
    unrecoveredUnanswered: 0,
  };
}
