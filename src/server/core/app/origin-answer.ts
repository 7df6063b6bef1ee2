/**
 * What `allowOrigin` may have meant: true, or false or nothing. Whatever else it gave refuses.
 *
 * The answer is needed at once: a handshake does not wait. A promise would let in nobody and say
 * nothing, since its word comes when the page has gone.
 */

import { kindOf } from './plain-object.ts';
import { isThenable } from './thenable.ts';

const ignore = (): void => {};

/** @throws TypeError, in words for the log, unless it is an answer */
export function readOriginAnswer(answer: unknown): boolean {
  if (answer === undefined || typeof answer === 'boolean') return answer ?? false;
  // Its failure would be nobody's.
  if (isThenable(answer)) answer.then(ignore, ignore);
  throw new TypeError(
    `allowOrigin returned ${kindOf(answer)}, which refuses the page: it must return true or ` +
      'false, and at once',
  );
}
