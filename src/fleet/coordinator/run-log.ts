/**
 * The record of a run as it grows: header, one sample a second, events, verdict. With each sample
 * it also looks at how the agents and the machine fared in that second (limits-watch.ts).
 */

import { describeMachine } from '../../host/machine/describe.ts';
import type {
  FleetEvent,
  FleetPhase,
  FleetRecord,
  FleetSample,
  FleetVerdict,
} from '../../report/recording/record.ts';
import { RECORD_VERSION } from '../../report/recording/record.ts';
import type { Recorder } from '../../report/recording/recorder.ts';
import type { AgentGroup } from '../agent-group/agent-group.ts';
import { FleetError } from '../settings/fleet-error.ts';
import {
  type AgentSecond,
  type AgentWatch,
  MachineLoad,
  type MachineWatch,
  newAgentWatch,
  newMachineWatch,
  SATURATED_SHARE,
  watchAgent,
} from '../verdict/limits-watch.ts';

export interface RunLogOptions {
  readonly group: AgentGroup;
  /** Undefined when nothing is to be written. */
  readonly recorder: Recorder | undefined;
  readonly onEvent: (event: FleetEvent) => void;
}

export class RunLog {
  readonly agentWatches: readonly AgentWatch[];
  readonly machineWatch: MachineWatch = newMachineWatch();
  readonly #options: RunLogOptions;
  readonly #machineLoad = new MachineLoad();
  readonly #cpuBefore: { seconds: number; atMs: number }[] = [];
  #usages: readonly AgentSecond[] = [];
  #fault: FleetError | undefined;

  constructor(options: RunLogOptions) {
    this.#options = options;
    this.agentWatches = options.group.links.map(newAgentWatch);
  }

  /** By agent, in the second just past. */
  get usages(): readonly AgentSecond[] {
    return this.#usages;
  }

  /** Why nothing more is written; who runs the fleet ends it then. */
  get fault(): FleetError | undefined {
    return this.#fault;
  }

  header(settings: Readonly<Record<string, unknown>>): void {
    this.#write({
      record: 'fleet',
      version: RECORD_VERSION,
      atMs: Date.now(),
      machine: describeMachine(),
      settings,
      agents: this.#options.group.links.map(({ name }) => name),
    });
  }

  event(what: FleetEvent['what'], text: string): void {
    const event: FleetEvent = { record: 'fleet-event', atMs: Date.now(), what, text };
    this.#write(event);
    this.#options.onEvent(event);
  }

  /** @param isBurst whether one of the numbered broadcasts is on its way */
  second(phase: FleetPhase, wanted: number, isBurst: boolean): void {
    const { totals, links } = this.#options.group;
    this.#usages = links.map((_, index) => this.#usageOf(index));
    this.#watch(phase, isBurst);
    const latencies = totals.takeSecond();
    const sample: FleetSample = {
      record: 'fleet-sample',
      atMs: Date.now(),
      phase,
      wanted,
      open: totals.open,
      connecting: totals.connecting,
      established: totals.sum('established'),
      left: totals.sum('left'),
      failures: totals.failures(),
      losses: totals.losses(),
      deliveries: totals.sum('deliveries'),
      echoesSent: totals.sum('echoesSent'),
      echoesAnswered: totals.sum('echoesAnswered'),
      connectLatency: latencies.connect,
      deliveryLatency: latencies.delivery,
      echoLatency: latencies.echo,
      agents: {
        open: links.map(({ sample, lost }) => (lost === undefined ? (sample?.open ?? 0) : 0)),
        cpuMs: links.map(({ sample }) => Math.round((sample?.usage.cpuSeconds ?? 0) * 1000)),
        rssBytes: links.map(({ sample }) => sample?.usage.rssBytes ?? 0),
        loopLagMs: this.#usages.map(({ lagMs }) => Math.round(lagMs)),
      },
    };
    this.#write(sample);
  }

  verdict(verdict: FleetVerdict): void {
    this.#write(verdict);
  }

  /** Lag and CPU time since the second before. */
  #usageOf(index: number): AgentSecond {
    const link = this.#options.group.links[index];
    const lagMs = link?.takeLongestLagMs() ?? 0;
    const { sample } = link ?? {};
    const before = this.#cpuBefore[index];
    if (sample === undefined || before?.atMs === sample.atMs) return { cpuShare: 0, lagMs };
    const seconds = sample.usage.cpuSeconds;
    this.#cpuBefore[index] = { seconds, atMs: sample.atMs };
    if (before === undefined) return { cpuShare: 0, lagMs };
    const elapsedSeconds = (sample.atMs - before.atMs) / 1000;
    return { cpuShare: Math.max(0, (seconds - before.seconds) / elapsedSeconds), lagMs };
  }

  #watch(phase: FleetPhase, isBurst: boolean): void {
    const machineShare = this.#machineLoad.read();
    if (phase !== 'climb' && phase !== 'hold') return;
    this.#usages.forEach((usage, index) => {
      const watch = this.agentWatches[index];
      if (watch !== undefined) watchAgent(watch, phase, usage, isBurst);
    });
    const machine = this.machineWatch[phase];
    machine.seconds++;
    if (machineShare !== undefined && machineShare >= SATURATED_SHARE) machine.saturatedSeconds++;
  }

  #write(record: FleetRecord): void {
    if (this.#fault !== undefined) return;
    try {
      this.#options.recorder?.write(record);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
      this.#fault = new FleetError(
        `The record ${this.#options.recorder?.path} cannot be written any more (${code}): make ` +
          'room there; what it holds so far is kept.',
        { cause },
      );
    }
  }
}
