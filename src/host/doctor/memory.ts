/** Memory: of the host and of a control group, and what makes a process use more than it must. */

import { SESSION_COST } from '../figures/session-cost.ts';
import { cgroupMemory } from '../machine/cgroup.ts';
import { kernelMemory } from '../machine/kernel-memory.ts';
import { processStatus } from '../machine/process-limits.ts';
import { sysctlNumber } from '../machine/sysctl.ts';
import { type Check, type Finding, settingsWarning, skipped } from './check.ts';
import type { Outlook } from './outlook.ts';
import { bytes, count, roundUp } from './quantities.ts';

/** What stays free for everything else on the host, as a part of the whole. */
const FREE_PART = 0.05;
/** With more, the kernel takes pages of workers away while there is room left. */
const SWAPPINESS_MOST = 10;
/** Parts of the address space that a worker uses: 65 when empty, and a heap that is in pieces. */
const MAPS_LEAST = 4_096;

interface Need {
  readonly text: string;
  readonly totalBytes: number;
  /** Sessions for which so much memory is enough. */
  readonly sessionsIn: (availableBytes: number) => number;
}

function needOf({ goal, workers, userBytesPerSession, kernelBytesPerSession }: Outlook): Need {
  const own = SESSION_COST.sharedWorkerBytes + workers * SESSION_COST.emptyWorkerBytes;
  const user = goal.connections * userBytesPerSession + own;
  const kernel = goal.connections * kernelBytesPerSession;
  const each = userBytesPerSession + kernelBytesPerSession;
  return {
    totalBytes: user + kernel,
    text:
      `${bytes(user + kernel)}: ${bytes(user)} in ${count(workers)} workers` +
      `${goal.withFleet ? ' and the fleet' : ''}, ${bytes(kernel)} in the kernel`,
    sessionsIn: (available) => Math.max(0, Math.floor((available - own) / each)),
  };
}

/** What running workers and their sockets hold already counts as theirs, not as used up. */
function heldBytes(outlook: Outlook): number {
  const { host, workerPids, kernelBytesPerSession } = outlook;
  if (workerPids.length === 0) return 0;
  const own = workerPids.map((pid) => processStatus(host, pid)?.anonymousBytes || 0);
  const sockets = kernelMemory(`${host.root}/proc`)?.tcpSockets ?? 0;
  const kernel = (sockets * kernelBytesPerSession) / outlook.socketsPerSession;
  return own.reduce((sum, value) => sum + value, kernel);
}

const ofHost: Check = {
  name: 'free memory',
  symptom: 'out of memory: the kernel kills a worker, and its clients get ECONNRESET',
  isQuick: true,
  examine(outlook): Finding {
    const memory = kernelMemory(`${outlook.host.root}/proc`);
    if (memory === undefined) return skipped('/proc/meminfo cannot be read');
    const need = needOf(outlook);
    const available = Math.min(memory.totalBytes, memory.availableBytes + heldBytes(outlook));
    const usable = available - memory.totalBytes * FREE_PART;
    const read = `${bytes(available)} of ${bytes(memory.totalBytes)} for sessions`;
    const sessions = need.sessionsIn(usable);
    if (usable >= need.totalBytes) return { state: 'ok', read, needs: need.text, sessions };
    return {
      state: 'warning',
      read,
      needs: need.text,
      sessions,
      consequence: `memory ends at about ${count(sessions)} sessions`,
      fix: [
        `holdfast start --connections ${sessions}`,
        `add ${bytes(need.totalBytes - usable)} of memory, or another host`,
      ],
    };
  },
};

