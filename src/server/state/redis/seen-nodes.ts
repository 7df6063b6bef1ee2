/**
 * Which nodes were there lately: one that has died has left things in Redis which others take over,
 * under keys that name it.
 */

import { type LuaScript, luaScript } from '../../links/redis/redis-script.ts';
import type { RedisCommands } from './redis-commands.ts';
import seeNodesText from './see-nodes.lua' with { type: 'text' };

export interface SeenNodesOptions {
  readonly redis: RedisCommands;
  readonly prefix: string;
  /** The number of this node. */
  readonly node: number;
  /** How long a node that is gone is remembered. */
  readonly keepMs: number;
}

/** Often enough that one that dies was seen. */
const SEE_MS = 5_000;
/** The latest: restarts without end do not make a question name keys without end. */
const NODES_MAX = 64;

const SEE_NODES: LuaScript = luaScript(seeNodesText);

export class SeenNodes {
  readonly #options: SeenNodesOptions;
  readonly #timer: Timer;
  /** When each was known of last, the latest at the end. */
  readonly #known: Map<number, number> = new Map();

  constructor(options: SeenNodesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), SEE_MS);
    void this.look();
  }

  /** Those that are there and those that were lately, as far as is known. */
  get nodes(): readonly number[] {
    return [...this.#known.keys()];
  }

  /**
   * Another node has come, or gone: between two looks it may do both, and Redis may lose what it
   * knew of it.
   */
  note(node: number): void {
    this.#known.delete(node);
    this.#known.set(node, performance.now());
    const [oldest] = this.#known.keys();
    if (this.#known.size > NODES_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Never rejects: without Redis it stays as it was. */
  async look(): Promise<void> {
    const { redis, prefix, node, keepMs } = this.#options;
    if (!redis.isConnected) return;
    try {
      const args = [`${node}`, `${keepMs}`];
      const answer = await redis.script(SEE_NODES, [`${prefix}:nodes:seen`], args);
      const found = Array.isArray(answer) ? answer.map(Number) : [];
      for (const one of found) if (Number.isSafeInteger(one)) this.note(one);
      const sinceMs = performance.now() - keepMs;
      for (const [one, atMs] of this.#known) if (atMs < sinceMs) this.#known.delete(one);
    } catch {
      // It is asked again soon.
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
