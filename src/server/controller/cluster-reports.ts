/** How the other nodes of a cluster stand, as each of them says. */

import type { Cluster } from '../core/contracts/cluster.ts';
import { nodeId } from '../links/broker/node-facts.ts';
import type { OtherNodesView } from './admin.ts';
import { processReport } from './process-schema.ts';

/** @returns what asks them all; who does not answer in time is named */
export function otherNodesOf(cluster: Cluster): () => Promise<OtherNodesView> {
  return async () => {
    const missingNodes: string[] = [];
    const asked = cluster.peers.map(async (node) => {
      try {
        return [processReport.parse(await cluster.call(node, 'process', null))];
      } catch {
        missingNodes.push(nodeId(node));
        return [];
      }
    });
    const reports = (await Promise.all(asked)).flat();
    return { reports, missingNodes: missingNodes.toSorted() };
  };
}
