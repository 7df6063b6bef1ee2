/** The longest that a timer of the runtime waits (2^31 - 1 ms, 24 days); more fires at once. */
const TIMER_MS_MAX = 2_147_483_647;

/** How long a timer may wait that stands for a time which the app has chosen. */
export function timerMs(wantedMs: number): number {
  return Math.min(wantedMs, TIMER_MS_MAX);
}
