/**
 * Seats of users over all nodes. One script in Redis decides, so that the bound is exact whichever
 * nodes are asked at the same moment:
 *
 *     take ─▶ take-seat.lua: seats of the user on this node and on the others ─▶ granted, refused,
 *                            or granted in place of older ones, on whatever node those are
 *
 * Each node writes keys of its own, which it keeps from expiring: what a node had that died is gone
 * with them. It also keeps its seats in memory. By them it decides alone while Redis does not
 * answer, and writes them anew when that is over or Redis has lost them.
 */

import type { SeatAnswer, Seated, SeatLost, UserSeats } from '../../core/contracts/user-seats.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import { type LuaScript, luaScript } from '../../links/redis/redis-script.ts';
import { userKey } from '../../protocol/interest-key.ts';
import { BUCKETS, bucketKey, bucketOf } from '../redis/buckets.ts';
import type { RedisCommands } from '../redis/redis-commands.ts';
import { EmbeddedSeats, type SeatOptions } from './embedded-seats.ts';
import freeSeatsText from './free-seats.lua' with { type: 'text' };
import { type Freed, SeatReleases } from './seat-releases.ts';
import takeSeatText from './take-seat.lua' with { type: 'text' };

export interface RedisSeatsOptions extends SeatOptions {
  readonly redis: RedisCommands;
  /** Begins all keys. */
  readonly prefix: string;
  /** The number of this node, and those of the others that are there. */
  readonly node: number;
  readonly peers: () => readonly number[];
  readonly log: Log;
}

export interface SeatsView {
  /** Users that have some on this node. */
  readonly users: number;
  /** This node decides by its own seats, since Redis does not answer. */
  readonly isAlone: boolean;
  /** Buckets of users that are still to be put right in Redis. */
  readonly wrong: number;
}

/** How often it is looked for what is to be put right; in ten such looks all keys are refreshed. */
const TICK_MS = 1_000;
const TICKS_PER_REFRESH = 10;
/** Users written with one command. */
const USERS_AT_ONCE = 500;

/** What `take-seat.lua` answers. */
type Answer = readonly [
  isGranted: number,
  wasThere: number,
  since: string,
  ...lost: readonly (number | string)[],
];

interface Decision {
  readonly isGranted: boolean;
  /** Whether Redis had seats of this node and bucket. */
  readonly wasThere: boolean;
  readonly since: string;
  readonly lost: readonly Omit<SeatLost, 'namespace'>[];
}

const TAKE_SEAT: LuaScript = luaScript(takeSeatText);
const FREE_SEATS: LuaScript = luaScript(freeSeatsText);

export class RedisSeats implements UserSeats {
  readonly #options: RedisSeatsOptions;
  /** Seats of this node by their bucket. */
  readonly #own: EmbeddedSeats[];
  /** How often a bucket was written anew: what was granted on the way may be missing there. */
  readonly #written: Uint32Array = new Uint32Array(BUCKETS);
  /** Buckets that Redis does not have as they are. */
  readonly #wrong: Set<number> = new Set();
  readonly #releases: SeatReleases;
  readonly #timer: Timer;
  #isMending = false;
  #isAlone = false;
  #ticks = 0;

  constructor(options: RedisSeatsOptions) {
    this.#options = options;
    this.#own = Array.from({ length: BUCKETS }, () => new EmbeddedSeats(options));
    this.#releases = new SeatReleases((bucket, args) => this.#free(bucket, args));
    this.#timer = setInterval(() => this.tick(), TICK_MS);
  }

