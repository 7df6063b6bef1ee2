/**
 * From a number of connections to hosts: how many nodes, what each needs, and what of that is
 * measured and what is drawn out from the measured. Pure: the same request gives the same plan.
 */

import {
  type Host,
  type Load,
  meanUnder,
  type NodeNeeds,
  nodeNeeds,
  PLAN_BASIS,
  type PlanBasis,
  WORKERS_MAX,
} from './plan-node.ts';
import { SESSION_COST, type SessionCost } from './session-cost.ts';

/** Of the memory, the rest being for the system, for send buffers and for what was not foreseen. */
export const MEMORY_SHARE_MAX = 0.8;

/** Of the cores in steady work, the rest being for storms and the system. */
export const CPU_SHARE_MAX = 0.7;

/** A usual size to rent; what is planned for when no host is described. */
const DEFAULT_CORES = 8;
const DEFAULT_MEMORY_BYTES: number = 15 * 2 ** 30;

/**
 * Sessions on a node when neither that nor a host is given. A host of the default size has room for
 * several times as many; but when a node is lost, all its clients come to the others at once, and
 * the figures are measured at a tenth of it.
 */
export const SESSIONS_PER_NODE = 200_000;

/** So little beyond the measured size is no extrapolation worth a word. */
const TIMES_NEGLIGIBLE = 1.05;

/** No plan is drawn out further than this. */
export const CONNECTIONS_MAX = 100_000_000;

export interface PlanRequest extends Load {
  /** From 1 to `CONNECTIONS_MAX`. */
  readonly connections: number;
  readonly perNode?: number | undefined;
  readonly cores?: number | undefined;
  readonly memoryBytes?: number | undefined;
  /** Over `WORKER_FILES_RESERVE` of `plan-node.ts`. */
  readonly openFiles?: number | undefined;
}

export interface Plan {
  readonly connections: number;
  readonly nodes: number;
  readonly sessionsPerNode: number;
  /** Where the sessions per node come from. */
  readonly perNodeFrom: 'request' | 'host' | 'default';
  readonly host: Host;
  readonly load: Load;
  readonly node: NodeNeeds;
  /** What each of the others needs when one node is lost; undefined when there is only one. */
  readonly afterLoss: NodeNeeds | undefined;
  readonly all: { readonly cores: number; readonly memoryBytes: number };
  /** Sentences about what does not fit on such a host, with what to change; none when all does. */
  readonly problems: readonly string[];
  /** Sentences about where the figures stop being measured. */
  readonly unmeasured: readonly string[];
  readonly measured: {
    readonly source: string;
    readonly on: string;
    readonly machine: string;
    readonly sessions: number;
  };
}

/** There is no plan for this request; the message is one sentence that says what to change. */
export class PlanError extends Error {
  override readonly name: string = 'PlanError';
}

/** @throws PlanError when not even one session fits, or a node would need too many workers */
export function makePlan(
  request: PlanRequest,
  cost: SessionCost = SESSION_COST,
  basis: PlanBasis = PLAN_BASIS,
): Plan {
  const { broadcastsPerSecond, churnPercentPerMinute } = request;
  const load = { broadcastsPerSecond, churnPercentPerMinute };
  const host: Host = {
    cores: request.cores ?? DEFAULT_CORES,
    memoryBytes: request.memoryBytes ?? DEFAULT_MEMORY_BYTES,
    openFiles: request.openFiles,
  };
  const needsOf = (sessions: number): NodeNeeds => nodeNeeds(sessions, host, load, cost, basis);
  const { most, from } = mostPerNode(request, host, needsOf);
  const nodes = Math.ceil(request.connections / most);
  const sessionsPerNode = Math.ceil(request.connections / nodes);
  const node = needsOf(sessionsPerNode);
  if (node.workers > WORKERS_MAX) throw new PlanError(tooManyWorkers(node, host));
  const afterLoss = nodes === 1 ? undefined : needsOf(Math.ceil(request.connections / (nodes - 1)));
  return {
    connections: request.connections,
    nodes,
    sessionsPerNode,
    perNodeFrom: from,
    host,
    load,
    node,
    afterLoss,
    all: { cores: nodes * host.cores, memoryBytes: nodes * host.memoryBytes },
    problems: [...misfits(node, host), ...lossMisfits(afterLoss, host, node)],
    unmeasured: unmeasured(node, nodes, basis),
    measured: {
      source: cost.source,
      on: cost.measuredOn,
      machine: cost.machine,
      sessions: basis.measuredSessions,
    },
  };
}

/** How many sessions a node is to have at most, and who said so. */
function mostPerNode(
  request: PlanRequest,
  host: Host,
  needsOf: (sessions: number) => NodeNeeds,
): { readonly most: number; readonly from: Plan['perNodeFrom'] } {
  if (request.perNode !== undefined) return { most: request.perNode, from: 'request' };
  const fitting = mostThatFit(host, needsOf);
  const isDescribed = request.cores !== undefined || request.memoryBytes !== undefined;
  if (isDescribed || fitting < SESSIONS_PER_NODE) return { most: fitting, from: 'host' };
  return { most: SESSIONS_PER_NODE, from: 'default' };
}

