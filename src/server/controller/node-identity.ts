/** The number of a node, part of its session ids, and the key of tokens that give sessions back. */

import type { Membership } from '../links/broker/membership.ts';
import { RECOVERY_KEY_BYTES } from '../protocol/recovery-token.ts';
import { MAX_NODE } from '../protocol/session-id.ts';

export interface NodeIdentity {
  readonly number: number;
  readonly recoveryKey: string;
}

/** @param membership of a node among others, which have one key together */
export function identityOf(membership: Membership | undefined): NodeIdentity {
  if (membership !== undefined) {
    return { number: membership.node, recoveryKey: membership.keyFor('recovery') };
  }
  const random = crypto.getRandomValues(new Uint8Array(RECOVERY_KEY_BYTES));
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return { number: number & MAX_NODE, recoveryKey: Buffer.from(random).toString('base64url') };
}
