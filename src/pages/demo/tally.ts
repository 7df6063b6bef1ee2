/**
 * One worker's view of the match: all votes, and who watches and listens on which worker.
 *
 * Each worker owns one row of the table: how many watch through it, and the votes that came in
 * since its row before. Rows are numbered. A newer row replaces an older one, an older or
 * repeated one changes nothing, and a number that was skipped tells the receiver that votes passed
 * it by, which it then copies from the sender. A worker that falls silent is dead or cut off: its
 * audience stops counting, its votes stay, because every worker holds them.
 *
 * There is no I/O and no timer here: the time comes in, rows go out by `takeRow`.
 */

import { NameMap } from 'holdfast';
import { Ballots, type Entry, readEntries } from './ballots.ts';
import type { Choice } from './poll.ts';
import { ROW_FRESH_MS, ROW_INTERVAL_MS, ROW_KEPT_MS, VOTES_PER_MESSAGE_MAX } from './poll.ts';

export interface Row {
  /** The incarnation of the worker that owns it. */
  readonly workerId: string;
  /** Counts this worker's rows from 1; 0 before the first. */
  readonly sequence: number;
  readonly watching: number;
  /** How many listen to the commentary through it. */
  readonly listening: number;
  /** How many voters the worker knows; a starting worker copies from the one that knows most. */
  readonly voters: number;
  /** The votes taken since the row before this. */
  readonly votes: readonly Entry[];
}

export interface Totals {
  readonly votes: Readonly<Record<Choice, number>>;
  readonly watching: number;
  readonly workers: number;
}

interface Peer {
  sequence: number;
  watching: number;
  listening: number;
  seenAtMs: number;
}

export class Tally {
  readonly workerId: string;
  readonly ballots: Ballots;
  /** The other workers by id, from the newest row of each. */
  readonly #peers = new Map<string, Peer>();
  /** Voters whose vote the others have not been sent yet; at most one entry for each. */
  readonly #unsent = new NameMap<true>();
  #watching = 0;
  #watchingSent = 0;
  #listening = 0;
  #listeningSent = 0;
  #sequence = 0;
  #sentAtMs = 0;

  constructor(workerId: string, ballots: Ballots = new Ballots()) {
    this.workerId = workerId;
    this.ballots = ballots;
  }

  enter(): void {
    this.#watching += 1;
  }

  leave(): void {
    this.#watching -= 1;
  }

  /** Somebody listens from now on (1), or no longer (-1). */
  listen(by: 1 | -1): void {
    this.#listening += by;
  }

  /**
   * Whether this worker speaks to the listeners of all: the first alive of those that have any. For
   * the time that a row takes, two may think so, or none.
   */
  speaks(nowMs: number): boolean {
    if (this.#listening === 0) return false;
    return !this.#peers.entries().some(([workerId, peer]) => {
      const isHeard = peer.listening > 0 && nowMs - peer.seenAtMs <= ROW_FRESH_MS;
      return isHeard && workerId < this.workerId;
    });
  }

  vote(voter: string, choice: Choice, nowMs: number): 'counted' | 'unchanged' | 'full' {
    const outcome = this.ballots.cast(voter, choice, nowMs);
    if (outcome === 'counted') this.#unsent.set(voter, true);
    return outcome;
  }

  totals(nowMs: number): Totals {
    let watching = this.#watching;
    let workers = 1;
    for (const peer of this.#peers.values()) {
      if (nowMs - peer.seenAtMs > ROW_FRESH_MS) continue;
      watching += peer.watching;
      workers += 1;
    }
    return { votes: this.ballots.counts(), watching, workers };
  }

  /** The row as it was last sent, for a worker that starts; it copies the votes apart. */
  lastRow(): Row {
    return this.#row([]);
  }

  /** The next row to send, when something changed or the others have to hear of this worker. */
  takeRow(nowMs: number): Row | undefined {
    const changed =
      this.#unsent.size > 0 ||
      this.#watching !== this.#watchingSent ||
      this.#listening !== this.#listeningSent;
    if (!changed && nowMs - this.#sentAtMs < ROW_INTERVAL_MS) return undefined;
    const votes: Entry[] = [];
    for (const voter of [...this.#unsent.keys().take(VOTES_PER_MESSAGE_MAX)]) {
      const stamp = this.ballots.stampOf(voter);
      if (stamp !== undefined) votes.push([voter, stamp]);
      this.#unsent.delete(voter);
    }
    this.#sequence += 1;
    this.#watchingSent = this.#watching;
    this.#listeningSent = this.#listening;
    this.#sentAtMs = nowMs;
    return this.#row(votes);
  }

  /** Takes another worker's row. False when rows before it are missing here. */
  merge(row: Row, nowMs: number): boolean {
    if (row.workerId === this.workerId) return true;
    this.ballots.merge(row.votes);
    const sequence = this.#peers.get(row.workerId)?.sequence ?? 0;
    if (row.sequence <= sequence) return true;
    this.#peers.set(row.workerId, {
      sequence: row.sequence,
      watching: row.watching,
      listening: row.listening,
      seenAtMs: nowMs,
    });
    return row.sequence === sequence + 1;
  }

  /** Forgets a worker's row, so that its next one counts as a first that skipped numbers. */
  forget(workerId: string): void {
    this.#peers.delete(workerId);
  }

  /** Drops the rows of workers that are gone for good. */
  expire(nowMs: number): void {
    for (const [workerId, peer] of this.#peers) {
      if (nowMs - peer.seenAtMs > ROW_KEPT_MS) this.#peers.delete(workerId);
    }
  }

  #row(votes: readonly Entry[]): Row {
    return {
      workerId: this.workerId,
      sequence: this.#sequence,
      watching: this.#watchingSent,
      listening: this.#listeningSent,
      voters: this.ballots.size,
      votes,
    };
  }
}

/** Reads a row that came from outside this worker; undefined when it is not one. */
export function readRow(value: unknown): Row | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { workerId, sequence, watching, listening, voters, votes } = value as Partial<Row>;
  if (typeof workerId !== 'string' || workerId === '') return undefined;
  if (!isCount(sequence) || !isCount(watching)) return undefined;
  if (!isCount(listening) || !isCount(voters)) return undefined;
  return { workerId, sequence, watching, listening, voters, votes: readEntries(votes) };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
