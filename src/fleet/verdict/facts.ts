/** What is known of a run when it is over: all that the verdict is made of. */

import type { BroadcastResult, FleetPhase } from '../../report/recording/record.ts';
import type { Counts } from '../agent-group/totals.ts';
import type { BroadcastSums } from '../target/broadcaster.ts';
import type { NodeLoad } from '../target/holdfast-node.ts';
import type { ServerState } from '../target/server-watch.ts';
import type { AdviceContext } from './advice.ts';
import type { AgentWatch, MachineWatch } from './limits-watch.ts';

export interface RunFacts {
  /** Connections wanted at the end. */
  readonly asked: number;
  /** Sessions open when the run was over, before they were told to leave. */
  readonly openAtEnd: number;
  readonly connecting: number;
  readonly heldMax: number;
  /** Seconds of hold, and how many were asked for. */
  readonly heldSeconds: number;
  readonly holdSeconds: number;
  /** The phase in which the user stopped the run. */
  readonly stoppedIn: FleetPhase | undefined;
  /** Whether the climb was given up, as no more sessions came. */
  readonly isStalled: boolean;
  readonly stallSeconds: number;
  /** Asked for and measured in the first climb; undefined for a climb of a few seconds. */
  readonly rate: { readonly asked: number; readonly measured: number } | undefined;
  readonly failures: Counts;
  /** Those since the number of open sessions grew last: what stopped a climb is among them. */
  readonly failuresSinceGrowth: Counts;
  readonly losses: Counts;
  readonly left: number;
  readonly broadcasts: BroadcastFacts;
  readonly echoes: { readonly sent: number; readonly answered: number };
  readonly agents: readonly AgentFacts[];
  /** Whether all agents run on the coordinator's machine, which `machine` is about. */
  readonly areAgentsHere: boolean;
  readonly machine: MachineWatch;
  readonly server: ServerFacts;
  readonly advice: AdviceContext;
}

export interface BroadcastFacts {
  readonly results: readonly BroadcastResult[];
  /** Receipts of a broadcast that a session had already, or after a later one. */
  readonly duplicates: number;
  /** Not sent, as the server did not keep up with the rate. */
  readonly putOff: number;
  /** Not taken by the server. */
  readonly refused: number;
  /** Those that `results` has no place for: judged ones, and ones during which sessions moved. */
  readonly omitted: BroadcastSums;
  readonly omittedRestless: BroadcastSums;
  /** Numbers of those during which sessions came and went. */
  readonly restless: ReadonlySet<number>;
}

export interface AgentFacts {
  readonly name: string;
  readonly lost: string | undefined;
  readonly watch: AgentWatch;
}

/** What the server itself said when it was asked at the end of the run. */
export interface ServerAnswers {
  /** The Holdfast node's own word; undefined without one, or when it is silent. */
  readonly load: NodeLoad | undefined;
  readonly isNodeSilent: boolean;
  /** Whether the node has all the targets, so that it counts at least the fleet's sessions. */
  readonly isNodeWhole: boolean;
  /** Targets, as `host:port`, that gave no answer to another session. */
  readonly silentTargets: readonly string[];
}

export interface ServerFacts extends ServerAnswers {
  /** Undefined when the target is elsewhere, or its process cannot be seen. */
  readonly state: ServerState | undefined;
}
