/**
 * Which samples of the server a figure may be taken from: before the first session, while all were
 * held, while they were held and nothing else happened, while broadcasts went out.
 */

import type { FleetSample, ServerSample } from '../recording/record.ts';
import { growth, total } from './columns.ts';

export interface Windows {
  /** The last samples before sessions came; at least the first of the run. */
  readonly base: readonly ServerSample[];
  /** While the sessions were held. */
  readonly hold: readonly ServerSample[];
  /** What to call these samples, after "in the samples": a run that broke off has no hold. */
  readonly holdWords: string;
  /** The longest part of the hold in which nobody came, left or was sent anything. */
  readonly idle: readonly ServerSample[];
  /** The parts of the hold in which messages were delivered and nobody came or left. */
  readonly deliveries: readonly (readonly ServerSample[])[];
}

/** The part of a run in which sessions are held, in seconds of the run. */
interface Hold {
  readonly fromSecond: number;
  readonly toSecond: number;
  /** Whether it is the only one of the run or the last of several. */
  readonly words: string;
}

const BASE_SAMPLES_MAX = 5;

/** Up to this share of the highest number of sessions, a server counts as still empty. */
const EMPTY_SHARE = 0.001;

/** From this share of the highest number on, a server counts as holding them all. */
const HELD_SHARE = 0.99;

/** Up to this share of the sessions may come or go in one second of an idle server. */
const TURNOVER_SHARE = 0.0001;

/** @param hold by the fleet's word; without it, the time in which the server was full */
export function findWindows(
  samples: readonly ServerSample[],
  startMs: number,
  hold: Hold | undefined,
  fleet: readonly FleetSample[] = [],
): Windows {
  const byPhase =
    hold === undefined
      ? []
      : samples.filter(({ atMs }) => {
          const second = (atMs - startMs) / 1000;
          return second >= hold.fromSecond && second <= hold.toSecond;
        });
  const held = byPhase.length > 0 ? byPhase : longestFull(samples);
  const echoes = echoSeconds(fleet);
  const isSteady = (from: ServerSample, to: ServerSample): boolean =>
    moved(from, to) <= Math.max(1, TURNOVER_SHARE * sessionsOf(to));
  const isIdle = (from: ServerSample, to: ServerSample): boolean =>
    isSteady(from, to) &&
    isHeard(from, to) &&
    delivered(from, to) === 0 &&
    !hasAny(echoes, from.atMs, to.atMs);
  const isDelivering = (from: ServerSample, to: ServerSample): boolean =>
    isSteady(from, to) && delivered(from, to) > 0;
  const idle = stretches(held, isIdle);
  return {
    base: baseOf(samples),
    hold: held,
    holdWords: hold !== undefined && byPhase.length > 0 ? hold.words : 'when it was fullest',
    // The first interval may hold the end of what came before it.
    idle: longest(idle).slice(1),
    deliveries: stretches(held, isDelivering).map((part) => withNext(part, held, isSteady)),
  };
}

export function sessionsOf({ sessions }: ServerSample): number {
  return total(sessions);
}

function baseOf(samples: readonly ServerSample[]): readonly ServerSample[] {
  const [first] = samples;
  if (first === undefined) return [];
  const peak = samples.reduce((most, sample) => Math.max(most, sessionsOf(sample)), 0);
  const limit = sessionsOf(first) + EMPTY_SHARE * peak;
  const filled = samples.findIndex((sample) => sessionsOf(sample) > limit);
  const before = filled === -1 ? samples : samples.slice(0, filled);
  const whole = before.filter(({ rssBytes }) => !rssBytes.includes(null));
  return (whole.length > 0 ? whole : [first]).slice(-BASE_SAMPLES_MAX);
}

function longestFull(samples: readonly ServerSample[]): readonly ServerSample[] {
  const peak = samples.reduce((most, sample) => Math.max(most, sessionsOf(sample)), 0);
  const isFull = (sample: ServerSample): boolean => sessionsOf(sample) >= HELD_SHARE * peak;
  const full = longest(stretches(samples, (from, to) => isFull(from) && isFull(to)));
  return full.length > 0 ? full : samples.filter(isFull).slice(0, 1);
}

/** The parts in which each pair of neighbours passes, with both ends of each pair. */
function stretches(
  samples: readonly ServerSample[],
  passes: (from: ServerSample, to: ServerSample) => boolean,
): readonly (readonly ServerSample[])[] {
  const found: ServerSample[][] = [];
  let current: ServerSample[] | undefined;
  for (const [index, to] of samples.entries()) {
    const from = samples[index - 1];
    if (from === undefined) continue;
    if (!passes(from, to)) {
      current = undefined;
    } else if (current === undefined) {
      current = [from, to];
      found.push(current);
    } else current.push(to);
  }
  return found;
}

/** With the sample after, since a worker may report its time after it has counted its messages. */
function withNext(
  part: readonly ServerSample[],
  held: readonly ServerSample[],
  passes: (from: ServerSample, to: ServerSample) => boolean,
): readonly ServerSample[] {
  const last = part.at(-1);
  const next = last && held[held.indexOf(last) + 1];
  return last && next && passes(last, next) ? [...part, next] : part;
}

function longest<T>(parts: readonly (readonly T[])[]): readonly T[] {
  return parts.reduce((most, part) => (part.length > most.length ? part : most), []);
}

function moved(from: ServerSample, to: ServerSample): number {
  return (
    growth(from.counters.opened, to.counters.opened) +
    growth(from.counters.closed, to.counters.closed)
  );
}

function delivered(from: ServerSample, to: ServerSample): number {
  return growth(from.counters.deliveries, to.counters.deliveries);
}

/**
 * Whether most workers have reported in between. Those that send a broadcast to all report only
 * when they are done with it: until then they look as if they did nothing.
 */
function isHeard(from: ServerSample, to: ServerSample): boolean {
  const heard = to.cpuMs.filter((cpuMs, worker) => cpuMs !== from.cpuMs[worker]).length;
  return heard >= to.cpuMs.length / 2;
}

/** The seconds since 1970 at whose end the fleet had sent messages to the server. */
function echoSeconds(fleet: readonly FleetSample[]): ReadonlySet<number> {
  const seconds = new Set<number>();
  for (const [index, { atMs, echoesSent }] of fleet.entries()) {
    const before = fleet[index - 1];
    if (before !== undefined && echoesSent > before.echoesSent) seconds.add(secondOf(atMs));
  }
  return seconds;
}

/** Up to a second later as well: that is when the fleet tells of it. */
function hasAny(seconds: ReadonlySet<number>, fromMs: number, toMs: number): boolean {
  for (let second = secondOf(fromMs); second <= secondOf(toMs) + 1; second++) {
    if (seconds.has(second)) return true;
  }
  return false;
}

function secondOf(atMs: number): number {
  return Math.floor(atMs / 1000);
}
