import { describe, expect, test } from 'bun:test';
import { startRedis, startReplica } from '../../../../test/support/redis-servers.ts';
import { requirement } from '../../../../test/support/requires.ts';
import { failureOf, WatchedRedisLink } from '../../../../test/support/watched-redis-link.ts';

const redis = requirement('redis');
const WORD = Buffer.from('word');
const ADVICE = 'redis://user:password@host:port';

test.skipIf(!redis.available)(
  redis.title('a wrong password is said at once, and never shown'),
  async () => {
    await using server = await startRedis({
      password: 'right-one',
      users: ['me on >mine ~* +@all'],
    });
    for (const url of [server.urlOf('', 'wrong-one'), server.urlOf('me', 'wrong-one')]) {
      const failure = await failureOf(WatchedRedisLink.open(url));
      expect(failure.fault).toBe('wrongPassword');
      expect(failure.message).toContain(ADVICE);
      expect(Bun.inspect(failure)).not.toContain('wrong-one');
    }
    const without = await failureOf(WatchedRedisLink.open(server.urlOf('', '')));
    expect(without.fault).toBe('wrongPassword');
  },
);

test.skipIf(!redis.available)(
  redis.title('a password that is changed is a fault until it is changed back'),
  async () => {
    await using server = await startRedis({ users: ['me on >one ~* &* +@all'] });
    await using watched = await WatchedRedisLink.open(server.urlOf('me', 'one'));
    await server.command('ACL', 'SETUSER', 'me', '<one', '>two');
    await server.command('CLIENT', 'KILL', 'USER', 'me');
    await watched.until('it is wrong', () => watched.link.fault === 'wrongPassword');
    await server.command('ACL', 'SETUSER', 'me', '>one');
    await watched.connected(2);
    expect(watched.link.fault).toBeUndefined();
    expect(watched.said('says: WRONGPASS')).toBe(1);
  },
);

test.skipIf(!redis.available)(
  redis.title('what a user may not is said once, and is over when it may'),
  async () => {
    const users = ['me on >one ~* &allowed:* +@all -publish -ping'];
    await using server = await startRedis({ users });
    await using watched = await WatchedRedisLink.open(server.urlOf('me', 'one'));
    const { link } = watched;
    for (let times = 0; times < 50; times++) {
      const failure = await failureOf(link.publish('allowed:1', WORD));
      expect(failure.fault).toBe('notPermitted');
      expect(failure.message).toContain('publish');
    }
    expect(link.fault).toBe('notPermitted');
    expect(watched.said('NOPERM')).toBe(1);
    await server.command('ACL', 'SETUSER', 'me', '+publish');
    await watched.until('it is over', async () => {
      await link.publish('allowed:1', WORD);
      return link.fault === undefined;
    });
    link.subscribe(['allowed:1', 'forbidden:1']);
    link.subscribe(['allowed:2']);
    await watched.subscribed('allowed:2');
    await watched.until('it is refused', () => link.fault === 'notPermitted');
    await server.command('ACL', 'SETUSER', 'me', '&forbidden:*');
    await watched.subscribed('forbidden:1');
    await watched.subscribed('allowed:1');
    await watched.until('it is over', () => link.fault === undefined);
    expect(watched.changes).toEqual(['connected']);
  },
);

test.skipIf(!redis.available)(
  redis.title('a replica takes no writes, which is over when it is the master'),
  async () => {
    await using master = await startRedis();
    await using replica = await startReplica(master);
    await using watched = await WatchedRedisLink.open(replica.url);
    const { link } = watched;
    expect((await failureOf(link.command('a', ['SET', 'a', 'x']))).fault).toBe('readOnly');
    await watched.until('it is said', () => link.fault === 'readOnly');
    await replica.command('REPLICAOF', 'NO', 'ONE');
    await watched.until('it is over', async () => {
      await link.command('a', ['SET', 'a', 'x']).catch(() => {});
      return link.fault === undefined;
    });
    expect(link.figures.faults.readOnly).toBe(1);
  },
);

test.skipIf(!redis.available)(
  redis.title('a server without memory refuses writes, and publishes all the same'),
  async () => {
    await using server = await startRedis({
      lines: ['maxmemory 1mb', 'maxmemory-policy noeviction'],
    });
    await using watched = await WatchedRedisLink.open(server.url);
    const { link } = watched;
    const fill = async (): Promise<void> => {
      for (;;) await link.command('s', ['XADD', 's', '*', 'f', Buffer.alloc(10_000)]);
    };
    const failure = await failureOf(fill());
    expect(failure.fault).toBe('outOfMemory');
    expect(failure.message).toContain('maxmemory');
    expect(link.fault).toBe('outOfMemory');
    link.subscribe(['a']);
    await watched.subscribed('a');
    expect(await link.publish('a', WORD)).toBe(1);
    await server.command('CONFIG', 'SET', 'maxmemory', '100mb');
    await watched.until('it is over', async () => {
      await link.command('s', ['XADD', 's', '*', 'f', WORD]);
      return link.fault === undefined;
    });
  },
);

