/** The controller logs through the same contract as its workers. */
export type { Log, LogFields } from '../core/log.ts';
