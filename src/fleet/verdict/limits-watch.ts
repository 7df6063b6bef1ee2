/**
 * Watches whether the fleet itself becomes the limit: how busy each agent is, how late its event
 * loop runs, and how busy the whole machine of the coordinator is. The verdict judges what stands
 * here (verdict.ts).
 */

import { readFileSync } from 'node:fs';

/** Of one core, as an agent runs on one thread. */
export const BUSY_SHARE = 0.9;
/** Of all cores together. */
export const SATURATED_SHARE = 0.95;
/**
 * From here on a loop is late. Holding sessions is little work, and even a batch of a thousand
 * frames takes some 10 ms: who is late by half a second does not get the CPU it needs.
 */
export const LATE_MS = 500;
/** A loop that stood still for so long missed heartbeats and arrivals, whatever came after. */
export const STANDSTILL_MS = 1_500;

/** The parts of a run that are judged apart: what is true of one may not be of the other. */
export type WatchedPhase = 'climb' | 'hold';

export interface Watched {
  /** Seconds that were watched. */
  seconds: number;
  busySeconds: number;
  lateSeconds: number;
  longestLagMs: number;
}

export interface AgentWatch {
  readonly climb: Watched;
  readonly hold: Watched;
  /** The longest lag while a broadcast was on its way, which is a burst of work for the agent. */
  burstLagMs: number;
}

export interface MachineWatch {
  readonly climb: { seconds: number; saturatedSeconds: number };
  readonly hold: { seconds: number; saturatedSeconds: number };
}

/** One agent in one second. */
export interface AgentSecond {
  /** CPU time used, as a share of one core. */
  readonly cpuShare: number;
  readonly lagMs: number;
}

export function newAgentWatch(): AgentWatch {
  const watched = (): Watched => ({ seconds: 0, busySeconds: 0, lateSeconds: 0, longestLagMs: 0 });
  return { climb: watched(), hold: watched(), burstLagMs: 0 };
}

/** @param isBurst whether a broadcast to all was on its way, so that lag belongs to it */
export function watchAgent(
  watch: AgentWatch,
  phase: WatchedPhase,
  { cpuShare, lagMs }: AgentSecond,
  isBurst: boolean,
): void {
  const watched = watch[phase];
  watched.seconds++;
  if (cpuShare >= BUSY_SHARE) watched.busySeconds++;
  if (isBurst) {
    watch.burstLagMs = Math.max(watch.burstLagMs, lagMs);
    return;
  }
  if (lagMs >= LATE_MS) watched.lateSeconds++;
  watched.longestLagMs = Math.max(watched.longestLagMs, lagMs);
}

export function newMachineWatch(): MachineWatch {
  return {
    climb: { seconds: 0, saturatedSeconds: 0 },
    hold: { seconds: 0, saturatedSeconds: 0 },
  };
}

/** Which share of the machine's CPU time was used since the last reading, interrupts included. */
export class MachineLoad {
  readonly #path: string;
  #last: CpuTimes | undefined;

  constructor(proc = '/proc') {
    this.#path = `${proc}/stat`;
    this.#last = readCpuTimes(this.#path);
  }

  /** @returns from 0 to 1; undefined where the system does not tell */
  read(): number | undefined {
    const now = readCpuTimes(this.#path);
    const before = this.#last;
    this.#last = now;
    if (now === undefined || before === undefined || now.all <= before.all) return undefined;
    return 1 - (now.idle - before.idle) / (now.all - before.all);
  }
}

interface CpuTimes {
  readonly all: number;
  readonly idle: number;
}

function readCpuTimes(path: string): CpuTimes | undefined {
  try {
    const line = readFileSync(path, 'latin1').split('\n', 1)[0] ?? '';
    // user nice system idle iowait irq softirq steal; what follows is counted in user already.
    const times = line.split(/\s+/).slice(1, 9).map(Number);
    const all = times.reduce((sum, time) => sum + time, 0);
    return { all, idle: (times[3] ?? 0) + (times[4] ?? 0) };
  } catch {
    return undefined;
  }
}
