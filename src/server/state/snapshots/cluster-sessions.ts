/**
 * Sessions over all nodes: where one is, and how it comes to the node that its client has come back
 * to.
 *
 *     find ─▶ the node that made it, while it answers ─▶ lets go of it and gives it; one whose
 *         │                                              worker is slow is asked once more
 *         └─▶ take-session.lua: who has it? ─▶ a node that is there: asked likewise
 *                                          └▶ a node that is gone: given and deleted at once
 *
 * The node that made a session nearly always has it, and its word is newer than what it has written
 * (`session-mirror.ts`). One that does not answer soon is treated like one that is gone: a node
 * that is killed counts as there for some seconds more, and its clients are back by then. Should it
 * live after all, it is told to let go of what it has no more; and what it has let go of meanwhile
 * is waited for, since nobody else has it then.
 */

import { parsedOrNothing } from '../../../host/foreign/parsed.ts';
import type { Cluster } from '../../core/contracts/cluster.ts';
import type {
  SessionClaim,
  SessionSnapshot,
  SessionsElsewhere,
  Whom,
} from '../../core/contracts/snapshots.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import { STATE_SERVICE } from '../../links/bus/state-service.ts';
import { type LuaScript, luaScript } from '../../links/redis/redis-script.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import { BUCKETS, bucketOf } from '../redis/buckets.ts';
import type { RedisCommands } from '../redis/redis-commands.ts';
import endSessionsText from './end-sessions.lua' with { type: 'text' };
import { sessionsKey } from './session-mirror.ts';
import { type HandedOver, LET_GO_FOR_NODE_MS } from './session-service.ts';
import { ownerText, packed, readSessionText, textWithData } from './session-text.ts';
import takeSessionText from './take-session.lua' with { type: 'text' };

export interface ClusterSessionsOptions {
  readonly redis: RedisCommands;
  /** Begins all keys. */
  readonly prefix: string;
  readonly cluster: Pick<Cluster, 'node' | 'peers' | 'tell' | 'onTold' | 'call' | 'onCall'>;
  /** Nodes that were there lately. */
  readonly lately: () => readonly number[];
  /** Lets go of a session of this node, as `SessionService` does. */
  readonly handOver: (claim: SessionClaim) => Promise<HandedOver>;
  /** Ends those that wait for their client on this node. */
  readonly endHere: (namespace: string, whom: Whom) => void;
  readonly log: Log;
}

/** The word by which nodes ask each other. */
const TAKE_SESSION = 'takeSession';

/** What is told to other nodes, as JSON. */
type Told =
  | { readonly kind: 'end'; readonly namespace: string; readonly whom: Whom }
  | { readonly kind: 'moved'; readonly claim: SessionClaim };

/** What a node that is asked says, and whether that is late: it comes within the search, or not. */
interface Ask {
  readonly isLate: boolean;
  readonly word: Promise<HandedOver>;
}

/** For a node to give a session. */
const ANSWER_MS: number = LET_GO_FOR_NODE_MS + LIMITS.busGraceMs;
/** One that did not answer is not asked for so long, and then by a single one first. */
const SILENT_MS = 2_000;
/** Asks for one session, of one node after the other. */
const ASKS_MAX = 8;
/** The answer of a node that has it, and whose worker has not let go of it yet. */
const STILL_HELD = { isHeld: true } as const;
/** A quarter of the calls that may be open: who is late makes place, and its calls stay open. */
const ASKED_AT_ONCE: number = LIMITS.nodeCalls / 4;

const TAKE: LuaScript = luaScript(takeSessionText);
const END: LuaScript = luaScript(endSessionsText);

export class ClusterSessions implements SessionsElsewhere {
  readonly #options: ClusterSessionsOptions;
  /** Nodes that did not answer, and until when they are not asked. */
  readonly #silent: Map<number, number> = new Map();
  #asking = 0;
  /** Who asks next. */
  readonly #waiting: (() => void)[] = [];

