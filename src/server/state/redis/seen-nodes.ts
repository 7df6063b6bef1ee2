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
  #nodes: readonly number[] = [];
  /** Those that have come and that no look has found yet. */
  #come: readonly number[] = [];

  constructor(options: SeenNodesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), SEE_MS);
    void this.look();
  }

  /** This one, those that are there and those that were lately, as far as is known. */
  get nodes(): readonly number[] {
    return [...new Set([...this.#nodes, ...this.#come])];
  }

  /** Another node has come: it may be gone again before the next look. */
  came(node: number): void {
    this.#come = [...this.#come, node].slice(-NODES_MAX);
  }

  /** Never rejects: without Redis it stays as it was. */
  async look(): Promise<void> {
    const { redis, prefix, node, keepMs } = this.#options;
    if (!redis.isConnected) return;
    try {
      const args = [`${node}`, `${keepMs}`];
      const answer = await redis.script(SEE_NODES, [`${prefix}:nodes:seen`], args);
      const all = Array.isArray(answer) ? answer.map(Number) : [];
      this.#nodes = all.filter((one) => Number.isSafeInteger(one)).slice(-NODES_MAX);
      const found = new Set(this.#nodes);
      this.#come = this.#come.filter((one) => !found.has(one));
    } catch {
      // It is asked again soon.
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
