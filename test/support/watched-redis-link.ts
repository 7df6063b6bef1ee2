/** A link to Redis that notes what it hears and logs, and waits for what shall come of it. */

import { RedisLinkError } from '../../src/server/links/redis/redis-fault.ts';
import {
  openRedisLink,
  type RedisLink,
  type RedisLinkOptions,
} from '../../src/server/links/redis/redis-link.ts';
import { within } from './raw-deadline.ts';

const WAIT_MS = 25_000;
const POLL_MS = 10;

export class WatchedRedisLink implements AsyncDisposable {
  readonly messages: [channel: string, payload: Buffer][] = [];
  /** As they came: `lost` and `connected`. */
  readonly changes: string[] = [];
  readonly lines: string[] = [];
  #link: RedisLink | undefined;

  /** @param options `connectTimeoutMs` is some seconds if not told */
  static async open(
    url: string,
    options: Partial<RedisLinkOptions> = {},
  ): Promise<WatchedRedisLink> {
    const watched = new WatchedRedisLink();
    const say =
      (level: string) =>
      (message: string, fields: object = {}): void =>
        void watched.lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
    watched.#link = await openRedisLink(
      { url, connectTimeoutMs: 10_000, ...options },
      {
        onMessage: (channel, payload) =>
          void watched.messages.push([channel, Buffer.from(payload)]),
        onConnected: () => void watched.changes.push('connected'),
        onLost: () => void watched.changes.push('lost'),
      },
      { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
    );
    return watched;
  }

  get link(): RedisLink {
    return this.#link as RedisLink;
  }

  /** Payloads of a channel as text, in their order. */
  heardOn(channel: string): readonly string[] {
    return this.messages.flatMap(([name, payload]) => (name === channel ? [String(payload)] : []));
  }

  /** How many lines say something. */
  said(words: string): number {
    return this.lines.filter((line) => line.includes(words)).length;
  }

  async until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const look = async (): Promise<void> => {
      while (!(await isSo())) await Bun.sleep(POLL_MS);
    };
    try {
      await within(what, look(), WAIT_MS);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.lines.join('\n')}`);
    }
  }

  async lost(times = 1): Promise<void> {
    await this.until('the link is lost', () => this.#count('lost') >= times);
  }

  /** Until it was connected so many times, the first among them. */
  async connected(times: number): Promise<void> {
    await this.until('the link is connected', () => this.#count('connected') >= times);
  }

  /** Until each of the channels is heard by so many connections. */
  async subscribed(channel: string, sharded = false, count = 1): Promise<void> {
    await this.until(`${channel} is subscribed`, async () => {
      return (await this.link.subscribers(channel, sharded).catch(() => -1)) === count;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link.close();
  }

  #count(change: string): number {
    return this.changes.filter((one) => one === change).length;
  }
}

/** Why something failed; fails when it did not. */
export async function failureOf(promise: Promise<unknown>): Promise<RedisLinkError> {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof RedisLinkError) return failure;
  throw new Error('it did not fail as a link does', { cause: failure });
}
