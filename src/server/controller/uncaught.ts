/**
 * Faults of the controller that nobody caught. Ending it would leave its workers without anybody
 * who replaces or stops them, so they are said in the log and the node goes on.
 */

import type { Log } from '../core/log/log.ts';

const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

/**
 * @param log a bounded one, since a fault may come again and again
 * @returns listens no more
 */
export function sayUncaught(log: Log): () => void {
  const say = (error: unknown): void =>
    log.error('uncaught error in the controller, which goes on', { error });
  for (const event of EVENTS) process.on(event, say);
  return () => {
    for (const event of EVENTS) process.off(event, say);
  };
}
