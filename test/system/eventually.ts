/** Waits for conditions that only asking again can show. */

const ASK_AGAIN_MS = 20;
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
  while (true) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (performance.now() > deadlineMs) {
      throw new Error(`not within ${timeoutMs} ms: ${what}; last: ${JSON.stringify(answer)}`);
    }
    await Bun.sleep(ASK_AGAIN_MS);
  }
}
