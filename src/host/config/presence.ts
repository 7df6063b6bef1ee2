/** What the config says of presence, beside which rooms have it (`rooms.ts`). */
import { z } from 'zod';
import { key } from './keys.ts';

export interface PresenceConfig {
  readonly presenceGraceMs: number;
  readonly presenceNamedUsers: number;
}

const GRACE_MAX_MS = 600_000;
const NAMED_USERS_MAX = 10_000;

export const presenceShape: { [K in keyof PresenceConfig]-?: z.ZodType<PresenceConfig[K]> } = {
  presenceGraceMs: key(
    z.int().min(0).max(GRACE_MAX_MS).default(10_000),
    'How long a user who was cut off still counts as present in rooms with presence: who is back ' +
      'by then was never away. Who leaves a room is gone at once.',
  ),
  presenceNamedUsers: key(
    z.int().min(0).max(NAMED_USERS_MAX).default(500),
    'Rooms with presence that have more users are told how many, and no names: each member is ' +
      'sent each change.',
    { limit: { seen: 'notices without `joined` and `left`; answers without `users`' } },
  ),
};
