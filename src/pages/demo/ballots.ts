/**
 * One vote per voter, replicated: every worker holds all of them.
 *
 * A vote is one number, its stamp: `time × 16 + choice index`. Two copies of the table are merged
 * by keeping the greater stamp of each voter, so a vote may arrive twice, late or out of order, by
 * any route, and all copies still come to the same table: the last vote of each voter, equal
 * times settled by the choice. Times are wall clock, pushed past the voter's own last vote, so
 * changing a vote always moves it; between two hosts it relies on clocks closer than the time a
 * person takes to reconnect and tap again.
 *
 * Voters are never forgotten, since one who was would count twice when they came back; instead a
 * full table takes no new voters, and says so. Votes are kept in memory only.
 */

import { NameMap } from 'holdfast';
import { CHOICES, type Choice, isVoter, VOTERS_MAX } from './poll.ts';

/** One voter's vote, as workers send it to each other. */
export type Entry = readonly [voter: string, stamp: number];

/** Room for more choices than there are, so that stamps outlive a change of their number. */
const STAMP_CHOICES = 16;

export class Ballots {
  /** The stamp of every voter. Nothing is deleted, so a position in it never shifts. */
  readonly #stamps = new NameMap<number>();
  /** Votes by choice index: always the count of `#stamps` by choice. */
  readonly #counts: number[] = CHOICES.map(() => 0);
  readonly #votersMax: number;

  constructor(votersMax: number = VOTERS_MAX) {
    this.#votersMax = votersMax;
  }

  get size(): number {
    return this.#stamps.size;
  }

  counts(): Record<Choice, number> {
    const [quill = 0, tern = 0, brandt = 0, nobody = 0] = this.#counts;
    return { quill, tern, brandt, nobody };
  }

  choiceOf(voter: string): Choice | undefined {
    const stamp = this.#stamps.get(voter);
    return stamp === undefined ? undefined : CHOICES[stamp % STAMP_CHOICES];
  }

  stampOf(voter: string): number | undefined {
    return this.#stamps.get(voter);
  }

  /** Takes a vote from the voter themselves. */
  cast(voter: string, choice: Choice, nowMs: number): 'counted' | 'unchanged' | 'full' {
    const before = this.#stamps.get(voter);
    if (before === undefined && this.#stamps.size >= this.#votersMax) return 'full';
    if (this.choiceOf(voter) === choice) return 'unchanged';
    const last = before === undefined ? 0 : Math.floor(before / STAMP_CHOICES);
    this.#set(voter, Math.max(nowMs, last + 1) * STAMP_CHOICES + CHOICES.indexOf(choice));
    return 'counted';
  }

  /** Takes votes from another worker, even past the bound: what one counted, all must count. */
  merge(entries: readonly Entry[]): void {
    for (const [voter, stamp] of entries) {
      if (stamp > (this.#stamps.get(voter) ?? 0)) this.#set(voter, stamp);
    }
  }

  /** At most `limit` votes from a position on, for a worker that copies the table. */
  page(start: number, limit: number): Entry[] {
    return this.#stamps.entries().drop(start).take(limit).toArray();
  }

  #set(voter: string, stamp: number): void {
    const before = this.#stamps.get(voter);
    if (before !== undefined) this.#add(before, -1);
    this.#stamps.set(voter, stamp);
    this.#add(stamp, 1);
  }

  #add(stamp: number, by: 1 | -1): void {
    const index = stamp % STAMP_CHOICES;
    this.#counts[index] = (this.#counts[index] ?? 0) + by;
  }
}

/** Reads entries that came from outside this worker; what is not one is left out. */
export function readEntries(value: unknown): Entry[] {
  return Array.isArray(value) ? value.filter(isEntry) : [];
}

function isEntry(value: unknown): value is Entry {
  if (!Array.isArray(value) || value.length !== 2 || !isVoter(value[0])) return false;
  const stamp: unknown = value[1];
  if (typeof stamp !== 'number' || !Number.isSafeInteger(stamp) || stamp <= 0) return false;
  return stamp % STAMP_CHOICES < CHOICES.length;
}
