import { afterEach, describe, expect, test } from 'bun:test';
import { type RedisServer, startRedis, valkey } from '../../../../test/support/redis-servers.ts';
import { requirement } from '../../../../test/support/requires.ts';
import { failureOf, WatchedRedisLink } from '../../../../test/support/watched-redis-link.ts';
import { luaScript } from './redis-script.ts';

const redis = requirement('redis');
const valkeyServer = valkey();
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

let server: RedisServer | undefined;

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

describe.each([
  ['Redis', redis],
  ['Valkey', valkeyServer],
] as const)('%s', (_name, program) => {
  const start = async (): Promise<RedisServer> => {
    server = await startRedis({ program: program.path, lines: ['databases 16'] });
    return server;
  };

  test.skipIf(!program.available)(
    program.title('bytes come as they were sent, by channel, pattern and shard'),
    async () => {
      await using watched = await WatchedRedisLink.open((await start()).url);
      const { link } = watched;
      expect(link.version[0]).toBeGreaterThanOrEqual(7);
      link.subscribe(['plain', 'other']);
      link.subscribe(['shard'], true);
      link.subscribePattern('room:*');
      await watched.subscribed('plain');
      await watched.subscribed('shard', true);
      await watched.until('the pattern is heard', async () => {
        return (await link.publish('room:1', BYTES)) === 1;
      });
      expect(await link.publish('plain', BYTES)).toBe(1);
      expect(await link.publishSharded('shard', new Uint8Array(BYTES))).toBe(1);
      await watched.until('all came', () => watched.messages.length === 3);
      for (const [, payload] of watched.messages) expect(payload).toEqual(BYTES);
      link.unsubscribe(['plain', 'never']);
      link.unsubscribe(['shard'], true);
      link.unsubscribePattern('room:*');
      await watched.subscribed('plain', false, 0);
      expect(await link.publish('room:1', BYTES)).toBe(0);
      expect(await link.publishSharded('shard', BYTES)).toBe(0);
      expect(link.figures.messagesHeard).toBe(3);
      expect(link.fault).toBeUndefined();
    },
  );

  test.skipIf(!program.available)(
    program.title('commands, pipelines and scripts answer in texts or bytes'),
    async () => {
      await using watched = await WatchedRedisLink.open(`${(await start()).url}/3`);
      const { link } = watched;
      expect(await link.command('a', ['SET', 'a', BYTES])).toBe('OK');
      expect(await link.command('a', ['GET', 'a'], { asBuffers: true })).toEqual(BYTES);
      await link.command('h', ['HSET', 'h', 'x', '1', 'y', '2']);
      expect(await link.command('h', ['HGETALL', 'h'])).toEqual(['x', '1', 'y', '2']);
      const commands = [
        ['INCR', 'n'],
        ['INCR', 'n'],
        ['GET', 'n'],
      ] as const;
      expect(await link.pipeline('n', commands)).toEqual([1, 2, '2']);
      const script = luaScript('return {KEYS[1], ARGV[1]}');
      expect(await link.script(script, ['k'], ['v'])).toEqual(['k', 'v']);
      expect(await link.script(script, ['k'], ['v'], { asBuffers: true })).toEqual([
        Buffer.from('k'),
        Buffer.from('v'),
      ]);
      const wrong = link.command('a', ['HGET', 'a', 'x']);
      expect(await failureOf(wrong)).toMatchObject({ fault: 'refused', isOfCommand: true });
      expect(link.fault).toBeUndefined();
      expect(await server?.command('GET', 'a')).toBeNull();
    },
  );

  test.skipIf(!program.available)(
    program.title('killed and started again, it hears what it heard before'),
    async () => {
      const one = await start();
      await using watched = await WatchedRedisLink.open(one.url);
      const { link } = watched;
      link.subscribe(Array.from({ length: 20_000 }, (_, at) => `c:${at}`));
      link.subscribe(
        Array.from({ length: 3_000 }, (_, at) => `s:${at}`),
        true,
      );
      link.subscribePattern('p:*');
      await watched.subscribed('c:19999');
      await one.kill();
      await watched.lost();
      expect(link.isConnected).toBe(false);
      expect(await failureOf(link.publish('c:1', BYTES))).toMatchObject({ fault: 'unreachable' });
      link.subscribe(['late']);
      link.unsubscribe(['c:7']);
      await one.start();
      await watched.connected(2);
      for (const channel of ['c:0', 'c:19999', 'late', 'p:1']) {
        expect(await link.publish(channel, BYTES)).toBe(1);
      }
      expect(await link.publishSharded('s:2999', BYTES)).toBe(1);
      expect(await link.publish('c:7', BYTES)).toBe(0);
      expect(watched.changes).toEqual(['connected', 'lost', 'connected']);
      expect(link.figures).toMatchObject({ reconnects: 1, faults: { unreachable: 1 } });
      expect(watched.said('does not answer')).toBe(1);
      expect(watched.said('a fault of Redis is over')).toBe(1);
    },
  );
});

test.skipIf(!redis.available)(
  redis.title('a server that stands still is slow, then away, and back when it goes on'),
  async () => {
    server = await startRedis();
    await using watched = await WatchedRedisLink.open(server.url);
    const { link } = watched;
    link.subscribe(['a']);
    await watched.subscribed('a');
    server.stop();
    const published = link.publish('a', BYTES).catch((error: unknown) => error);
    await watched.until('it is slow', () => link.fault === 'slow');
    expect(link.isConnected).toBe(true);
    await watched.lost();
    expect(await published).toMatchObject({ fault: 'unreachable' });
    expect(link.fault).toBe('unreachable');
    server.cont();
    await watched.connected(2);
    await watched.until('all is well', () => link.fault === undefined);
    expect(await link.publish('a', BYTES)).toBe(1);
    expect(watched.said('to answer')).toBe(1);
  },
);

