/** What the reason of a session's end means for what was said before it. */

import type { DisconnectReason } from '../../core/app/app.ts';
import type { EndedBy } from './last-words.ts';

/** Whose clients are still there and ask for what waits; for the others nothing is kept. */
export const ENDED_BY: Readonly<Partial<Record<DisconnectReason, EndedBy>>> = {
  'server namespace disconnect': 'server',
  'session expired': 'server',
  'server shutting down': 'server',
};

/** Ends that the server wants: what was said before is still heard. */
export const POLITE_ENDS: ReadonlySet<DisconnectReason> = new Set([
  'server namespace disconnect',
  'session expired',
  'server shutting down',
]);
