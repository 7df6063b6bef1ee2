/**
 * Writes the sessions of this node that can be recovered where other nodes find them when it has
 * died.
 *
 *     EmbeddedSnapshots ─opened, changed, gone─▶ ids to write ─a tenth of a second later─▶ Redis
 *
 * Kept is only which have changed; what they are is looked up when it is written. So a session that
 * is opened, joins rooms and sets data at once is one field of one command, which it shares with
 * others of its bucket, and one that comes and goes between two writes is one field deleted. That a
 * session was cut is not written: when the node is dead, all of its sessions are.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import { BUCKETS, bucketKey, bucketOf } from '../redis/buckets.ts';
import type { RedisCommands } from '../redis/redis-commands.ts';
import type { EmbeddedSnapshots, SnapshotsWatch } from './embedded-snapshots.ts';

export interface SessionMirrorOptions {
  readonly redis: RedisCommands;
  /** Begins all keys. */
  readonly prefix: string;
  /** The number of this node. */
  readonly node: number;
  /** How long a session that was cut is kept. */
  readonly windowMs: number;
  readonly snapshots: Pick<EmbeddedSnapshots, 'ids' | 'textOf'>;
  readonly log: Log;
}

/** What a node had that died is there so long after the window. */
export const AFTER_WINDOW_MS = 30_000;
/**
 * A field of each key beside sessions, and what it holds. Where it is missing the key is not the
 * one that was made first: what that one held is lost.
 */
const MARK = ['', '-'] as const;
/** Between two writes: what a node that is killed had not written yet is lost. */
const WRITE_MS = 100;
/** Texts of one write; the rest has the next one, so that Redis is not held up by one node. */
const WRITE_LENGTH = 4 * 2 ** 20;
/** Of all that are written anew, in one write. */
const ANEW_AT_ONCE = 5_000;
const TICK_MS = 1_000;
const TICKS_PER_REFRESH = 10;
/** How long the last write at the end of the node may take. */
const CLOSE_MS = 2_000;

export interface MirrorView {
  /** Sessions whose latest is not written yet. */
  readonly waiting: number;
  /** Since the start: written, not written since too many waited, and too large to be. */
  readonly written: number;
  readonly dropped: number;
  readonly tooLarge: number;
}

/** What is to be done in a bucket. */
interface Changes {
  readonly fields: string[];
  readonly gone: string[];
}

export class SessionMirror implements SnapshotsWatch {
  readonly #options: SessionMirrorOptions;
  readonly #waiting: Set<string> = new Set();
  /** Sessions in each bucket. */
  readonly #counts: Uint32Array = new Uint32Array(BUCKETS);
  /** Buckets that Redis should have, 1 for each. */
  readonly #stored: Uint8Array = new Uint8Array(BUCKETS);
  readonly #ticker: Timer;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  /** Those that are written anew, since Redis may have lost them. */
  #anew: Iterator<string> | undefined;
  /** Some that are over may be there still, which nobody remembers. */
  #hasStale = false;
  #isAway = false;
  #hasComplained = false;
  #isClosed = false;
  #ticks = 0;
  #written = 0;
  #dropped = 0;
  #tooLarge = 0;

  constructor(options: SessionMirrorOptions) {
    this.#options = options;
    this.#ticker = setInterval(() => this.tick(), TICK_MS);
  }

