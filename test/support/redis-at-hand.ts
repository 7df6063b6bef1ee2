/** Redis as state of a cluster uses it: a few lines over the client, for tests. */

import { createClient, createCluster } from '@redis/client';
import type { LuaScript } from '../../src/server/links/redis/redis-script.ts';
import type { RedisCommands } from '../../src/server/state/redis/redis-commands.ts';

type Arguments = readonly (string | Uint8Array)[];

/** A connection whose server may be made to seem away. */
export interface RedisAtHand extends RedisCommands {
  isConnected: boolean;
  /** Commands so far, scripts among them. */
  readonly commands: number;
  /** Sends one to the node that has the key, or to all for `undefined`. */
  send(key: string | undefined, args: readonly string[]): Promise<unknown>;
  close(): Promise<void>;
}

/** @param ports of one server, or of some of a cluster */
export async function redisAtHand(ports: readonly number[]): Promise<RedisAtHand> {
  const urls = ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }));
  let commands = 0;
  let raw: (key: string, args: Arguments) => Promise<unknown>;
  let inOrder: (key: string, all: readonly Arguments[]) => Promise<readonly unknown[]>;
  let toAll: (args: readonly string[]) => Promise<unknown>;
  let close: () => Promise<void>;
  const bytes = (args: Arguments): (string | Buffer)[] => {
    return args.map((arg) => (typeof arg === 'string' ? arg : Buffer.from(arg)));
  };
  if (ports.length === 1) {
    const client = createClient({ url: urls[0]?.url as string });
    await client.connect();
    raw = (_key, args) => client.sendCommand(bytes(args));
    inOrder = (key, all) => Promise.all(all.map((args) => raw(key, args)));
    toAll = (args) => client.sendCommand([...args]);
    close = async () => client.destroy();
  } else {
    const cluster = createCluster({ rootNodes: urls });
    await cluster.connect();
    raw = (key, args) => cluster.sendCommand(key, false, bytes(args));
    inOrder = async (key, all) => {
      const multi = cluster.multi(key);
      for (const args of all) multi.addCommand(key, false, bytes(args));
      return (await multi.execAsPipeline()) as readonly unknown[];
    };
    toAll = async (args) => {
      for (const { address } of cluster.masters) {
        const client = createClient({ url: `redis://${address}` });
        await client.connect();
        await client.sendCommand([...args]);
        client.destroy();
      }
    };
    close = async () => cluster.destroy();
  }
  const link = {
    isConnected: true,
    get commands() {
      return commands;
    },
    async send(key: string | undefined, args: readonly string[]) {
      return await (key === undefined ? toAll(args) : raw(key, args));
    },
    async script(lua: LuaScript, keys: readonly string[], args: Arguments) {
      if (!link.isConnected) throw new Error('no connection');
      commands++;
      const rest = [`${keys.length}`, ...keys, ...args];
      try {
        return await raw(keys[0] as string, ['EVALSHA', lua.sha, ...rest]);
      } catch (error) {
        if (!String(error).includes('NOSCRIPT')) throw error;
        return await raw(keys[0] as string, ['EVAL', lua.text, ...rest]);
      }
    },
    async pipeline(key: string, all: readonly Arguments[]) {
      if (!link.isConnected) throw new Error('no connection');
      commands += all.length;
      return await inOrder(key, all);
    },
    close: () => close(),
  };
  return link;
}