test.skipIf(!redis.available)(
  redis.title('a server that is not there is waited for as long as was said'),
  async () => {
    await using server = await startRedis();
    const { url } = server;
    await server.kill();
    const failure = await failureOf(WatchedRedisLink.open(url, { connectTimeoutMs: 300 }));
    expect(failure.fault).toBe('unreachable');
    expect(failure.message).toContain('see that it runs');
    const opening = WatchedRedisLink.open(url);
    await server.start();
    await using watched = await opening;
    expect(watched.link.isConnected).toBe(true);
    const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } });
    const mute = `redis://127.0.0.1:${silent.port}`;
    const unanswered = await failureOf(WatchedRedisLink.open(mute, { connectTimeoutMs: 300 }));
    expect(unanswered.fault).toBe('unreachable');
    silent.stop(true);
  },
);

test.skipIf(!redis.available)(
  redis.title('too many clients, and what is no Redis, are refused in words'),
  async () => {
    await using server = await startRedis({ lines: ['maxclients 1'] });
    const busy = Bun.connect({
      hostname: '127.0.0.1',
      port: server.port,
      socket: { data: () => {} },
    });
    const held = await busy;
    const failure = await failureOf(WatchedRedisLink.open(server.url, { connectTimeoutMs: 500 }));
    expect(failure.message).toContain('max number of clients');
    held.end();
    using web = Bun.serve({ port: 0, fetch: () => new Response('hello') });
    const url = `redis://127.0.0.1:${web.port}`;
    const strange = await failureOf(WatchedRedisLink.open(url, { connectTimeoutMs: 500 }));
    expect(strange.name).toBe('RedisLinkError');
  },
);

test.skipIf(!redis.available)(
  redis.title('a server that reads its data is waited for, and said to do so'),
  async () => {
    await using server = await startRedis({ lines: ['key-load-delay 400'] });
    await using watched = await WatchedRedisLink.open(server.url);
    const { link } = watched;
    // It looks at its connections after each 1,024 of them.
    const keys = Array.from({ length: 5_000 }, (_, at) => ['SET', `{k}${at}`, 'x']);
    await link.pipeline('{k}', keys);
    await server.restart();
    await watched.until('it loads', () => link.figures.faults.loading === 1);
    await watched.connected(2);
    expect(link.fault).toBeUndefined();
    expect(await link.command('{k}', ['GET', '{k}99'])).toBe('x');
  },
);

describe('servers of another time', () => {
  /** Answers each command that comes with the same. */
  function fakeServer(answer: string): Bun.TCPSocketListener {
    return Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data: (socket, bytes) => {
          const commands = bytes.toString().match(/^\*\d+\r$/gm) ?? [];
          socket.write(answer.repeat(commands.length));
        },
      },
    });
  }
  const hello = (version: string): string =>
    `%2\r\n$7\r\nversion\r\n$${version.length}\r\n${version}\r\n$4\r\nrole\r\n$6\r\nmaster\r\n`;

  test.each([
    ['without HELLO', '-ERR unknown command `HELLO`, with args\r\n'],
    ['before 6.2', hello('6.0.16')],
    ['without a version', '%0\r\n'],
  ])('%s are too old', async (_what, answer) => {
    using server = fakeServer(answer);
    const failure = await failureOf(WatchedRedisLink.open(`redis://127.0.0.1:${server.port}`));
    expect(failure.fault).toBe('tooOld');
    expect(failure.message).toContain('needs Redis 6.2');
  });

  test('before 7 they have no shards', async () => {
    using server = fakeServer(hello('6.2.14'));
    await using watched = await WatchedRedisLink.open(`redis://127.0.0.1:${server.port}`);
    const { link } = watched;
    expect(link.version).toEqual([6, 2, 14]);
    expect((await failureOf(link.publishSharded('a', WORD))).fault).toBe('tooOld');
    expect((await failureOf(link.subscribers('a', true))).fault).toBe('tooOld');
    expect(() => link.subscribe(['a'], true)).toThrow('needs Redis 7');
    await link.publish('a', WORD);
  });
});