test.skipIf(!redis.available)(
  redis.title('a server that stands still for a moment loses nothing'),
  async () => {
    server = await startRedis();
    await using watched = await WatchedRedisLink.open(server.url);
    const { link } = watched;
    link.subscribe(['a']);
    await watched.subscribed('a');
    server.stop();
    const published = Array.from({ length: 100 }, (_, at) =>
      link.publish('a', Buffer.from(`${at}`)),
    );
    const late = link.command('a', ['GET', 'a'], { timeoutMs: 50 });
    expect(await failureOf(late)).toMatchObject({ fault: 'slow' });
    await watched.until('it is slow', () => link.fault === 'slow');
    server.cont();
    await Promise.all(published);
    await watched.until('all came', () => watched.messages.length === 100);
    expect(watched.heardOn('a')).toEqual(Array.from({ length: 100 }, (_, at) => `${at}`));
    await watched.until('it is over', () => link.fault === undefined);
    expect(watched.changes).toEqual(['connected']);
  },
);

test.skipIf(!redis.available)(
  redis.title('a command that waits has its own connection, and goes on after a restart'),
  async () => {
    server = await startRedis();
    await using watched = await WatchedRedisLink.open(server.url);
    const { link } = watched;
    const blocking = link.blocking('stream');
    const read = (from: string): Promise<unknown> =>
      blocking.next(['XREAD', 'BLOCK', '20000', 'STREAMS', 'stream', from], 20_000, true);
    const first = read('$');
    await watched.until('it waits', async () => {
      return String(await server?.command('CLIENT', 'LIST')).includes('cmd=xread');
    });
    await link.command('stream', ['XADD', 'stream', '1-1', 'f', BYTES]);
    const fields = [Buffer.from('f'), BYTES];
    expect(await first).toEqual([Buffer.from('stream'), [[Buffer.from('1-1'), fields]]]);
    const second = read('1-1').catch((error: unknown) => error);
    await watched.until('it waits', async () => {
      return String(await server?.command('CLIENT', 'LIST')).includes('cmd=xread');
    });
    await server.restart();
    expect(await second).toMatchObject({ fault: 'unreachable' });
    await watched.connected(2);
    const third = read('1-1');
    await link.command('stream', ['XADD', 'stream', '1-2', 'f', 'v']);
    expect(String(await third)).toBe('stream,1-2,f,v');
    const fourth = read('1-2').catch((error: unknown) => error);
    blocking.close();
    expect(await fourth).toMatchObject({ name: 'RedisLinkError' });
  },
);

test.skipIf(!redis.available)(
  redis.title('with TLS, by the file of its CA and not without'),
  async () => {
    server = await startRedis({ tls: true, password: 'secret' });
    await using watched = await WatchedRedisLink.open(server.url, { caFile: server.caFile });
    const { link } = watched;
    link.subscribe(['a']);
    await watched.subscribed('a');
    const large = Buffer.alloc(3_000_000, 7);
    expect(await link.publish('a', large)).toBe(1);
    await watched.until('it came', () => watched.messages.length === 1);
    expect(watched.messages[0]?.[1].equals(large)).toBe(true);
    await server.restart();
    await watched.connected(2);
    const without = WatchedRedisLink.open(server.url, { connectTimeoutMs: 1_000 });
    expect((await failureOf(without)).message).toMatch(/certificate is not accepted.*caFile/);
    const missing = WatchedRedisLink.open(server.url, { caFile: '/nowhere/ca.pem' });
    expect((await failureOf(missing)).message).toMatch('cannot be read');
    const plain = WatchedRedisLink.open(server.url.replace('rediss', 'redis'), {
      connectTimeoutMs: 1_000,
    });
    expect(await failureOf(plain)).toMatchObject({ fault: 'unreachable' });
  },
);

test.skipIf(!redis.available)(
  redis.title('whatever is wanted and not while connections come and go, the end is what counts'),
  async () => {
    server = await startRedis();
    await using watched = await WatchedRedisLink.open(server.url);
    const { link } = watched;
    const wanted = new Set<string>();
    const step = async (at: number): Promise<void> => {
      // Three names of a hundred in turns that are not the same twice.
      const channels = [7, 31, 57].map((factor) => `c:${(at * factor + (at >> 3)) % 100}`);
      const isWanted = (at * 13) % 5 < 3;
      if (isWanted) link.subscribe(channels);
      else link.unsubscribe(channels);
      for (const channel of channels) wanted[isWanted ? 'add' : 'delete'](channel);
      if (at % 3 === 0) await Bun.sleep(0);
      if (at % 400 === 0) await server?.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    };
    for (let at = 1; at < 4_000; at++) await step(at);
    await watched.until('it is as wanted', async () => {
      const channels = (await server?.command('PUBSUB', 'CHANNELS')) as readonly string[];
      return [...channels].sort().join() === [...wanted].sort().join();
    });
    expect(wanted.size).toBeGreaterThan(10);
    watched.messages.length = 0;
    for (let at = 0; at < 100; at++) await link.publish(`c:${at}`, BYTES);
    await watched.until('all came', () => watched.messages.length === wanted.size);
    expect(new Set(watched.messages.map(([channel]) => channel))).toEqual(wanted);
    expect(link.figures.reconnects).toBeGreaterThan(0);
  },
);
