import { afterEach, expect, test } from 'bun:test';
import type { UserSeats } from '../../src/server/core/contracts/user-seats.ts';
import type { RedisLink } from '../../src/server/links/redis/redis-link.ts';
import type { RedisCommands } from '../../src/server/state/redis/redis-commands.ts';
import { EmbeddedSeats } from '../../src/server/state/seats/embedded-seats.ts';
import { RedisSeats } from '../../src/server/state/seats/redis-seats.ts';
import { onEachRedis } from '../support/each-redis.ts';
import { logLines } from '../support/log-lines.ts';
import { requirement } from '../support/requires.ts';
import { seatsSuite } from './seats-suite.ts';

const redis = requirement('redis');
const NODES = [11, 22, 33];

seatsSuite('embedded', (most, endsOldest) => ({
  seats: new EmbeddedSeats({ most, endsOldest }),
  close: () => {},
}));

onEachRedis(redis, (kind, at) => {
  let open: RedisSeats[] = [];

  /** A node each, all of which know of each other. */
  function begin(most: number, endsOldest: boolean) {
    const of = at();
    const log = logLines();
    const redis = new RedisThatSeemsAway(of.redis);
    const nodes = NODES.map((node) => {
      const peers = (): number[] => NODES.filter((other) => other !== node);
      return new RedisSeats({ ...of, redis, node, peers, most, endsOldest, log });
    });
    open.push(...nodes);
    return {
      nodes: nodes as [RedisSeats, RedisSeats, RedisSeats],
      log,
      ...of,
      redis,
      link: of.redis,
    };
  }

  afterEach(() => {
    for (const seats of open) seats.close();
    open = [];
  });

  seatsSuite(`${kind}, one node`, (most, endsOldest) => ({
    seats: begin(most, endsOldest).nodes[0],
    close: () => {},
  }));

  seatsSuite(`${kind}, a worker on each of three nodes`, (most, endsOldest) => ({
    seats: spread(begin(most, endsOldest).nodes),
    close: () => {},
  }));

  test('who loses a seat on another node is named with it', async () => {
    const { nodes } = begin(1, true);
    await nodes[2].take(7, seated('a'));
    const lost = [{ node: 33, worker: 7, namespace: '/', id: 'a' }];
    expect(await nodes[0].take(1, seated('b'))).toEqual({ isGranted: true, lost });
    const own = [{ worker: 1, namespace: '/', id: 'b' }];
    expect((await nodes[0].take(1, seated('c'))).lost).toEqual(own);
  });

  test('while Redis is away a node counts by itself, and says so once', async () => {
    const { nodes, redis: link, log } = begin(1, false);
    const [one, other] = nodes;
    await one.take(0, seated('a'));
    link.isThere = false;
    expect((await one.take(0, seated('b'))).isGranted).toBe(false);
    expect((await other.take(0, seated('b'))).isGranted).toBe(true);
    one.release(0, seated('a'));
    expect((await one.take(0, seated('c', 'bob'))).isGranted).toBe(true);
    expect(log.lines).toHaveLength(2);
    link.isThere = true;
    for (const seats of nodes) seats.tick();
    await until(() => log.lines.length === 4);
    // One has given back its seat meanwhile, the other has taken one, and so has bob.
    other.release(0, seated('b'));
    expect((await other.take(0, seated('d', 'bob'))).isGranted).toBe(false);
    // What the other has given back comes by a connection of its own.
    await until(async () => (await one.take(0, seated('d'))).isGranted);
  });

  test('what Redis has lost is written again', async () => {
    const { nodes, masters } = begin(1, false);
    const [one, other] = nodes;
    await one.take(0, seated('a'));
    for (const master of masters) await master.command('FLUSHALL');
    const isRefused = async (): Promise<boolean> => {
      for (let tick = 0; tick < 10; tick++) one.tick();
      const { isGranted } = await other.take(0, seated('b'));
      if (isGranted) other.release(0, seated('b'));
      return !isGranted;
    };
    await until(isRefused);
  });

  test('also when its users go on to come and go meanwhile', async () => {
    const { nodes, masters } = begin(2, false);
    const [one, other] = nodes;
    await one.take(0, seated('a'));
    for (const master of masters) await master.command('FLUSHALL');
    expect((await one.take(0, seated('b'))).isGranted).toBe(true);
    one.tick();
    const isRefused = async (): Promise<boolean> => {
      const { isGranted } = await other.take(0, seated('c'));
      if (isGranted) other.release(0, seated('c'));
      return !isGranted;
    };
    await until(isRefused);
  });

  test('a node that does not refresh its keys leaves nothing', async () => {
    const { nodes, prefix, link } = begin(1, false);
    await nodes[0].take(0, seated('a'));
    const keys = await keysOf(link, prefix);
    expect(keys).toHaveLength(1);
    const left = Number(await link.command(keys[0], ['PTTL', keys[0] as string]));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(30_000);
  });
});

/** A link that may be made to seem away. */
class RedisThatSeemsAway implements RedisCommands {
  readonly #link: RedisLink;
  isThere = true;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  get isConnected(): boolean {
    return this.isThere && this.#link.isConnected;
  }

  async script(...asked: Parameters<RedisCommands['script']>): Promise<unknown> {
    return await this.#reached().script(...asked);
  }

  async pipeline(...asked: Parameters<RedisCommands['pipeline']>): Promise<readonly unknown[]> {
    return await this.#reached().pipeline(...asked);
  }

  #reached(): RedisLink {
    if (!this.isThere) throw new Error('no connection');
    return this.#link;
  }
}

/** Workers on the node of their number. */
function spread(nodes: readonly RedisSeats[]): UserSeats {
  const of = (worker: number): RedisSeats => nodes[worker % nodes.length] as RedisSeats;
  return {
    async take(worker, session) {
      // What was given back to another node is on its way.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const { isGranted, lost } = await of(worker).take(worker, session);
      return { isGranted, lost: lost.map(({ node: _node, ...seat }) => seat) };
    },
    release: (worker, session) => of(worker).release(worker, session),
    forgetWorker: (worker) => of(worker).forgetWorker(worker),
  };
}

function seated(id: string, user = 'ada') {
  return { namespace: '/', user, id };
}

async function until(is: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await is())) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function keysOf(link: RedisLink, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (let bucket = 0; bucket < 1_024; bucket++) {
    const key = `${prefix}:{${bucket}}:seats:11`;
    if (Number(await link.command(key, ['EXISTS', key])) === 1) found.push(key);
  }
  return found;
}
