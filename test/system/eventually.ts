/** Waits for conditions that only asking again can show. */

/** How soon it is asked again: at first, and at last, since who waits long costs CPU by asking. */
const ASK_AGAIN_MS = { first: 20, last: 200 };
const TIMEOUT_MS = 15_000;

/**
 * Asks until the answer is right.
 *
 * @returns the answer
 * @throws Error with the last answer, when none was right in time
 */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  isRight: (answer: T) => boolean,
  timeoutMs: number = TIMEOUT_MS,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (let waitMs = ASK_AGAIN_MS.first; ; waitMs = Math.min(waitMs * 1.2, ASK_AGAIN_MS.last)) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (performance.now() > deadlineMs) {
      throw new Error(`not within ${timeoutMs} ms: ${what}; last: ${JSON.stringify(answer)}`);
    }
    await Bun.sleep(waitMs);
  }
}
