/** Where a run stands, and the parts it is made of: what status and facts are read from. */

import type { FleetPhase } from '../../report/recording/record.ts';
import type { AgentGroup } from '../agent-group/agent-group.ts';
import type { Wanted } from '../agent-group/orders.ts';
import type { Counts, Totals } from '../agent-group/totals.ts';
import type { RunSettings } from '../settings/settings.ts';
import type { Broadcaster } from '../target/broadcaster.ts';
import type { HoldfastNode } from '../target/holdfast-node.ts';
import type { ServerProcess } from '../target/server-watch.ts';
import { Headway } from './headway.ts';
import { Pace } from './pace.ts';
import type { RunLog } from './run-log.ts';

export interface RunParts {
  readonly settings: RunSettings;
  readonly group: AgentGroup;
  readonly log: RunLog;
  /** Undefined when there is no way to send any. */
  readonly broadcaster: Broadcaster | undefined;
}

/** What is known of the server that the targets lead to. */
export interface ServerView {
  /** The Holdfast node under test, when it is one and its admin API is known. */
  readonly node: HoldfastNode | undefined;
  /** Those that listened on the target's port when it was looked at. */
  readonly processes: readonly ServerProcess[];
}

export class RunState {
  readonly wanted: Wanted;
  readonly pace: Pace = new Pace();
  readonly headway: Headway = new Headway();
  readonly startedAtMs: number = performance.now();
  phase: FleetPhase = 'climb';
  heldMs = 0;
  readonly holdMs: number;
  heldMax = 0;
  isStalled = false;
  /** The phase in which the user stopped the run. */
  stoppedIn: FleetPhase | undefined;
  /** How the first climb went at the rate set last; undefined when it took a few seconds only. */
  rate: { readonly asked: number; readonly measured: number } | undefined;
  /** Broadcasts during which sessions came and went. */
  readonly restless: Set<number> = new Set();
  /** Failed connections by name when the number of open sessions grew last. */
  failuresAtGrowth: Counts = {};
  /** Whether other targets or another number was set, so that sessions may still be on the move. */
  hasMoved = false;
  server: ServerView;
  #openBefore = 0;

  constructor(wanted: Wanted, holdSeconds: number, server: ServerView) {
    this.wanted = wanted;
    this.holdMs = holdSeconds * 1000;
    this.server = server;
  }

  /** Called with each new sample. */
  noticeOpen(totals: Totals): void {
    const { open } = totals;
    if (open > this.#openBefore) this.failuresAtGrowth = totals.failures();
    this.#openBefore = open;
    this.heldMax = Math.max(this.heldMax, open);
  }
}

/** Whether all that the agents still there are to hold are open. */
export function isReached({ wanted }: RunState, { group }: RunParts): boolean {
  return group.totals.open >= group.wantedOfLiving(wanted);
}
