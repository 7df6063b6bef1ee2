/** Where a run stands, and the parts it is made of: what status and facts are read from. */

import type { FleetPhase } from '../recording/record.ts';
import type { AgentGroup } from './agent-group.ts';
import type { Broadcaster } from './broadcaster.ts';
import type { HoldfastNode } from './holdfast-node.ts';
import type { Wanted } from './orders.ts';
import { Pace } from './pace.ts';
import type { RunLog } from './run-log.ts';
import type { ServerProcess } from './server-watch.ts';
import type { RunSettings } from './settings.ts';

export interface RunParts {
  readonly settings: RunSettings;
  readonly group: AgentGroup;
  readonly log: RunLog;
  /** Undefined when there is no way to send any. */
  readonly broadcaster: Broadcaster | undefined;
  /** The Holdfast node under test, when it is one and its admin API is known. */
  readonly node: HoldfastNode | undefined;
}

export class RunState {
  readonly wanted: Wanted;
  readonly pace: Pace = new Pace();
  readonly startedAtMs: number = performance.now();
  phase: FleetPhase = 'climb';
  heldMs = 0;
  readonly holdMs: number;
  heldMax = 0;
  isStalled = false;
  /** The phase in which the user stopped the run. */
  stoppedIn: FleetPhase | undefined;
  /** How the first climb went; undefined when it took a few seconds only. */
  rate: { readonly asked: number; readonly measured: number } | undefined;
  /** Up to this broadcast, sessions came and went by themselves. */
  restlessUntil = 0;
  /** Those that listened on the target's port when the run began. */
  serverProcesses: readonly ServerProcess[];

  constructor(wanted: Wanted, holdSeconds: number, serverProcesses: readonly ServerProcess[]) {
    this.wanted = wanted;
    this.holdMs = holdSeconds * 1000;
    this.serverProcesses = serverProcesses;
  }
}
