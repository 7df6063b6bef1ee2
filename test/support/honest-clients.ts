/**
 * Honest clients beside an attack: what they notice of it.
 *
 *     const { quiet, attacked } = await beside(node.url, () => attack());
 *     expectServed(attacked, quiet);
 *
 * They live in a Node.js process of their own (honest-host.mjs), so that the attacker's work in the
 * test's process is not taken for the server's. The app must have the handlers of honest-app.ts.
 */

import { expect } from 'bun:test';
import { join } from 'node:path';
import { processMemory } from '../../src/host/machine/process-usage.ts';
import { eventually } from '../system/eventually.ts';
import { within } from './raw-deadline.ts';

/** An app that serves honest clients and does nothing else. */
export const HONEST_APP: string = join(import.meta.dir, 'honest-app.ts');

const KINDS = ['connect', 'event', 'ack', 'broadcast'] as const;
export type HonestKind = (typeof KINDS)[number];

/** How one kind of request was served; a failure counts with all the time it was given. */
export interface Served {
  readonly count: number;
  /** Why requests failed, one entry each. */
  readonly failures: readonly string[];
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface HonestFigures extends Readonly<Record<HonestKind, Served>> {
  /** Why clients that stay were disconnected; they come back by themselves. */
  readonly disconnects: readonly string[];
  /** How late the clients' own event loop was: no figure is finer than this. */
  readonly ownLagMaxMs: number;
}

export interface HonestOptions {
  /** Clients that stay: a third each use WebSocket, upgrade, and poll. */
  readonly count?: number;
  /**
   * In each round one client connects anew, one asks and sends, and all hear a broadcast. So many
   * that three seconds have more than a hundred: with fewer the 99th percentile is the maximum.
   */
  readonly roundMs?: number;
  /**
   * Whether clients that connect anew try again when they are cut, as all clients do; all of it
   * counts as their time. Otherwise they have failed.
   */
  readonly reconnects?: boolean;
  /** What is not answered by then has failed. */
  readonly failedAfterMs?: number;
}

interface Taken {
  readonly times: Readonly<Record<HonestKind, readonly number[]>>;
  readonly failures: Readonly<Record<HonestKind, readonly string[]>>;
  readonly disconnects: readonly string[];
  readonly ownLagMaxMs: number;
}

const START_TIMEOUT_MS = 30_000;
const FAILED_AFTER_MS = 10_000;
const QUIET_MS = 1_500;
const MEDIAN_MAX_MS = 100;
const P99_MAX_MS = 1_000;
/**
 * Who is new is told from strangers by how soon it joins. On a machine where that takes so long
 * without any attack, one in a hundred may have to come again, as clients do after this time.
 */
const SLOW_TO_JOIN_MS = 100;
const COMES_AGAIN_MS = 1_500;
/** On a machine that others load too, the same clients without the attack are the measure. */
const QUIET_FACTOR = 3;

export class HonestClients implements AsyncDisposable {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  readonly #failedAfterMs: number;
  readonly #lines: AsyncIterator<string>;

