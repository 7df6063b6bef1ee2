/** Whereabouts of one node: what its hub knows of the interest of workers, and nothing beside. */

import type { Whereabouts } from '../../core/contracts/whereabouts.ts';
import type { InterestTable } from '../../links/bus/interest-table.ts';
import { userKey } from '../../protocol/interest-key.ts';

export class EmbeddedWhereabouts implements Whereabouts {
  readonly #nodeId: string;
  readonly #interest: InterestTable;

  constructor(nodeId: string, interest: InterestTable) {
    this.#nodeId = nodeId;
    this.#interest = interest;
  }

  async nodesOf(namespace: string, user: string): Promise<readonly string[]> {
    const workers = new Set<number>();
    this.#interest.collect(userKey(namespace, user), workers);
    return workers.size > 0 ? [this.#nodeId] : [];
  }
}