  get view(): SeatsView {
    const users = this.#own.reduce((sum, one) => sum + one.users, 0);
    return { users, isAlone: this.#isAlone, wrong: this.#wrong.size };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async take(worker: number, session: Seated): Promise<SeatAnswer> {
    const user = userKey(session.namespace, session.user);
    const bucket = bucketOf(user);
    const own = this.#own[bucket] as EmbeddedSeats;
    const written = this.#written[bucket];
    const nodes = [this.#options.node, ...this.#options.peers()];
    try {
      const answer = await this.#ask(worker, user, session.id, nodes);
      if (!answer.wasThere && own.users > 0) this.#wrong.add(bucket);
      if (!answer.isGranted) return { isGranted: false, lost: [] };
      const { namespace } = session;
      const lost = answer.lost.map((seat) => ({ ...seat, namespace }));
      for (const { node, id } of lost) if (node === undefined) own.drop({ ...session, id });
      own.grant(worker, session, answer.since);
      if (written !== this.#written[bucket]) this.#wrong.add(bucket);
      return { isGranted: true, lost };
    } catch (error) {
      this.#beAlone(error);
      this.#wrong.add(bucket);
      return own.decide(worker, session, `${Date.now()}000`);
    }
  }

  release(worker: number, session: Seated): void {
    const user = userKey(session.namespace, session.user);
    const bucket = bucketOf(user);
    (this.#own[bucket] as EmbeddedSeats).release(worker, session);
    this.#releases.add(bucket, { user, id: session.id, worker, times: 1 });
  }

  forgetWorker(worker: number): void {
    for (const [bucket, own] of this.#own.entries()) {
      own.forgetWorker(worker, (user, { id }) => {
        this.#releases.add(bucket, { user, id, worker, times: 0 });
      });
    }
  }

  /** Redis may have lost what it had: all is written anew. */
  resync(): void {
    for (const [bucket, { users }] of this.#own.entries()) if (users > 0) this.#wrong.add(bucket);
    void this.#mend();
  }

  /** Keeps what is there from expiring, and puts right what is wrong. Called by a timer. */
  tick(): void {
    if (!this.#options.redis.isConnected) return;
    if (this.#isAlone) this.resync();
    const turn = this.#ticks++ % TICKS_PER_REFRESH;
    for (let bucket = turn; bucket < BUCKETS; bucket += TICKS_PER_REFRESH) {
      if ((this.#own[bucket] as EmbeddedSeats).users > 0) void this.#refresh(bucket);
    }
    void this.#mend();
  }

  async #ask(
    worker: number,
    user: string,
    id: string,
    nodes: readonly number[],
  ): Promise<Decision> {
    const { redis, most, endsOldest } = this.#options;
    if (!redis.isConnected) throw new Error('there is no connection to it');
    const bucket = bucketOf(user);
    // What was given back before is free for whoever comes.
    await this.#releases.flush(bucket);
    const keys = nodes.map((node) => this.#key(bucket, node));
    const how = [`${most}`, endsOldest ? '1' : '0', `${LIMITS.nodeKeyMs}`];
    const answer = await redis.script(TAKE_SEAT, keys, [user, id, `${worker}`, ...how]);
    const [isGranted, wasThere, since, ...rest] = answer as Answer;
    const lost: Omit<SeatLost, 'namespace'>[] = [];
    for (let at = 0; at < rest.length; at += 3) {
      const [key, theirs, lostId] = rest.slice(at, at + 3) as [number, number, string];
      const seat = { worker: Number(theirs), id: lostId };
      lost.push(key === 1 ? seat : { ...seat, node: nodes[key - 1] as number });
    }
    return { isGranted: isGranted === 1, wasThere: wasThere === 1, since, lost };
  }

  async #free(bucket: number, freed: readonly Freed[]): Promise<void> {
    const args = freed.flatMap(({ user, id, worker, times }) => {
      return [user, id, `${worker}`, `${times}`];
    });
    try {
      await this.#options.redis.script(FREE_SEATS, [this.#key(bucket)], args);
    } catch (error) {
      this.#wrong.add(bucket);
      this.#beAlone(error);
    }
  }

  async #refresh(bucket: number): Promise<void> {
    const key = this.#key(bucket);
    try {
      const [isThere] = await this.#options.redis.pipeline(key, [
        ['PEXPIRE', key, `${LIMITS.nodeKeyMs}`],
      ]);
      if (Number(isThere) === 0) this.#wrong.add(bucket);
    } catch {
      this.#wrong.add(bucket);
    }
  }

  /** Writes what is wrong, one bucket after the other, until Redis does not answer. */
  async #mend(): Promise<void> {
    if (this.#isMending) return;
    this.#isMending = true;
    try {
      for (const bucket of this.#wrong) {
        this.#wrong.delete(bucket);
        await this.#write(bucket);
      }
      if (this.#isAlone) {
        this.#options.log.info('Redis answers again: sessions of users are counted over all nodes');
      }
      this.#isAlone = false;
    } catch (error) {
      this.#beAlone(error);
    } finally {
      this.#isMending = false;
    }
  }

  async #write(bucket: number): Promise<void> {
    const key = this.#key(bucket);
    this.#releases.forget(bucket);
    this.#written[bucket] = (this.#written[bucket] as number) + 1;
    const fields = [...(this.#own[bucket] as EmbeddedSeats).entries()].map(([user, seats]) => {
      const list = seats.map(({ id, worker, taken, since }) => [id, worker, taken, since]);
      return [user, JSON.stringify(list)];
    });
    const commands = [['DEL', key]];
    for (let at = 0; at < fields.length; at += USERS_AT_ONCE) {
      commands.push(['HSET', key, ...fields.slice(at, at + USERS_AT_ONCE).flat()]);
    }
    if (fields.length > 0) commands.push(['PEXPIRE', key, `${LIMITS.nodeKeyMs}`]);
    try {
      await this.#options.redis.pipeline(key, commands);
    } catch (error) {
      this.#wrong.add(bucket);
      throw error;
    }
  }

  #beAlone(error: unknown): void {
    if (this.#isAlone) return;
    this.#isAlone = true;
    const reason = error instanceof Error ? error.message || error.name : String(error);
    this.#options.log.warn(
      'Redis does not answer: sessions of users are counted on this node alone until it does',
      { reason },
    );
  }

  #key(bucket: number, node: number = this.#options.node): string {
    return bucketKey(this.#options.prefix, bucket, 'seats', node);
  }
}
