/** What the config says of how many sessions a user may have. */
import { z } from 'zod';
import { key } from './keys.ts';

export interface UserLimitConfig {
  readonly maxSessionsPerUser: number;
  readonly sessionsOverLimit: 'refuse' | 'endOldest';
}

export const userLimitShape: { [K in keyof UserLimitConfig]-?: z.ZodType<UserLimitConfig[K]> } = {
  maxSessionsPerUser: key(
    z.int().min(0).max(1_000_000).default(0),
    'The most sessions that one user may have in a namespace, over all workers; 0 is no limit.',
    { limit: { seen: 'as `sessionsOverLimit` says', counted: 'userSessions' } },
  ),
  sessionsOverLimit: key(
    z.enum(['refuse', 'endOldest']).default('refuse'),
    'What becomes of one more: `refuse` it, or `endOldest`, as for people who go from one device ' +
      'to the next. Who is ended is told as if the app had disconnected it, and stays away.',
    {
      limit: { seen: 'CONNECT_ERROR; or the oldest is disconnected', counted: 'userSessionsEnded' },
    },
  ),
};
