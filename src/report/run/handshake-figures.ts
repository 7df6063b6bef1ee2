/**
 * How fast sessions were established, and at what cost. By the fleet's count where there is one;
 * the server counts its own sessions otherwise.
 */

import type { ServerSample } from '../recording/record.ts';
import { growth, highest } from './columns.ts';
import type { Measured } from './figure.ts';
import { formatDuration, plural } from './format.ts';
import type { Run } from './run.ts';
import { cpuMicros } from './timeline.ts';
import { sessionsOf } from './windows.ts';

interface HandshakeFigures {
  readonly mean: Measured;
  readonly best: Measured;
  readonly micros: Measured;
}

/** Sessions established so far, at one time. */
interface Count {
  readonly atMs: number;
  readonly established: number;
}

/** The climb without its first and last part, in which the rate is not yet or no longer full. */
const FROM_SHARE = 0.05;
const TO_SHARE = 0.95;

const BEST_SECONDS = 10;

const TOO_SHORT: Measured = {
  value: undefined,
  how: `The climb took less than ${BEST_SECONDS} s.`,
};

/** @param idleMicros CPU time of one idle session in one second, where it is known */
export function handshakeFigures(
  { fleet, server }: Run,
  idleMicros: number | undefined,
): HandshakeFigures {
  const counts: readonly Count[] = fleet
    ? fleet.samples.map(({ atMs, established }) => ({ atMs, established }))
    : (server?.samples ?? []).map(({ atMs, counters }) => ({ atMs, established: counters.opened }));
  const who = fleet ? 'the fleet' : 'the server';
  const climb = climbOf(counts, highest(fleet?.timeline.open ?? server?.timeline.sessions ?? []));
  if (climb === undefined) {
    const none: Measured = { value: undefined, how: 'The log holds no climb of two seconds.' };
    return { mean: none, best: none, micros: none };
  }
  const { from, to } = climb;
  const sessions = to.established - from.established;
  const seconds = (to.atMs - from.atMs) / 1000;
  return {
    mean: {
      value: sessions / seconds,
      how:
        `${plural(sessions, 'session')} that ${who} counted from 5 % to 95 % of the climb, over ` +
        `the ${formatDuration(seconds)} it took.`,
    },
    best: seconds < BEST_SECONDS ? TOO_SHORT : bestOf(counts, who),
    micros: costOf(from, to),
  };

  function costOf(first: Count, last: Count): Measured {
    const samples = (server?.samples ?? []).filter(
      ({ atMs }) => atMs >= first.atMs && atMs <= last.atMs,
    );
    const [start] = samples;
    const end = samples.at(-1);
    const opened = start && end ? growth(start.counters.opened, end.counters.opened) : 0;
    if (start === undefined || end === undefined || opened === 0) {
      return { value: undefined, how: 'The server has no samples of the climb.' };
    }
    const idle = (idleMicros ?? 0) * sessionSeconds(samples);
    const heartbeats =
      idleMicros === undefined
        ? '; heartbeats of those already there are included'
        : ', less what those already there use when idle';
    return {
      value: Math.max(0, cpuMicros(start, end) - idle) / opened,
      how:
        `CPU time of all workers from 5 % to 95 % of the climb, over ${plural(opened, 'session')}` +
        `${heartbeats}.`,
    };
  }
}

/** The sum of the sessions of each sample over the time to the next one. */
function sessionSeconds(samples: readonly ServerSample[]): number {
  return samples.reduce((sum, from, index) => {
    const to = samples[index + 1];
    return to === undefined ? sum : sum + (sessionsOf(from) * (to.atMs - from.atMs)) / 1000;
  }, 0);
}

/** @param peak the most sessions at once; a run that churns establishes more in all */
function climbOf(
  counts: readonly Count[],
  peak: number | null,
): { readonly from: Count; readonly to: Count } | undefined {
  const start = counts[0]?.established ?? 0;
  const at = (share: number): Count | undefined =>
    counts.find(({ established }) => established - start >= share * (peak ?? 0));
  const from = at(FROM_SHARE);
  const to = at(TO_SHARE);
  if (peak === null || peak === 0 || from === undefined || to === undefined) return undefined;
  return to.atMs - from.atMs >= 1000 ? { from, to } : undefined;
}

function bestOf(counts: readonly Count[], who: string): Measured {
  let best: number | undefined;
  let behind = 0;
  for (const to of counts) {
    // The window is the shortest one of at least ten seconds that ends here.
    while (to.atMs - (counts[behind + 1]?.atMs ?? to.atMs) >= BEST_SECONDS * 1000) behind++;
    const from = counts[behind] as Count;
    const seconds = (to.atMs - from.atMs) / 1000;
    if (seconds < BEST_SECONDS) continue;
    best = Math.max(best ?? 0, growth(from.established, to.established) / seconds);
  }
  if (best === undefined) return TOO_SHORT;
  return { value: best, how: `The most that ${who} counted in any ${BEST_SECONDS} s, for each.` };
}
