/** What a client is told when it comes in, or may not. */

import type { Reason } from '../../core/limits/reasons.ts';

/** Why a client may not join a namespace, as it is told. */
export interface JoinRefusal {
  readonly reason: Reason;
  readonly message: string;
  /** What the app had to say beside that. */
  readonly data?: unknown;
}

/** What a client is told of what it had before, and has to present for it when it comes back. */
export interface JoinFacts {
  /** It has its session again, or all that its rooms have kept since. */
  readonly isRecovered: boolean;
  /** Where it stands in what rooms keep, where some do. */
  readonly position: string | undefined;
  /** The proof that it was given this session, where some can be recovered. */
  readonly token: string | undefined;
}
