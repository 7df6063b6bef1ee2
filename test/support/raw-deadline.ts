/**
 * Bounds every wait of the protocol tests, so that a server that stays silent fails one test with
 * a sentence instead of hanging the suite.
 */

/** How long an answer may take that the protocol does not time itself. */
export const ANSWER_TIMEOUT_MS = 8000;

/**
 * How long to wait for something that no outside observer can see, such as a request that is now
 * pending inside the server. Nothing is asserted about this time itself.
 */
export const SETTLE_MS = 80;

/** Settles as `promise` does, or rejects with a sentence that names what did not happen. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  milliseconds: number = ANSWER_TIMEOUT_MS,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`not within ${milliseconds} ms: ${what}`)),
    milliseconds,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
