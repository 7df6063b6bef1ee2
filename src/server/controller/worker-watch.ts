/** The watchdog of a node, put together: supervised processes, and what the host tells of them. */

import { HostFiles } from '../../host/machine/host-files.ts';
import { describeStandstill, standstillOf } from '../../host/machine/standstill.ts';
import { LIMITS } from '../core/limits/limits.ts';
import type { Log } from '../core/log/log.ts';
import type { Supervisor } from './supervisor.ts';
import { type Examination, Watchdog } from './watchdog.ts';

export interface WorkerWatchOptions {
  readonly supervisor: Supervisor;
  /** The CPU time of a worker as it told last. */
  cpuMsHeard(index: number): number | undefined;
  /** 0 never. */
  readonly replaceAfterMs: number;
  readonly log: Log;
}

export function watchWorkers(options: WorkerWatchOptions): Watchdog {
  const { supervisor, replaceAfterMs, log } = options;
  const host = new HostFiles();
  const examine = (index: number, silentMs: number): Examination => {
    const pid = supervisor.workers()[index]?.pid;
    const seen = pid === undefined ? undefined : standstillOf(pid, host);
    if (seen === undefined) return { isSpared: false, text: 'what it does cannot be seen' };
    const text = describeStandstill(seen, options.cpuMsHeard(index), silentMs);
    return { isSpared: seen.isTraced, text };
  };
  return new Watchdog({
    workers: () =>
      supervisor.workers().map(({ index, state }) => {
        return { index, isWatched: state === 'running' || state === 'stalled' };
      }),
    stalledAfterMs: Math.min(LIMITS.stalledAfterMs, replaceAfterMs / 2 || LIMITS.stalledAfterMs),
    replaceAfterMs,
    markStalled: (index) => supervisor.markStalled(index),
    markAnswering: (index) => supervisor.markAnswering(index),
    replace: (index, reason) => supervisor.replace(index, reason),
    examine,
    log,
  });
}
