/** Replies made of functions, for tests that look at answers. */

import type { HttpAnswer, Reply } from '../../src/server/core/contracts/client-connection.ts';

export function replyTo(take: (given: HttpAnswer) => unknown): Reply {
  return { answer: (given) => void take(given) };
}
