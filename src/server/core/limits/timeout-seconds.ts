/** Times of requests as Bun takes them. */

const SECONDS_MAX = 255;
const GRAIN_SECONDS = 4;

/** So many seconds that the time is over when they are, and no earlier. */
export function timeoutSeconds(durationMs: number): number {
  return Math.min(SECONDS_MAX, Math.ceil(durationMs / 1_000) + 2 * GRAIN_SECONDS);
}
