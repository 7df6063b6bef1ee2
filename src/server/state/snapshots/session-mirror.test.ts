import { afterEach, expect, test } from 'bun:test';
import { logLines } from '../../../../test/support/log-lines.ts';
import { bucketOf } from '../redis/buckets.ts';
import type { RedisCommands } from '../redis/redis-commands.ts';
import { SessionMirror, sessionsKey } from './session-mirror.ts';

type Command = readonly (string | Uint8Array)[];

/** Hashes in memory, by the commands that a mirror uses. */
class Hashes implements RedisCommands {
  isConnected = true;
  fault: Error | undefined;
  readonly keys: Map<string, Map<string, string>> = new Map();
  readonly commands: string[][] = [];

  async pipeline(_key: string, commands: readonly Command[]): Promise<readonly unknown[]> {
    await Promise.resolve();
    if (this.fault !== undefined) throw this.fault;
    return commands.map((command) => this.#run(command.map(String)));
  }

  script(): Promise<unknown> {
    throw new Error('there is none');
  }

  get sessions(): string[] {
    const fields = [...this.keys.values()].flatMap((hash) => [...hash]);
    return fields.filter(([id]) => id !== '').map((field) => field.join(' '));
  }

  #run(command: string[]): number {
    this.commands.push(command);
    const [name, key = '', ...args] = command;
    const hash = this.keys.get(key) ?? new Map<string, string>();
    if (name === 'UNLINK') hash.clear();
    if (name === 'HDEL') for (const id of args) hash.delete(id);
    if (name === 'HSET') {
      for (let at = 0; at < args.length; at += 2) hash.set(args[at] ?? '', args[at + 1] ?? '');
    }
    if (name === 'HEXISTS') return hash.has(args[0] ?? '') ? 1 : 0;
    const wasThere = this.keys.has(key);
    if (hash.size > 0) this.keys.set(key, hash);
    else this.keys.delete(key);
    return wasThere ? 1 : 0;
  }
}

let open: SessionMirror | undefined;
afterEach(() => open?.close());

function begin() {
  const redis = new Hashes();
  const kept = new Map<string, string>();
  const log = logLines();
  const snapshots = {
    ids: () => kept.keys() as Generator<string>,
    textOf: (id: string) => kept.get(id),
  };
  const options = { redis, prefix: 'p', node: 7, windowMs: 60_000, snapshots, log };
  const mirror = new SessionMirror(options);
  open = mirror;
  return {
    redis,
    kept,
    mirror,
    log,
    opened: (id: string, text = 'text') => {
      kept.set(id, text);
      mirror.opened(id);
    },
    over: (id: string) => {
      kept.delete(id);
      mirror.gone(id);
    },
    /** All keys are refreshed, and what is found on the way is written. */
    settle: async () => {
      for (let tick = 0; tick < 10; tick++) mirror.tick();
      await new Promise<void>((resolve) => setImmediate(resolve));
      await mirror.flush();
    },
  };
}

test('between two writes a session is one field, and none when it has come and gone', async () => {
  const { redis, mirror, kept, opened, over } = begin();
  opened('a');
  kept.set('a', 'latest');
  mirror.changed('a');
  opened('b');
  over('b');
  await mirror.flush();
  expect(redis.sessions).toEqual(['a latest']);
  const key = sessionsKey('p', bucketOf('a'), 7);
  const { commands } = redis;
  expect(commands.filter(([name]) => name === 'HSET')).toEqual([
    ['HSET', key, '', '-', 'a', 'latest'],
  ]);
  expect(commands).toContainEqual(['PEXPIRE', key, '90000']);
  over('a');
  await mirror.flush();
  expect(redis.sessions).toEqual([]);
  await mirror.flush();
  expect(mirror.view).toMatchObject({ waiting: 0, written: 1, dropped: 0 });
});

test('what Redis has lost is written again, and no more than that', async () => {
  const { redis, mirror, opened, over, settle } = begin();
  opened('a');
  opened('b');
  await settle();
  const before = redis.commands.filter(([name]) => name === 'HSET').length;
  await settle();
  expect(redis.commands.filter(([name]) => name === 'HSET')).toHaveLength(before);
  redis.keys.clear();
  await settle();
  expect(redis.sessions.toSorted()).toEqual(['a text', 'b text']);
  // Also when others come into the same bucket before it is looked for.
  redis.keys.clear();
  const inBucket = (id: string): boolean => bucketOf(id) === bucketOf('a');
  const other = Array.from({ length: 99_999 }, (_, at) => `o${at}`).find(inBucket) as string;
  opened(other);
  await mirror.flush();
  await settle();
  expect(redis.sessions.toSorted()).toEqual(['a text', 'b text', `${other} text`]);
  over('a');
  over('b');
  over(other);
  await settle();
  await settle();
  expect(redis.sessions).toEqual([]);
});

test('while Redis is away changes wait, and what is over then is over there too', async () => {
  const { redis, mirror, log, opened, over, settle } = begin();
  opened('a');
  await mirror.flush();
  redis.fault = new Error('away');
  opened('b');
  over('a');
  for (let time = 0; time < 3; time++) await settle();
  expect(mirror.view.waiting).toBe(2);
  expect(log.lines).toHaveLength(1);
  redis.fault = undefined;
  await settle();
  expect(redis.sessions).toEqual(['b text']);
});

test('one that is too large is not there, nor what was there of it', async () => {
  const { redis, mirror, kept, opened } = begin();
  opened('a');
  await mirror.flush();
  kept.set('a', 'x'.repeat(300_000));
  mirror.changed('a');
  await mirror.flush();
  expect(redis.sessions).toEqual([]);
  expect(mirror.view.tooLarge).toBe(1);
});

test('when more waits than may, the oldest is dropped, and all is written anew later', async () => {
  const { redis, mirror, kept, opened, over, settle } = begin();
  opened('old');
  opened('left');
  await mirror.flush();
  redis.isConnected = false;
  over('old');
  for (let at = 0; at < 500_000; at++) mirror.changed(`never ${at}`);
  expect(mirror.view).toMatchObject({ waiting: 500_000, dropped: 1 });
  redis.isConnected = true;
  kept.set('left', 'latest');
  await settle();
  while (mirror.view.waiting > 0) await mirror.flush();
  expect(redis.sessions).toEqual(['left latest']);
});

test('what waits at the end of the node is written', async () => {
  const { redis, mirror, opened } = begin();
  opened('a');
  await mirror.close();
  expect(redis.sessions).toEqual(['a text']);
});

test('all is written anew at once when Redis is there again, whatever it has lost', async () => {
  const { redis, mirror, opened } = begin();
  opened('a');
  opened('b');
  await mirror.flush();
  redis.keys.clear();
  mirror.reconnected();
  await mirror.flush();
  expect(redis.sessions.toSorted()).toEqual(['a text', 'b text']);
  for (const hash of redis.keys.values()) expect(hash.has('')).toBe(true);
});