const ofGroup: Check = {
  name: 'cgroup memory limit',
  symptom: 'out of memory: a worker is killed while the host has memory to spare',
  isQuick: true,
  examine(outlook): Finding {
    const group = cgroupMemory(outlook.host, outlook.workerPids[0] ?? 'self');
    if (group === undefined) return skipped('no control group bounds memory');
    const need = needOf(outlook);
    const others = Math.max(0, group.usedBytes - heldBytes(outlook));
    const available = Math.max(0, group.limitBytes - others);
    const read = `${bytes(group.limitBytes)}, ${bytes(group.usedBytes)} in use`;
    const sessions = need.sessionsIn(available);
    if (available >= need.totalBytes) return { state: 'ok', read, needs: need.text, sessions };
    const wanted = roundUp(need.totalBytes + others);
    const unit = /([^/]+\.service)$/.exec(group.path)?.[1];
    return {
      state: 'warning',
      read,
      needs: need.text,
      sessions,
      consequence: `the group ends at about ${count(sessions)} sessions; sockets count too`,
      fix: [
        unit === undefined
          ? `docker update --memory ${wanted} --memory-swap ${wanted} CONTAINER`
          : `systemctl set-property ${unit} MemoryMax=${wanted}`,
      ],
    };
  },
};

const swap: Check = {
  name: 'swap',
  symptom: 'sessions closed with "ping timeout" while CPU and network are idle',
  examine({ host }): Finding {
    const areas = (host.text('/proc/swaps') ?? '').trim().split('\n').slice(1);
    if (areas.length === 0) return skipped('the host has no swap');
    const used = areas.reduce((sum, area) => sum + Number(area.split(/\s+/)[3]), 0) * 1024;
    const swappiness = sysctlNumber(host, 'vm.swappiness') ?? 60;
    const read = `${bytes(used)} in use, swappiness ${swappiness}`;
    const needs = `swappiness ${SWAPPINESS_MOST} or less`;
    if (swappiness <= SWAPPINESS_MOST) return { state: 'ok', read, needs };
    return {
      state: 'warning',
      read,
      needs,
      consequence:
        'sessions are seldom touched, so that their pages go first; each ping and each garbage ' +
        'collection then waits for the disk',
      // A value is lowered here, which is for the operator to decide: no setting for --apply.
      fix: [`sysctl -w vm.swappiness=${SWAPPINESS_MOST}`],
    };
  },
};

const hugePages: Check = {
  name: 'huge pages',
  symptom: 'out of memory earlier than reckoned; pauses while the kernel joins pages',
  examine({ host }): Finding {
    const path = '/sys/kernel/mm/transparent_hugepage/enabled';
    const mode = /\[(\w+)\]/.exec(host.text(path) ?? '')?.[1];
    if (mode === undefined) return skipped('this kernel has no transparent huge pages');
    const needs = 'madvise or never, as when the figures were measured';
    if (mode !== 'always') return { state: 'ok', read: mode, needs };
    return {
      state: 'warning',
      read: mode,
      needs,
      consequence: 'memory per session is more than the figures say: parts of 2 MB fill slowly',
      fix: [`echo madvise > ${path}`],
    };
  },
};

const maps: Check = {
  name: 'vm.max_map_count',
  symptom: 'out of memory (ENOMEM) in a worker while there is memory',
  examine({ host, workerPids }): Finding {
    const most = sysctlNumber(host, 'vm.max_map_count');
    if (most === undefined) return skipped('this kernel has no vm.max_map_count');
    const used = workerPids.map((pid) => (host.text(`/proc/${pid}/maps`) ?? '').split('\n').length);
    const highest = Math.max(0, ...used);
    const needed = Math.max(MAPS_LEAST, 2 * highest);
    const read = `${count(most)}${highest === 0 ? '' : `, a worker uses ${count(highest)}`}`;
    const needs = count(needed);
    if (most >= needed) return { state: 'ok', read, needs };
    return settingsWarning({
      read,
      needs,
      consequence: 'a worker that needs one more part of the address space is ended',
      settings: { 'vm.max_map_count': String(Math.max(65_530, roundUp(needed))) },
    });
  },
};

export const memoryChecks: readonly Check[] = [ofHost, ofGroup, swap, hugePages, maps];
