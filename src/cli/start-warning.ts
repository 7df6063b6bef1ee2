/**
 * What `holdfast start` says of the machine: nothing when it is large enough, else two lines. It
 * reads a few files of /proc and is never a reason for a node not to start.
 */

import type { Config } from '../host/config/schema.ts';
import { CHECKS } from '../host/doctor/checks.ts';
import { diagnose } from '../host/doctor/diagnosis.ts';
import { outlookOf } from '../host/doctor/outlook.ts';
import { count } from '../host/doctor/quantities.ts';
import { HostFiles } from '../host/machine/host-files.ts';
import type { Log } from '../server/core/log/log.ts';
import { nodeRules } from './doctor-rules.ts';

/**
 * Where nobody said how many it is to hold, a node takes what its limits on open files allow, which
 * may be millions. Only a machine that is too small for this many is worth a word then.
 */
const UNASKED_CONNECTIONS = 10_000;

export function warnOfMachine(
  config: Config,
  log: Pick<Log, 'warn'>,
  host: HostFiles = new HostFiles(),
): void {
  try {
    const node = nodeRules(config);
    const goal = (connections: number) => ({ connections, withFleet: false, node });
    const unasked = outlookOf(host, goal(1), false);
    const soft = unasked.openFiles?.soft ?? 0;
    const room = node.meanOf(soft) * unasked.workers;
    const connections = config.connections ?? Math.min(room, UNASKED_CONNECTIONS);
    const quick = CHECKS.filter(({ isQuick }) => isQuick);
    const { sessions, limitedBy } = diagnose(outlookOf(host, goal(connections), false), quick);
    if (sessions === undefined || limitedBy === undefined || sessions >= connections) return;
    log.warn(
      `this machine holds about ${count(sessions)} of ${count(connections)} connections: ` +
        `${limitedBy.name}, ${limitedBy.symptom}`,
    );
    log.warn(`"holdfast doctor --connections ${connections}" says more`);
  } catch (error) {
    log.warn('the machine could not be examined', { reason: String(error) });
  }
}