  constructor(options: ClusterSessionsOptions) {
    this.#options = options;
    const { cluster, handOver, log } = options;
    cluster.onCall(TAKE_SESSION, async (args) => {
      const claim = readClaim(args);
      const handed = claim === undefined ? undefined : await handOver(claim);
      if (handed === 'held') return STILL_HELD;
      return handed === undefined ? null : textWithData(packed(handed), handed.data);
    });
    cluster.onTold(STATE_SERVICE.sessions, (from, frame) => {
      const told = readTold(frame.text());
      if (told?.kind === 'end') options.endHere(told.namespace, told.whom);
      else if (told?.kind === 'moved') void this.#forget(told.claim);
      else log.warn('another node says of sessions what cannot be read', { node: from });
    });
  }

  mayHave(id: string): boolean {
    const maker = decodeSessionId(id)?.node;
    return maker !== undefined && maker !== this.#options.cluster.node;
  }

  async find(claim: SessionClaim): Promise<SessionSnapshot | undefined> {
    const { cluster, log } = this.#options;
    const asked = new Set<number>();
    const endMs = performance.now() + LIMITS.sessionSearchMs;
    try {
      const maker = decodeSessionId(claim.id)?.node;
      let next = maker !== cluster.node && this.#answers(maker) ? maker : undefined;
      for (let times = 0; times < ASKS_MAX; times++) {
        const ask = next === undefined ? undefined : await this.#askNode(next, claim, endMs);
        if (ask?.isLate === false) {
          const word = await ask.word;
          if (word === 'held') continue;
          if (word !== undefined) return word;
        }
        const found = await this.#search(claim, maker);
        if (typeof found === 'object') return found;
        // Who is late may have let go of it already: then it is on the way.
        const late = found === undefined || found === next ? await ask?.word : undefined;
        if (typeof late === 'object') return late;
        if (next !== undefined) asked.add(next);
        // It has just said that it has none, so it is giving it to somebody else.
        if (found === undefined || (asked.has(found) && this.#answers(found))) return undefined;
        next = found;
      }
    } catch (error) {
      log.warn('a session could not be looked for', { error: describeError(error) });
    }
    return undefined;
  }

  async end(namespace: string, whom: Whom): Promise<void> {
    this.#options.endHere(namespace, whom);
    this.#tell({ kind: 'end', namespace, whom });
    await this.#endOfGone(namespace, whom);
  }

  /** Another node has taken it: what is left of it here would be given to who asks next. */
  async #forget(claim: SessionClaim): Promise<void> {
    for (let times = 0; times < ASKS_MAX; times++) {
      if ((await this.#options.handOver(claim)) !== 'held') return;
    }
  }

  /** Whether a node is there and has answered when it was asked last. */
  #answers(node: number | undefined): node is number {
    if (node === undefined || !this.#options.cluster.peers.includes(node)) return false;
    return performance.now() >= (this.#silent.get(node) ?? 0);
  }

  /** Waits for its turn. One that is found not to answer meanwhile is not asked. */
  async #askNode(node: number, claim: SessionClaim, endMs: number): Promise<Ask | undefined> {
    if (this.#asking >= ASKED_AT_ONCE) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#asking++;
    try {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || !this.#answers(node)) return undefined;
      // Whether it answers again is found out by one: others do not wait for that.
      if (this.#silent.has(node)) this.#silent.set(node, performance.now() + ANSWER_MS);
      const word = this.#call(node, claim, leftMs);
      const { promise: late, resolve } = Promise.withResolvers<boolean>();
      const timer = setTimeout(resolve, ANSWER_MS, true);
      const isLate = await Promise.race([word.then(() => false), late]);
      clearTimeout(timer);
      if (isLate) this.#silent.set(node, performance.now() + SILENT_MS);
      return { isLate, word };
    } finally {
      this.#asking--;
      this.#waiting.shift()?.();
    }
  }

  /** @returns nothing where it has none, or has not said a word */
  async #call(node: number, claim: SessionClaim, timeoutMs: number): Promise<HandedOver> {
    const { id, namespace, user } = claim;
    const args = { id, namespace, user: user ?? null };
    try {
      const answer = await this.#options.cluster.call(node, TAKE_SESSION, args, timeoutMs);
      this.#silent.delete(node);
      if (Bun.deepEquals(answer, STILL_HELD)) return 'held';
      return answer === null ? undefined : readSessionText(id, answer);
    } catch {
      this.#silent.set(node, performance.now() + SILENT_MS);
      return undefined;
    }
  }

  /** @returns the session where it could be taken, or the node that has it */
  async #search(
    claim: SessionClaim,
    maker: number | undefined,
  ): Promise<SessionSnapshot | number | undefined> {
    const { redis, prefix } = this.#options;
    const { id, namespace, user } = claim;
    if (!redis.isConnected) return undefined;
    const { there, gone } = this.#nodes(maker);
    const nodes = [...there, ...gone];
    if (nodes.length === 0) return undefined;
    const keys = nodes.map((node) => sessionsKey(prefix, bucketOf(id), node));
    const args = [id, `${there.length}`, ...ownerText(namespace, user)];
    const [verdict, what] = (await redis.script(TAKE, keys, args)) as readonly unknown[];
    if (verdict === 'held') return nodes[Number(what) - 1];
    if (verdict !== 'taken') return undefined;
    // One that is there after all has it no more.
    for (const node of gone) {
      if (this.#options.cluster.peers.includes(node)) this.#tell({ kind: 'moved', claim }, node);
    }
    return readSessionText(id, what);
  }

  /** @param maker is among them whether or not it was seen */
  #nodes(maker?: number): { readonly there: readonly number[]; readonly gone: readonly number[] } {
    const { cluster, lately } = this.#options;
    const there = cluster.peers.filter((node) => this.#answers(node));
    const all = new Set([...cluster.peers, ...lately(), ...(maker === undefined ? [] : [maker])]);
    all.delete(cluster.node);
    for (const node of there) all.delete(node);
    return { there, gone: [...all] };
  }

  /** What waits of nodes that are gone is nobody's: this one ends it. */
  async #endOfGone(namespace: string, whom: Whom): Promise<void> {
    const { redis, prefix, cluster, log } = this.#options;
    const gone = this.#nodes().gone.filter((node) => !cluster.peers.includes(node));
    const { session, user, room } = whom;
    if (gone.length === 0) return;
    const meant = JSON.stringify([session ?? null, user ?? null, room ?? null]);
    const names = [user, room].filter((name) => name !== undefined);
    // No text has it, where only an id is meant.
    const mark = names.length === 1 ? JSON.stringify(names[0]) : names.length === 0 ? '\0' : '';
    const isById = session !== undefined && names.length === 0;
    const buckets = isById ? [bucketOf(session)] : Array.from({ length: BUCKETS }).keys();
    try {
      for (const bucket of buckets) {
        const keys = gone.map((node) => sessionsKey(prefix, bucket, node));
        await redis.script(END, keys, [namespace, meant, mark]);
      }
    } catch (error) {
      log.warn('sessions that wait for their client could not be ended for nodes that are gone', {
        error: describeError(error),
      });
    }
  }

  #tell(told: Told, to?: number): void {
    const { cluster } = this.#options;
    cluster.tell(STATE_SERVICE.sessions, (frame) => frame.text(JSON.stringify(told)), to);
  }
}

function readTold(text: string): Told | undefined {
  const told = parsedOrNothing(text) as Partial<Record<string, unknown>> | null | undefined;
  if (typeof told !== 'object' || told === null) return undefined;
  const { kind, namespace, whom } = told;
  const claim = readClaim(told['claim']);
  if (kind === 'moved' && claim !== undefined) return { kind, claim };
  if (kind !== 'end' || typeof namespace !== 'string' || !isWhom(whom)) return undefined;
  return { kind, namespace, whom };
}

function isWhom(value: unknown): value is Whom {
  if (typeof value !== 'object' || value === null) return false;
  const { user, room, session } = value as Partial<Record<string, unknown>>;
  return [user, room, session].every((one) => one === undefined || typeof one === 'string');
}

function readClaim(value: unknown): SessionClaim | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, namespace, user = null } = value as Partial<Record<string, unknown>>;
  if (typeof id !== 'string' || typeof namespace !== 'string') return undefined;
  if (user !== null && typeof user !== 'string') return undefined;
  if (id.length > LIMITS.keyLength || namespace.length > LIMITS.keyLength) return undefined;
  return { id, namespace, user: user ?? undefined };
}