  get view(): MirrorView {
    const [waiting, written] = [this.#waiting.size, this.#written];
    return { waiting, written, dropped: this.#dropped, tooLarge: this.#tooLarge };
  }

  opened(id: string): void {
    const bucket = bucketOf(id);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.changed(id);
  }

  changed(id: string): void {
    this.#waiting.add(id);
    if (this.#waiting.size > LIMITS.sharedSessionsWaiting) this.#dropOldest();
    this.#schedule();
  }

  gone(id: string): void {
    const bucket = bucketOf(id);
    const left = (this.#counts[bucket] as number) - 1;
    this.#counts[bucket] = left;
    if (left === 0) this.#stored[bucket] = 0;
    this.changed(id);
  }

  /** Redis is there again, perhaps without what it had: clients are on their way to other nodes. */
  reconnected(): void {
    this.#isAway = false;
    this.#stored.fill(0);
    this.resync();
  }

  /** Redis may have lost what it had: all is written anew, piece by piece. */
  resync(): void {
    this.#anew = this.#options.snapshots.ids();
    this.#schedule();
  }

  /** Writes what waits. @returns when that is written, or could not be */
  async flush(): Promise<void> {
    await this.#writing;
    this.#writing = this.#write().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  /** Keeps what is there from expiring, and looks whether it still is. Called by a timer. */
  tick(): void {
    if (!this.#options.redis.isConnected) {
      this.#isAway = true;
      return;
    }
    if (this.#isAway) {
      this.#isAway = false;
      this.resync();
    }
    const turn = this.#ticks++ % TICKS_PER_REFRESH;
    for (let bucket = turn; bucket < BUCKETS; bucket += TICKS_PER_REFRESH) {
      if (this.#stored[bucket] === 1) void this.#refresh(bucket);
    }
  }

  /** Writes what still waits, as far as that is quickly done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#timer);
    const endMs = performance.now() + CLOSE_MS;
    while (this.#hasWork && this.#options.redis.isConnected && performance.now() < endMs) {
      await Promise.race([this.flush(), Bun.sleep(CLOSE_MS)]);
      if (this.#isAway) return;
    }
  }

  get #hasWork(): boolean {
    return this.#waiting.size > 0 || this.#anew !== undefined;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#flushAndGoOn(), WRITE_MS);
  }

  async #flushAndGoOn(): Promise<void> {
    if (this.#options.redis.isConnected) await this.flush();
    else this.#isAway = true;
    this.#timer = undefined;
    // Otherwise the tick goes on when Redis is back.
    if (this.#hasWork && !this.#isAway) this.#schedule();
  }

  async #write(): Promise<void> {
    if (this.#hasStale) await this.#clear();
    this.#takeAnew();
    const changes = this.#takeChanges();
    const writes = [...changes].map(async ([bucket, { fields, gone }]) => {
      try {
        await this.#writeBucket(bucket, fields, gone);
        this.#written += fields.length / 2;
      } catch (error) {
        this.#failed(error);
        for (let at = 0; at < fields.length; at += 2) this.#waiting.add(fields[at] as string);
        for (const id of gone) this.#waiting.add(id);
        while (this.#waiting.size > LIMITS.sharedSessionsWaiting) this.#dropOldest();
      }
    });
    await Promise.all(writes);
    if (!this.#isAway && !this.#hasWork) this.#hasComplained = false;
  }

  async #writeBucket(
    bucket: number,
    fields: readonly string[],
    gone: readonly string[],
  ): Promise<void> {
    const key = this.#key(bucket);
    const commands: string[][] = [];
    const isNew = this.#stored[bucket] === 0 && fields.length > 0;
    if (gone.length > 0) commands.push(['HDEL', key, ...gone]);
    if (isNew) commands.push(['HSET', key, ...MARK, ...fields], ['PEXPIRE', key, this.#expiry]);
    else if (fields.length > 0) commands.push(['HSET', key, ...fields]);
    await this.#options.redis.pipeline(key, commands);
    if (isNew && this.#counts[bucket] !== 0) this.#stored[bucket] = 1;
  }

  /** Some of those that are written anew join those that wait. */
  #takeAnew(): void {
    for (let left = ANEW_AT_ONCE; left > 0 && this.#anew !== undefined; left--) {
      const { value, done } = this.#anew.next();
      if (done === true) this.#anew = undefined;
      else this.#waiting.add(value);
    }
  }

  /** What waits, oldest first, up to the length of one write. */
  #takeChanges(): Map<number, Changes> {
    const changes = new Map<number, Changes>();
    let length = 0;
    for (const id of this.#waiting) {
      if (length > WRITE_LENGTH) break;
      this.#waiting.delete(id);
      const bucket = bucketOf(id);
      let of = changes.get(bucket);
      if (of === undefined) changes.set(bucket, (of = { fields: [], gone: [] }));
      const text = this.#options.snapshots.textOf(id);
      length += id.length + (text?.length ?? 0);
      if (text !== undefined && text.length <= LIMITS.sharedSessionLength) of.fields.push(id, text);
      else {
        of.gone.push(id);
        if (text !== undefined) this.#tooLarge++;
      }
    }
    return changes;
  }

  #dropOldest(): void {
    for (const id of this.#waiting) {
      this.#waiting.delete(id);
      this.#dropped++;
      this.#hasStale = true;
      return;
    }
  }

  /** Nobody knows what is there that should not be: away with all, and all anew. */
  async #clear(): Promise<void> {
    try {
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const key = this.#key(bucket);
        await this.#options.redis.pipeline(key, [['UNLINK', key]]);
        this.#stored[bucket] = 0;
      }
      this.#hasStale = false;
      this.#anew = this.#options.snapshots.ids();
    } catch (error) {
      this.#failed(error);
    }
  }

  async #refresh(bucket: number): Promise<void> {
    const key = this.#key(bucket);
    const commands = [
      ['PEXPIRE', key, this.#expiry],
      ['HEXISTS', key, MARK[0]],
    ];
    try {
      const [, hasMark] = await this.#options.redis.pipeline(key, commands);
      if (Number(hasMark) !== 0 || this.#stored[bucket] === 0) return;
      // Redis has lost it, and others with it.
      this.#stored.fill(0);
      if (this.#anew === undefined) this.resync();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#isAway = true;
    if (this.#hasComplained) return;
    this.#hasComplained = true;
    const reason = error instanceof Error ? error.message || error.name : String(error);
    this.#options.log.warn(
      'Redis does not answer: sessions of this node can be recovered on others when it does',
      { reason },
    );
  }

  get #expiry(): string {
    return `${this.#options.windowMs + AFTER_WINDOW_MS}`;
  }

  #key(bucket: number): string {
    return sessionsKey(this.#options.prefix, bucket, this.#options.node);
  }
}

/** A hash of id -> text (`session-text.ts`): what can be recovered of a node. */
export function sessionsKey(prefix: string, bucket: number, node: number): string {
  return bucketKey(prefix, bucket, 'sessions', node);
}
