/** Cores, processes, and what of a host may be changed from where we are. */

import { SESSION_COST } from '../figures/session-cost.ts';
import { cgroupTasks } from '../machine/cgroup.ts';
import { kindOfHost } from '../machine/describe.ts';
import { processStatus, resourceLimit } from '../machine/process-limits.ts';
import { sysctlNumber, sysctlPath } from '../machine/sysctl.ts';
import { type Check, type Finding, type Settings, settingsWarning, skipped } from './check.ts';
import { count, roundUp } from './quantities.ts';

/** The part of the cores that heartbeats may take; messages need the rest. */
const IDLE_PART = 0.8;
/** The longest that the configuration takes. */
const PING_INTERVAL_MOST_MS = 240_000;
/** Threads of a worker: 9 were seen on 2 cores, and some of the pools grow with the cores. */
const THREADS_PER_WORKER = 16;

const cores: Check = {
  name: 'cores',
  symptom: 'ETIMEDOUT for new clients, "ping timeout" for those who are there',
  isQuick: true,
  examine({ host, goal, cores: available }): Finding {
    if (processStatus(host, 'self') === undefined) return skipped('/proc/self cannot be read');
    const { idleCpuMicrosPerSecond, idlePingIntervalMs, cpuMicrosPerDelivery } = SESSION_COST;
    const { connections, withFleet, node } = goal;
    const ends = withFleet ? 2 : 1;
    // A fleet that answers pings costs about what the workers do that send them.
    const each =
      (ends * idleCpuMicrosPerSecond * idlePingIntervalMs) / node.pingIntervalMs / 1_000_000;
    const sessions = Math.floor((available * IDLE_PART) / each);
    const broadcastSeconds = (connections * cpuMicrosPerDelivery * ends) / 1e6 / available;
    const read = String(Number(available.toFixed(2)));
    const needs =
      `${(connections * each).toFixed(2)} when idle; a message to all takes ` +
      `${broadcastSeconds.toFixed(1)} s of all cores`;
    if (sessions >= connections) return { state: 'ok', read, needs, sessions };
    return {
      state: 'warning',
      read,
      needs,
      sessions,
      consequence: `heartbeats alone take ${IDLE_PART * 100} % of the cores at ${count(sessions)}`,
      fix: [fixOf(node.pingIntervalMs, connections / sessions)],
    };
  },
};

/** @param factor by how much the heartbeats of all are too many */
function fixOf(pingIntervalMs: number, factor: number): string {
  const slower = roundUp(pingIntervalMs * factor);
  return slower <= PING_INTERVAL_MOST_MS
    ? `holdfast start --ping-interval-ms ${slower}`
    : `another host, or one with ${factor.toFixed(1)} times as many cores`;
}

const tasks: Check = {
  name: 'processes and threads',
  symptom: 'EAGAIN (resource temporarily unavailable) when a worker starts',
  examine({ host, workers, workerPids, cores: available }): Finding {
    const running = Number(/^\S+ \S+ \S+ \d+\/(\d+)/.exec(host.text('/proc/loadavg') ?? '')?.[1]);
    const names = ['kernel.pid_max', 'kernel.threads-max'];
    const kernel = names.flatMap((name): readonly [string, number][] => {
      const value = sysctlNumber(host, name);
      return value === undefined ? [] : [[name, value]];
    });
    if (kernel.length === 0 || Number.isNaN(running)) {
      return skipped('/proc does not tell how many there are');
    }
    const isRoot = processStatus(host, 'self')?.uid === 0;
    const user = isRoot ? undefined : resourceLimit(host, 'self', 'Max processes')?.soft;
    const own = workers * (THREADS_PER_WORKER + Math.ceil(available));
    const needed = running + own;
    const limit = Math.min(...kernel.map(([, value]) => value), user ?? Number.POSITIVE_INFINITY);
    // Its limit is for what runs in it, not for all that the host runs.
    const group = cgroupTasks(host, workerPids[0] ?? 'self');
    const isOfGroup = group !== undefined && group.limit - group.used < limit - running;
    const read = isOfGroup
      ? `${count(group.used)} in the control group now, at most ${count(group.limit)}`
      : `${count(running)} now, at most ${count(limit)}`;
    const others = isOfGroup ? group.used : running;
    const needs = `${count(others + own)} with ${count(workers)} workers`;
    const isGroupShort = group !== undefined && group.limit < group.used + own;
    if (limit >= needed && !isGroupShort) return { state: 'ok', read, needs };
    const short = kernel.filter(([, value]) => value < needed);
    const settings: Settings = Object.fromEntries(
      short.map(([name]) => [name, String(roundUp(needed * 2))]),
    );
    const consequence = 'some workers do not start; the controller tries again and again';
    const warning = settingsWarning({ read, needs, consequence, settings });
    const fix = [
      ...warning.fix,
      ...(user !== undefined && user < needed ? [`ulimit -u ${needed}`] : []),
      ...(isGroupShort
        ? [`systemctl set-property holdfast.service TasksMax=${roundUp((group.used + own) * 2)}`]
        : []),
    ];
    return { ...warning, fix };
  },
};

const place: Check = {
  name: 'kind of host',
  symptom: 'EROFS or EPERM from sysctl and ulimit',
  examine({ host }): Finding {
    if (!host.has('/proc/sys')) return skipped('there is no /proc/sys');
    const kind = kindOfHost(host.root);
    const needs = 'kernel settings that can be changed from here';
    const isWritable = host.isWritable(sysctlPath('net.core.somaxconn'));
    const { uid, mayRaiseLimits } = processStatus(host, 'self') ?? {};
    if (kind !== 'container') return { state: 'ok', read: kind, needs };
    if (uid !== 0) return { state: 'ok', read: `${kind}; root can tell more`, needs };
    const read =
      `${kind}; settings can${isWritable ? '' : 'not'} be changed, ` +
      `hard limits can${mayRaiseLimits ? '' : 'not'} be raised`;
    if (isWritable) return { state: 'ok', read, needs };
    return {
      state: 'warning',
      read,
      needs,
      consequence:
        'settings of net.ipv4 and net.core belong to the container and are given when it starts; ' +
        "fs, vm, kernel, tcp_mem and conntrack are the host's: run the doctor there",
      fix: [
        'docker run --sysctl net.ipv4.ip_local_port_range="1024 65535" ' +
          '--sysctl net.ipv4.tcp_migrate_req=1 --ulimit nofile=1048576 …',
      ],
    };
  },
};

export const processorChecks: readonly Check[] = [cores, tasks, place];