/** By bisection, since what a node needs grows with its sessions, but in steps of workers. */
function mostThatFit(host: Host, needsOf: (sessions: number) => NodeNeeds): number {
  const fits = (sessions: number): boolean => {
    const needs = needsOf(sessions);
    return needs.workers <= WORKERS_MAX && misfits(needs, host).length === 0;
  };
  if (!fits(1)) {
    const [reason] = misfits(needsOf(1), host);
    throw new PlanError(`Not even one session fits on such a host: ${reason}`);
  }
  let most = 1;
  let tooMany = CONNECTIONS_MAX + 1;
  while (tooMany - most > 1) {
    const middle = Math.floor((most + tooMany) / 2);
    if (fits(middle)) most = middle;
    else tooMany = middle;
  }
  return most;
}

/** @param who the subject of the sentences */
function misfits({ memory, cpu }: NodeNeeds, host: Host, who = 'a node'): string[] {
  const found: string[] = [];
  const spare = (share: number): string => `${Math.round((1 - share) * 100)} %`;
  if (memory.total > host.memoryBytes * MEMORY_SHARE_MAX) {
    const wanted = gibibytes(memory.total / MEMORY_SHARE_MAX);
    found.push(
      `${who} needs ${gibibytes(memory.total)}, and ${spare(MEMORY_SHARE_MAX)} of the ` +
        `memory stay free: take hosts of ${wanted} instead of ${gibibytes(host.memoryBytes)}, ` +
        'or fewer sessions per node.',
    );
  }
  if (cpu.total > host.cores * CPU_SHARE_MAX) {
    // Rounded first, or 10.5 / 0.7 would take 16 cores.
    const wanted = Math.ceil(Number((cpu.total / CPU_SHARE_MAX).toFixed(6)));
    found.push(
      `${who} keeps ${cpu.total.toFixed(1)} cores busy, and ${spare(CPU_SHARE_MAX)} of the ` +
        `cores stay free: take hosts of ${wanted} cores instead of ${host.cores}, ` +
        'or fewer sessions per node.',
    );
  }
  return found;
}

function lossMisfits(afterLoss: NodeNeeds | undefined, host: Host, node: NodeNeeds): string[] {
  if (afterLoss === undefined) return [];
  const who = 'when a node is lost, each other one';
  // A limit that the plan itself sets is a requirement, one that was given is a bound.
  const capacity =
    host.openFiles === undefined
      ? Number.POSITIVE_INFINITY
      : Math.floor(node.workers * meanUnder(host.openFiles));
  const found = misfits(afterLoss, host, who);
  if (afterLoss.sessions > capacity) {
    found.push(
      `${who} would hold ${count(afterLoss.sessions)} sessions, but its ${node.workers} workers ` +
        `take ${count(capacity)}: raise the open-file limit, or start more workers.`,
    );
  }
  return found;
}

function tooManyWorkers({ sessions, workers }: NodeNeeds, { openFiles = 0 }: Host): string {
  return (
    `With ${count(openFiles)} open files a worker can be planned for ` +
    `${count(Math.floor(meanUnder(openFiles)))} sessions, so ${count(sessions)} take ` +
    `${count(workers)} workers, and a node has ${WORKERS_MAX} at most: raise --open-files or ` +
    'lower --per-node.'
  );
}

function unmeasured(node: NodeNeeds, nodes: number, basis: PlanBasis): string[] {
  const { measuredSessions } = basis;
  const found: string[] = [];
  const workerTimes = node.sessionsPerWorker / measuredSessions;
  if (workerTimes > TIMES_NEGLIGIBLE) {
    found.push(
      `${count(node.sessionsPerWorker)} sessions in a worker are ${times(workerTimes)} times the ` +
        `${count(measuredSessions)} that were measured.`,
    );
  }
  if (node.workers > 1) {
    const nodeTimes = node.sessions / measuredSessions;
    const size =
      nodeTimes > TIMES_NEGLIGIBLE
        ? `: ${count(node.sessions)} sessions, ${times(nodeTimes)} times the measured`
        : '';
    found.push(
      `One worker was measured; a node of ${node.workers} is reckoned as ${node.workers} of ` +
        `them${size}.`,
    );
  }
  found.push(
    "CPU was measured over loopback, where the sender does part of the receiver's TCP work and " +
      'no network card interrupts; TLS is not in it.',
  );
  if (nodes > 1) {
    found.push('A broker links the nodes (docs/CLUSTER.md); its host is not in this plan.');
  }
  return found;
}

/** Thousands apart, as in all texts of the plan. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

export function gibibytes(bytes: number): string {
  const amount = bytes / 2 ** 30;
  return `${amount.toFixed(Number.isInteger(amount) ? 0 : amount < 9.95 ? 2 : 1)} GiB`;
}

function times(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(1) : count(Math.round(ratio));
}