  private constructor(url: string, options: HonestOptions) {
    const { count = 12, roundMs = 28, reconnects = false } = options;
    const { failedAfterMs = FAILED_AFTER_MS } = options;
    this.#failedAfterMs = failedAfterMs;
    const settings = JSON.stringify([url, count, roundMs, failedAfterMs, reconnects]);
    this.#child = Bun.spawn(['node', join(import.meta.dir, 'honest-host.mjs'), settings], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Starts them, and waits until those that stay have joined. */
  static async start(url: string, options: HonestOptions = {}): Promise<HonestClients> {
    const clients = new HonestClients(url, options);
    try {
      await within('honest clients connect', clients.#next(), START_TIMEOUT_MS);
      return clients;
    } catch (error) {
      await clients[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What they noticed since the last call, once all they asked is answered or has failed. */
  async take(): Promise<HonestFigures> {
    await this.#child.stdin.write('take\n');
    await this.#child.stdin.flush();
    const answer = within('honest clients tell', this.#next(), 2 * this.#failedAfterMs);
    const { times, failures, ...rest } = JSON.parse(await answer) as Taken;
    const of = (kind: HonestKind): Served => served(times[kind], failures[kind]);
    return {
      connect: of('connect'),
      event: of('event'),
      ack: of('ack'),
      broadcast: of('broadcast'),
      ...rest,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
  }

  async #next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the honest clients have ended');
    return value;
  }
}

/**
 * Watches honest clients without the attack first, then for as long as it lasts, and without it
 * again: on a machine that others load too, what is quiet changes by the second.
 *
 * @returns the slower of what is quiet before and after
 */
export async function beside(
  url: string,
  attack: () => Promise<void>,
  options: HonestOptions & { readonly quietMs?: number } = {},
): Promise<{ readonly quiet: HonestFigures; readonly attacked: HonestFigures }> {
  await using clients = await HonestClients.start(url, options);
  const { quietMs = QUIET_MS } = options;
  await Bun.sleep(quietMs);
  const before = await clients.take();
  await attack();
  const attacked = await clients.take();
  await Bun.sleep(quietMs);
  const after = await clients.take();
  expectRecovered(after, before, attacked);
  return { quiet: slower(before, after), attacked };
}

/** Who stays slow after an attack was not served well in it. */
export function expectRecovered(
  after: HonestFigures,
  before: HonestFigures,
  attacked: HonestFigures,
): void {
  const figures = `${honestText('attacked', attacked)}\n${honestText('after', after)}`;
  for (const kind of KINDS) {
    const mostMs = Math.max(P99_MAX_MS, 10 * before[kind].medianMs);
    const text = `${kind} after the attack\n${figures}`;
    expect(after[kind].failures, text).toEqual([]);
    expect(after[kind].medianMs, text).toBeLessThanOrEqual(mostMs);
  }
}

/** Of two quiet times, the slower in each figure: what a machine with other work takes anyway. */
export function slower(one: HonestFigures, other: HonestFigures): HonestFigures {
  const kinds = KINDS.map((kind) => {
    const medianMs = Math.max(one[kind].medianMs, other[kind].medianMs);
    const p99Ms = Math.max(one[kind].p99Ms, other[kind].p99Ms);
    return [kind, { ...one[kind], medianMs, p99Ms }] as const;
  });
  return { ...one, ...(Object.fromEntries(kinds) as Record<HonestKind, Served>) };
}

/**
 * Honest clients are served: 100 ms at the median, 1 s at the 99th percentile, and none fails. What
 * their own event loop took is not the server's.
 */
export function expectServed(attacked: HonestFigures, quiet: HonestFigures): void {
  const figures = `${honestText('quiet', quiet)}\n${honestText('attacked', attacked)}`;
  const againMs = quiet.connect.p99Ms > SLOW_TO_JOIN_MS ? COMES_AGAIN_MS : 0;
  console.log(figures);
  for (const kind of KINDS) {
    const { count, failures, medianMs, p99Ms } = attacked[kind];
    expect(count, `${kind} was tried\n${figures}`).toBeGreaterThan(0);
    expect(failures, `${kind} fails\n${figures}`).toEqual([]);
    const medianMaxMs = Math.max(MEDIAN_MAX_MS, QUIET_FACTOR * quiet[kind].medianMs);
    const extraMs = attacked.ownLagMaxMs + (kind === 'connect' ? againMs : 0);
    const p99MaxMs = Math.max(P99_MAX_MS, QUIET_FACTOR * quiet[kind].p99Ms) + extraMs;
    expect(medianMs, `median of ${kind}\n${figures}`).toBeLessThanOrEqual(medianMaxMs);
    expect(p99Ms, `99th percentile of ${kind}\n${figures}`).toBeLessThanOrEqual(p99MaxMs);
  }
  expect(attacked.disconnects, `disconnects\n${figures}`).toEqual([]);
}

/** However slow it was: no request failed, and no client that stays was disconnected. */
export function expectNothingLost(attacked: HonestFigures): void {
  const figures = honestText('attacked', attacked);
  console.log(`not in time: ${figures}`);
  const failures = KINDS.flatMap((kind) => attacked[kind].failures);
  expect(failures, `failures\n${figures}`).toEqual([]);
  expect(attacked.disconnects, `disconnects\n${figures}`).toEqual([]);
}

/** Whether they are served in time, without regard to what is quiet on this machine. */
export function isInTime(figures: HonestFigures): boolean {
  return KINDS.every(
    (kind) => figures[kind].medianMs <= MEDIAN_MAX_MS && figures[kind].p99Ms <= P99_MAX_MS,
  );
}

/** One line for people. */
export function honestText(name: string, figures: HonestFigures): string {
  const parts = KINDS.map((kind) => {
    const { count, failures, medianMs, p99Ms, maxMs } = figures[kind];
    const times = [medianMs, p99Ms, maxMs].map((ms) => ms.toFixed(0)).join('/');
    const failed = failures.length === 0 ? '' : ` (${failures.length} failed: ${failures[0]})`;
    return `${kind} ${times} of ${count}${failed}`;
  });
  const { disconnects, ownLagMaxMs } = figures;
  const left = [...new Set(disconnects)].join(', ');
  const rest = `${disconnects.length} disconnects (${left}), own lag ${ownLagMaxMs.toFixed(0)}`;
  return `${name}: ms at median/p99/max: ${parts.join(', ')}; ${rest}`;
}

/** What processes hold together, each shared page counted once. */
export function bytesOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + processMemory(pid).pssBytes, 0);
}

/** Waits until processes hold no more than they did before, and some. */
export async function memoryComesBack(
  pids: readonly number[],
  beforeBytes: number,
  toleranceBytes: number,
  timeoutMs = 60_000,
): Promise<void> {
  const isBack = (bytes: number): boolean => bytes <= beforeBytes + toleranceBytes;
  const what = `memory comes back to ${beforeBytes} + ${toleranceBytes} bytes`;
  await eventually(what, () => bytesOf(pids), isBack, timeoutMs);
}

function served(times: readonly number[], failures: readonly string[]): Served {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  // A slow machine has less than a hundred rounds, and one of them may be late all the same.
  const p99Ms = sorted.length < 2 ? at(1) : Math.min(at(0.99), sorted.at(-2) ?? 0);
  return { count: times.length, failures, medianMs: at(0.5), p99Ms, maxMs: at(1) };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
