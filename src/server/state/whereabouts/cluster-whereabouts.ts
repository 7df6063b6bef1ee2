/**
 * Whereabouts over all nodes. Nodes say which keys they have recipients for, so that messages reach
 * only those; where a user is follows from that, and nothing is kept or asked for it.
 */

import type { Whereabouts } from '../../core/contracts/whereabouts.ts';
import { userKey } from '../../protocol/interest-key.ts';

/** What the broker knows of the other nodes. */
export interface NodeInterest {
  /** Numbers of the other nodes with recipients for a key (`protocol/interest-key.ts`). */
  nodesWith(key: string): readonly number[];
}

export class ClusterWhereabouts implements Whereabouts {
  readonly #own: Whereabouts;
  readonly #others: NodeInterest;

  constructor(own: Whereabouts, others: NodeInterest) {
    this.#own = own;
    this.#others = others;
  }

  async nodesOf(namespace: string, user: string): Promise<readonly string[]> {
    const others = this.#others.nodesWith(userKey(namespace, user)).map(nodeId);
    return [...(await this.#own.nodesOf(namespace, user)), ...others];
  }
}

/** As a node calls itself: three bytes in hex. */
function nodeId(node: number): string {
  return node.toString(16).padStart(6, '0');
}
