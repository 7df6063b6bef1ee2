/**
 * One bout: a Redis of its own, the nodes of a contestant, the load client, and what is measured.
 *
 *     Redis ─► nodes ─► sessions ─► all speak to all ─► one node speaks to one ─► end
 */

import { cpuSeconds, machineCpuSeconds } from '../../../src/host/machine/process-usage.ts';
import type { Children } from '../../measure/children.ts';
import { type ClusterNode, type Contestant, type Redis, startRedis } from './servers.ts';
import type { Order, Said } from './wire.ts';

/** Until compilers have seen enough; many an event, since the slowest say little by one. */
const WARM_UP_MS = 3_000;
const WARM_UP_BATCH = 20;
/** Nothing is said for so long, to know what nodes need for themselves. */
const REST_MS = 2_000;
/** What one event of a client says, once alone and once so many messages. */
const BATCHES = [1, 20] as const;
/** The nodes of the last part: it is said on one, to users of the other. */
const SPEAKING = 0;
const HEARING = 1;

export interface BoutSettings {
  readonly nodes: number;
  readonly users: number;
  readonly milliseconds: number;
  readonly window: number;
}

/** Everyone says things to everyone. */
export interface Rate extends Said {
  readonly batch: number;
  /** CPU of all processes of nodes for a message that was heard, in µs. */
  readonly nodesMicros: number;
  readonly redisMicros: number;
  /** Of the process with the most, and of the load client, in cores. */
  readonly busiestCores: number;
  readonly loadCores: number;
  /** What other programs of the machine used meanwhile. */
  readonly otherProgramsCores: number;
  /** Calls of PUBLISH and SPUBLISH in a second, for a message, and what Redis sent in bytes. */
  readonly publishesPerSecond: number;
  readonly publishes: number;
  readonly redisOutBytes: number;
}

export interface Bout {
  readonly contestant: string;
  readonly rates: readonly Rate[];
  /** CPU of one node for a message that is none of its, beyond what it needs at rest, in µs. */
  readonly otherNodeMicros: number;
  readonly otherNodeMessages: number;
}

interface Usage {
  readonly atMs: number;
  readonly nodes: readonly number[];
  readonly redis: number;
  readonly load: number;
  readonly machine: number;
  readonly publishes: number;
  readonly outBytes: number;
}

export async function runBout(
  contestant: Contestant,
  settings: BoutSettings,
  children: Children,
  say: (text: string) => void,
): Promise<Bout> {
  const { nodes: count, users, milliseconds, window } = settings;
  say('starting');
  const redis = await startRedis(children);
  try {
    const nodes = await contestant.start(redis.port, count, children);
    const load = new Load(children);
    await load.order({ kind: 'fill', ports: nodes.map(({ port }) => port), users });
    await load.order({ kind: 'say', milliseconds: WARM_UP_MS, window, batch: WARM_UP_BATCH });
    const rates: Rate[] = [];
    for (const batch of BATCHES) {
      const before = await usage(nodes, redis, load);
      const said = await load.order<Said>({ kind: 'say', milliseconds, window, batch });
      const after = await usage(nodes, redis, load);
      rates.push({ batch, ...said, ...costs(said, before, after) });
      say(`${said.perSecond} deliveries/s, ${batch} an event, ${said.lost} lost`);
    }
    const rest = await usage(nodes, redis, load);
    await Bun.sleep(REST_MS);
    const before = await usage(nodes, redis, load);
    const [from, to] = [[SPEAKING], [HEARING]];
    const said = await load.order<Said>({ kind: 'say', milliseconds, window, batch: 1, from, to });
    const after = await usage(nodes, redis, load);
    const atRest = othersCpu(rest, before) / (before.atMs - rest.atMs);
    const meanwhile = othersCpu(before, after) - atRest * (after.atMs - before.atMs);
    const otherNodeMicros = round((meanwhile / (count - 2) / said.delivered) * 1e6);
    const { delivered: otherNodeMessages } = said;
    return { contestant: contestant.name, rates, otherNodeMicros, otherNodeMessages };
  } finally {
    await children.stopAll();
  }
}

/** The load client, which answers each order with a line. */
class Load {
  readonly pid: number;
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  readonly #lines: AsyncIterator<string>;

  constructor(children: Children) {
    this.#child = children.add(
      Bun.spawn([process.execPath, `${import.meta.dir}/load.ts`], {
        ...{ stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
      }),
    );
    this.pid = this.#child.pid;
    this.#lines = linesOf(this.#child.stdout);
  }

  async order<T>(order: Order): Promise<T> {
    void this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    void this.#child.stdin.flush();
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the load client ended; see its message above');
    return JSON.parse(value) as T;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stream) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split('\n');
    text = lines.pop() ?? '';
    yield* lines;
  }
}

async function usage(nodes: readonly ClusterNode[], redis: Redis, load: Load): Promise<Usage> {
  const sections = ['commandstats', 'stats'].map((name) => redis.command('INFO', name));
  const stats = (await Promise.all(sections)).join('');
  const calls = [...stats.matchAll(/^cmdstat_s?publish:calls=(\d+)/gm)];
  return {
    atMs: performance.now(),
    nodes: nodes.map(({ pids }) => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)),
    redis: cpuSeconds(redis.pid),
    load: cpuSeconds(load.pid),
    machine: machineCpuSeconds(),
    publishes: calls.reduce((sum, [, count]) => sum + Number(count), 0),
    outBytes: Number(/^total_net_output_bytes:(\d+)/m.exec(stats)?.[1]),
  };
}

function costs(said: Said, before: Usage, after: Usage): Omit<Rate, keyof Said | 'batch'> {
  const seconds = (after.atMs - before.atMs) / 1_000;
  const nodes = after.nodes.map((cpu, node) => cpu - (before.nodes[node] as number));
  const redis = after.redis - before.redis;
  const load = after.load - before.load;
  const publishes = after.publishes - before.publishes;
  return {
    nodesMicros: round((sum(nodes) / said.delivered) * 1e6),
    redisMicros: round((redis / said.delivered) * 1e6),
    busiestCores: round(Math.max(redis, ...nodes) / seconds),
    loadCores: round(load / seconds),
    otherProgramsCores: round(
      (after.machine - before.machine - redis - load - sum(nodes)) / seconds,
    ),
    publishesPerSecond: Math.round(publishes / seconds),
    publishes: round(publishes / said.delivered),
    redisOutBytes: Math.round((after.outBytes - before.outBytes) / said.delivered),
  };
}

/** CPU seconds of the nodes that neither say nor hear anything. */
function othersCpu(before: Usage, after: Usage): number {
  const others = after.nodes.map((cpu, node) => cpu - (before.nodes[node] as number));
  return sum(others.filter((_, node) => node !== SPEAKING && node !== HEARING));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
