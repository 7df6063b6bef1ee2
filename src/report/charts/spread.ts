/** How evenly the kernel spread the sessions over the workers, when there were most of them. */

import { highest, lowest, total } from '../run/columns.ts';
import { formatCount, formatDigits } from '../run/format.ts';
import type { Run, RunServer } from '../run/run.ts';
import { sessionsOf } from '../run/windows.ts';
import type { Chart, Series } from './chart.ts';
import { colorOf, type Runs } from './compose.ts';

const HEIGHT = 220;

/** @returns undefined when no server has a log */
export function spread(runs: Runs): Chart | undefined {
  const measured = runs.flatMap((run) => (run.server ? [{ run, held: atPeak(run.server) }] : []));
  if (measured.length === 0) return undefined;
  const workers = Math.max(...measured.map(({ held }) => held.length));
  return {
    id: 'spread',
    title: 'Spread over workers',
    summary: measured.map(({ run, held }) => summaryOf(run, held, runs)),
    explanation:
      'Sessions of each worker in the sample in which all workers together had most. The kernel ' +
      'gives each new connection to one of the workers that listen on the port.',
    panels: [
      {
        title: 'sessions of each worker',
        height: HEIGHT,
        across: 'workers',
        from: -0.5,
        to: workers - 0.5,
        axis: { title: 'sessions', unit: 'count', scale: 'linear', atLeast: 4 },
        series: measured.map(({ run, held }) => barsOf(run, held, runs)),
      },
    ],
    phases: [],
    marks: [],
  };
}

function atPeak({ samples }: RunServer): readonly (number | null)[] {
  const peak = samples.reduce<(typeof samples)[number] | undefined>(
    (most, sample) => (most === undefined || sessionsOf(sample) > sessionsOf(most) ? sample : most),
    undefined,
  );
  return peak?.sessions ?? [];
}

function barsOf(run: Run, held: readonly (number | null)[], runs: Runs): Series {
  const isOne = runs.length === 1;
  return {
    name: isOne ? 'sessions, by number of the worker' : run.name,
    kind: 'bars',
    color: isOne ? 'accent' : colorOf(runs, run),
    across: held.map((_, worker) => worker),
    values: held,
  };
}

function summaryOf({ name }: Run, held: readonly (number | null)[], runs: Runs): string {
  const [least, most] = [lowest(held) ?? 0, highest(held) ?? 0];
  const ratio = least > 0 ? `, ${formatDigits(most / least)} times as many` : '';
  const who = runs.length > 1 ? `${name}: ${held.length}` : String(held.length);
  if (held.length === 1) return `${who} worker had ${formatCount(total(held))} sessions.`;
  return (
    `${who} workers had ${formatCount(total(held))} sessions: the least ${formatCount(least)}, ` +
    `the most ${formatCount(most)}${ratio}.`
  );
}
