/** What state of a cluster needs of Redis: the part of a link to it that is used here. */

import type { LuaScript } from '../../links/redis/redis-script.ts';

/**
 * Commands that name keys of one slot, as those of a Redis Cluster have to. Those of one slot are
 * run in the order of the calls. All of them reject when Redis is not there or takes too long.
 */
export interface RedisCommands {
  readonly isConnected: boolean;
  /** @param keys all of one slot, at least one */
  script(
    lua: LuaScript,
    keys: readonly string[],
    args: readonly (string | Uint8Array)[],
  ): Promise<unknown>;
  /** @param key one of the slot of all of them. Resolves with an answer for each */
  pipeline(
    key: string,
    commands: readonly (readonly (string | Uint8Array)[])[],
  ): Promise<readonly unknown[]>;
}
