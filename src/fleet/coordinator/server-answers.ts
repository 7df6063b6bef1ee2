/**
 * What the server itself says when a run is over. Sessions that only wait look the same whether the
 * server lives or stands still, since its kernel keeps their connections; so a Holdfast node is
 * asked for its own count, and every target for one more session.
 */

import { parseTarget } from '../settings/target.ts';
import type { HoldfastNode, NodeLoad } from '../target/holdfast-node.ts';
import { silentAmong } from '../target/preflight.ts';
import type { ServerAnswers } from '../verdict/facts.ts';
import { COUNT_SHARE } from '../verdict/judged.ts';
import type { RunParts, RunState } from './run-state.ts';

/** A node's count is a second old, and its host may be used up by a million sessions. */
const LOAD_PATIENCE_MS = 10_000;
const LOAD_PAUSE_MS = 500;

/** @returns within some seconds; of a run that was stopped, the server is asked once only */
export async function askServer(state: RunState, parts: RunParts): Promise<ServerAnswers> {
  const { wanted, server } = state;
  const { node } = server;
  const isStopped = (): boolean => state.stoppedIn !== undefined;
  const targets = wanted.targets.map(parseTarget);
  const isNodeWhole = new Set(targets.map(({ host }) => host)).size === 1;
  const leastOf = (): number => (isNodeWhole ? parts.group.totals.open * COUNT_SHARE : 0);
  const protocol = wanted.mix[0]?.protocol ?? 'socket-io';
  const [load, silentTargets] = await Promise.all([
    node === undefined ? undefined : loadOf(node, leastOf, isStopped),
    isStopped() ? [] : silentAmong({ targets, protocol, auth: wanted.auth }, isStopped),
  ]);
  return {
    load,
    isNodeSilent: node !== undefined && load === undefined,
    isNodeWhole,
    silentTargets,
  };
}

/** Asks again while the answer is missing or says too little. */
async function loadOf(
  node: HoldfastNode,
  leastOf: () => number,
  isStopped: () => boolean,
): Promise<NodeLoad | undefined> {
  const deadlineMs = performance.now() + LOAD_PATIENCE_MS;
  for (;;) {
    const load = await node.load();
    const isEnough = load !== undefined && load.connections >= leastOf();
    if (isEnough || isStopped() || performance.now() >= deadlineMs) return load;
    await Bun.sleep(LOAD_PAUSE_MS);
  }
}
