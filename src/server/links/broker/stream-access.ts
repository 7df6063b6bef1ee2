/** The stream of a cluster in Redis: the commands behind `NodeStream`. */

import type { RedisBlocking } from '../redis/redis-blocking.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import { type LuaScript, luaScript } from '../redis/redis-script.ts';
import addEntriesText from './add-entries.lua' with { type: 'text' };
import type { RawEntry, StreamAccess } from './node-stream.ts';
import type { EntryFields } from './stream-writer.ts';

export interface RedisStreamOptions {
  readonly link: RedisLink;
  readonly key: string;
  /** Entries that it keeps, about. */
  readonly length: number;
}

const ADD_ENTRIES: LuaScript = luaScript(addEntriesText);

export class RedisStream implements StreamAccess {
  readonly #options: RedisStreamOptions;
  #reader: RedisBlocking | undefined;

  constructor(options: RedisStreamOptions) {
    this.#options = options;
  }

  get key(): string {
    return this.#options.key;
  }

  async write(entries: readonly EntryFields[]): Promise<readonly unknown[]> {
    const { link, key, length } = this.#options;
    const args = entries.flatMap((fields) => [String(fields.length), ...fields]);
    return (await link.script(ADD_ENTRIES, [key], [String(length), ...args])) as unknown[];
  }

  async read(after: string, count: number, waitMs: number): Promise<readonly RawEntry[]> {
    const { link, key } = this.#options;
    this.#reader ??= link.blocking(key);
    const args = ['COUNT', String(count), 'BLOCK', String(waitMs), 'STREAMS', key, after];
    const answer = await this.#reader.next(['XREAD', ...args], waitMs, true);
    // The name of the one stream that was asked for, and its entries.
    return Array.isArray(answer) ? entriesIn(answer[1]) : [];
  }

  async range(from: string, count: number): Promise<readonly RawEntry[]> {
    const { link, key } = this.#options;
    const args = ['XRANGE', key, from, '+', 'COUNT', String(count)];
    return entriesIn(await link.command(key, args, { asBuffers: true }));
  }

  async isCut(): Promise<boolean | undefined> {
    const { link, key, length } = this.#options;
    if (Number(await link.command(key, ['EXISTS', key])) === 0) return undefined;
    const facts = (await link.command(key, ['XINFO', 'STREAM', key])) as readonly unknown[];
    const fact = (name: string): unknown => facts[facts.indexOf(name) + 1];
    // Before Redis 7 it does not say how many there were.
    if (!facts.includes('entries-added')) return Number(fact('length')) >= length;
    return Number(fact('entries-added')) > Number(fact('length'));
  }

  close(): void {
    this.#reader?.close();
  }
}

/** @throws TypeError for what is no answer of a stream */
function entriesIn(answer: unknown): readonly RawEntry[] {
  if (!Array.isArray(answer)) throw new TypeError('Redis answers with no entries');
  return answer.map((entry: unknown) => {
    const [id, values] = entry as readonly [Buffer, readonly Buffer[]];
    const fields = new Map<string, Buffer>();
    for (let at = 0; at + 1 < values.length; at += 2) {
      fields.set(String(values[at]), values[at + 1] as Buffer);
    }
    return { id: String(id), fields };
  });
}
