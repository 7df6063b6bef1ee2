/**
 * Measures phases: what the server, the load client, the contestant's other processes and the
 * rest of the machine used between a mark and now, and who was busy all the time.
 */

import {
  cpuSeconds,
  machineCpuSeconds,
  processMemory,
} from '../../src/host/machine/process-usage.ts';
import { SATURATED_SHARE } from './limits.ts';
import type { LimitedBy, MemoryReading, Usage } from './samples.ts';

export interface Mark {
  readonly at: number;
  readonly server: number;
  readonly client: number;
  readonly other: number;
  readonly own: number;
  readonly machine: number;
}

export class Meter {
  readonly #serverPid: number;
  readonly #clientPid: number;
  readonly #otherPids: readonly number[];

  constructor(serverPid: number, clientPid: number, otherPids: readonly number[]) {
    this.#serverPid = serverPid;
    this.#clientPid = clientPid;
    this.#otherPids = otherPids;
  }

  mark(): Mark {
    return {
      at: performance.now(),
      server: cpuSeconds(this.#serverPid),
      client: cpuSeconds(this.#clientPid),
      other: this.#otherPids.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
      own: cpuSeconds(process.pid),
      machine: machineCpuSeconds(),
    };
  }

  since(mark: Mark, clientLagMs: number): Usage {
    const now = this.mark();
    const server = now.server - mark.server;
    const client = now.client - mark.client;
    const other = now.other - mark.other;
    const foreign = now.machine - mark.machine - server - client - other - (now.own - mark.own);
    return {
      wallSeconds: round((now.at - mark.at) / 1000),
      serverCpuSeconds: round(server),
      clientCpuSeconds: round(client),
      otherCpuSeconds: round(other),
      foreignCpuSeconds: round(Math.max(0, foreign)),
      clientLagMs,
    };
  }

  memory(): MemoryReading {
    const { rssBytes, anonymousBytes } = processMemory(this.#serverPid);
    const otherRssBytes = this.#otherPids.reduce(
      (sum, pid) => sum + processMemory(pid).rssBytes,
      0,
    );
    return { rssBytes, anonymousBytes, otherRssBytes };
  }
}

export function limitedBy(usage: Usage): LimitedBy {
  const serverBusy = usage.serverCpuSeconds >= SATURATED_SHARE * usage.wallSeconds;
  const clientBusy = usage.clientCpuSeconds >= SATURATED_SHARE * usage.wallSeconds;
  if (serverBusy) return clientBusy ? 'both' : 'server';
  return clientBusy ? 'generator' : 'neither';
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
