/**
 * What the demo asks, and the bounds of what it accepts and keeps.
 *
 * The choices' names and colours are the page's (page/index.html); a test holds the two together.
 */

/** The choices in the order of their index; index and id may not be reused for another choice. */
export const CHOICES = ['quill', 'tern', 'brandt', 'nobody'] as const;

export type Choice = (typeof CHOICES)[number];

/** Voters remembered. Each costs a worker some 120 bytes: 12 MB at the bound, in every worker. */
export const VOTERS_MAX = 100_000;

/** Votes in one message between workers: some 110 KB of JSON. */
export const VOTES_PER_MESSAGE_MAX = 2_000;

/** Votes are shipped, and totals shown, at most this often: fast enough to look live. */
export const TICK_INTERVAL_MS = 200;

/** A worker is heard from at least this often, so that the others know it is alive. */
export const ROW_INTERVAL_MS = 1_000;

/** After so long a silence a worker's audience no longer counts: three rows were missed. */
export const ROW_FRESH_MS = 4_000;

/** After so long a silence a worker's row is dropped; rows would else pile up by incarnation. */
export const ROW_KEPT_MS = 60_000;

/** A starting worker waits no longer than this for the others before it takes sessions. */
export const CATCH_UP_WAIT_MS = 1_500;

/** One half of the invented match; it starts again when it is over. */
export const HALF_MS: number = 45 * 60_000;

const VOTER: RegExp = /^[0-9a-f]{32}$/;

/** Whether a value is a voter id: 128 random bits, made and kept by the page. */
export function isVoter(value: unknown): value is string {
  return typeof value === 'string' && VOTER.test(value);
}

export function isChoice(value: unknown): value is Choice {
  return CHOICES.some((choice) => choice === value);
}
