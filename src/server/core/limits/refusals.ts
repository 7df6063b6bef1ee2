/**
 * Counts what a worker refuses, cuts and drops, by reason, and says it: one log line a reason and
 * second, however many there were.
 *
 *     count(reason) ─▶ totals ─▶ the worker's sample ─▶ /metrics
 *                  └─▶ at the end of the second: one line
 *
 * Whoever counts pays an addition; the timer runs only while there is something to say.
 */

import type { Log } from '../log/log.ts';
import { REASON_NAMES, REASONS, type Reason } from './reasons.ts';

/** Counts by reason; those that never came up are left out. */
export type RefusalCounts = Readonly<Partial<Record<Reason, number>>>;

const SAY_AFTER_MS = 1_000;
/** Of what the first of a second was about: clients choose it, so it is cut. */
const DETAIL_MAX_LENGTH = 120;

interface Unsaid {
  count: number;
  readonly detail: string | undefined;
}

export class Refusals {
  readonly #log: Log;
  readonly #totals: Map<Reason, number> = new Map();
  readonly #unsaid: Map<Reason, Unsaid> = new Map();
  #isScheduled = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param detail what it was about, such as an address; the first of a second is logged */
  count(reason: Reason, detail?: string): void {
    this.#totals.set(reason, (this.#totals.get(reason) ?? 0) + 1);
    const unsaid = this.#unsaid.get(reason);
    if (unsaid !== undefined) unsaid.count++;
    else this.#unsaid.set(reason, { count: 1, detail: detail?.slice(0, DETAIL_MAX_LENGTH) });
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(this.#say, SAY_AFTER_MS).unref();
  }

  totals(): RefusalCounts {
    return Object.fromEntries(this.#totals);
  }

  readonly #say = (): void => {
    this.#isScheduled = false;
    for (const [reason, { count, detail }] of this.#unsaid) {
      const { outcome, text } = REASONS[reason];
      const fields = { reason, count, ...(detail === undefined ? {} : { detail }) };
      this.#log.warn(`${outcome}, ${count} in the last second: ${text}`, fields);
    }
    this.#unsaid.clear();
  };
}

/** Reads counts of another process; what is no count of a known reason is left out. */
export function knownCounts(counts: unknown): RefusalCounts {
  if (typeof counts !== 'object' || counts === null) return {};
  const known = REASON_NAMES.flatMap((reason) => {
    const count = (counts as Record<string, unknown>)[reason];
    return typeof count === 'number' && Number.isFinite(count) ? [[reason, count] as const] : [];
  });
  return Object.fromEntries(known);
}
