/**
 * The small client polls the real command through a proxy that cuts answers: nothing that the
 * server said is missed, and nothing is heard twice.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket, TCPSocketListener } from 'bun';
import { Random } from '../fuzz/random.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { WatchedClient } from '../support/watched-client.ts';

const APP = join(import.meta.dir, 'client-app.ts');
const EVENTS = 400;
const PART = 10;
/** So many polls for one whose answer is cut. */
const CUT_EVERY = 3;
const SEED = Date.now();

setDefaultTimeout(60_000);

let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({ app: APP, workers: 2, config: { pollHoldMs: 300 } });
}, 60_000);

afterAll(async () => {
  await node.stop();
}, 60_000);

interface Pair {
  other: Socket<Pair> | undefined;
  /** What came before the other end was there. */
  readonly early: Buffer[];
  /** The answer that comes is to be cut. */
  isCut: boolean;
}

/** Passes on what comes, but of every third answer to a poll only a part, or nothing. */
class CuttingProxy implements Disposable {
  readonly #random: Random = new Random(SEED);
  readonly #listener: TCPSocketListener<Pair>;
  cuts = 0;
  #polls = 0;

  constructor(port: number) {
    const end = ({ data }: Socket<Pair>): void => void data.other?.end();
    this.#listener = Bun.listen<Pair>({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        open: (socket) => {
          const pair: Pair = { other: undefined, early: [], isCut: false };
          socket.data = pair;
          void this.#reach(port, socket);
        },
        data: ({ data: pair }, bytes) => {
          if (bytes.includes('GET /poll?since=')) pair.isCut = ++this.#polls % CUT_EVERY === 0;
          if (pair.other === undefined) pair.early.push(Buffer.from(bytes));
          else pair.other.write(bytes);
        },
        close: end,
        error: end,
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }

  async #reach(port: number, client: Socket<Pair>): Promise<void> {
    const end = (): void => void client.end();
    const other = await Bun.connect<Pair>({
      hostname: '127.0.0.1',
      port,
      data: client.data,
      socket: {
        data: (_, bytes) => {
          if (!client.data.isCut) return void client.write(bytes);
          this.cuts++;
          client.write(bytes.subarray(0, this.#random.below(bytes.length)));
          client.end();
        },
        close: end,
        error: end,
      },
    });
    client.data.other = other;
    for (const bytes of client.data.early) other.write(bytes);
  }
}

test(`each event is heard once, whatever answers are cut (seed ${SEED})`, async () => {
  using proxy = new CuttingProxy(node.publicPort);
  using teller = new WatchedClient(node.url);
  using one = new WatchedClient(proxy.url, { transports: ['polling'], rooms: ['a'] }, ['told']);
  await Promise.all([one.reached('open'), teller.reached('open')]);
  for (let number = 0; number < EVENTS; number++) {
    teller.client.emit('tell', 'a', number);
    // Not all at once: each part takes a poll or more.
    if (number % PART === 0) await one.until('a part is heard', () => one.heard.length > number);
  }
  await one.until('the last is heard', () => one.heard.length >= EVENTS);
  expect(one.heard.map(([, , number]) => number)).toEqual([...Array(EVENTS).keys()]);
  expect(one.states).toEqual(['open']);
  expect(proxy.cuts).toBeGreaterThanOrEqual(EVENTS / PART / CUT_EVERY);
});
