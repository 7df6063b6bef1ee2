/**
 * The figures that Holdfast set out to reach, and whether a run reached them. Every target is a
 * set of bounds: absolute, against the control row, against Socket.IO. A bound that cannot be
 * judged, since the run left its contestant out, leaves the target open.
 */

import type { Figures } from './summary.ts';

export type Verdict = 'PASS' | 'MISS' | 'open';

export interface Judgement {
  readonly what: string;
  readonly measured: string;
  readonly must: { readonly text: string; readonly verdict: Verdict };
  readonly aim: { readonly text: string; readonly verdict: Verdict };
}

type Baseline = 'absolute' | 'control' | 'rival';

interface Bound {
  readonly against: Baseline;
  readonly sense: 'at most' | 'at least';
  readonly value: number;
}

interface Target {
  readonly what: string;
  readonly unit: string;
  readonly figure: (figures: Figures) => number | undefined;
  readonly must: readonly Bound[];
  readonly aim: readonly Bound[];
}

const atMost = (value: number, against: Baseline): Bound => ({ against, sense: 'at most', value });
const atLeast = (value: number, against: Baseline): Bound => ({
  against,
  sense: 'at least',
  value,
});

const TARGETS: readonly Target[] = [
  {
    what: 'memory per session',
    unit: 'bytes',
    figure: ({ memory }) => memory,
    must: [atMost(3200, 'absolute'), atMost(1 / 4, 'rival')],
    aim: [atMost(2500, 'absolute'), atMost(1 / 8, 'rival')],
  },
  {
    what: 'CPU per delivery',
    unit: 'µs',
    figure: ({ cpuMicrosPerDelivery }) => cpuMicrosPerDelivery,
    must: [atMost(1 / 3, 'rival')],
    aim: [atMost(1.1, 'control')],
  },
  {
    what: 'handshakes per core',
    unit: '/s',
    figure: ({ handshakesPerCore }) => handshakesPerCore,
    must: [atLeast(3, 'rival')],
    aim: [atLeast(0.8, 'control')],
  },
  {
    what: 'idle CPU per session',
    unit: 'µs/s',
    figure: ({ idleMicrosPerSecond }) => idleMicrosPerSecond,
    must: [atMost(1, 'absolute')],
    aim: [atMost(0.65, 'absolute')],
  },
];

/** Judges every target whose figure was measured. */
export function judge(
  subject: Figures,
  control: Figures | undefined,
  rival: Figures | undefined,
): Judgement[] {
  const judgements: Judgement[] = [];
  for (const target of TARGETS) {
    const measured = target.figure(subject);
    if (measured === undefined) continue;
    const baselines = {
      absolute: 1,
      control: control && target.figure(control),
      rival: rival && target.figure(rival),
    };
    const side = (bounds: readonly Bound[]): Judgement['must'] => ({
      text: bounds.map((bound) => describe(bound, target.unit)).join(' and '),
      verdict: verdict(measured, bounds, baselines),
    });
    judgements.push({
      what: target.what,
      measured: `${format(measured)} ${target.unit}`,
      must: side(target.must),
      aim: side(target.aim),
    });
  }
  return judgements;
}

/** Bytes that a client which only waits may take at best, by the protocol it waits on. */
const WAITING_AIMS = { websocket: 1800, sse: 2000, stream: 2000, poll: 1600 } as const;

/**
 * Judges the memory of clients that wait, on each protocol that was measured: less than that of
 * each other server must take for the same. Without another one it is open.
 *
 * @param others names of those that are compared with, by protocol
 */
export function judgeWaiting(
  find: (contestant: string) => Figures | undefined,
  others: Readonly<Record<keyof typeof WAITING_AIMS, readonly string[]>>,
): Judgement[] {
  return Object.entries(WAITING_AIMS).flatMap(([protocol, aim]) => {
    const memory = find(`holdfast-${protocol}`)?.memory;
    if (memory === undefined) return [];
    const rivals = others[protocol as keyof typeof WAITING_AIMS].flatMap((name) => {
      const figures = find(name);
      return figures === undefined ? [] : [{ name, bytes: figures.memory }];
    });
    const isAhead = rivals.every(({ bytes }) => memory < bytes);
    const named = rivals.map(({ name, bytes }) => `${name} (${format(bytes)})`).join(' and ');
    return {
      what: `memory per session, ${protocol}`,
      measured: `${format(memory)} bytes`,
      must: {
        text: `less than ${named === '' ? 'others' : named}`,
        verdict: rivals.length === 0 ? 'open' : isAhead ? 'PASS' : 'MISS',
      },
      aim: { text: `≤ ${format(aim)} bytes`, verdict: memory <= aim ? 'PASS' : 'MISS' },
    } as const;
  });
}

/** Three significant digits, thousands apart. */
export function format(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function verdict(
  measured: number,
  bounds: readonly Bound[],
  baselines: Readonly<Record<Baseline, number | undefined>>,
): Verdict {
  let isOpen = false;
  for (const { against, sense, value } of bounds) {
    const baseline = baselines[against];
    if (baseline === undefined) {
      isOpen = true;
      continue;
    }
    const bound = value * baseline;
    if (sense === 'at most' ? measured > bound : measured < bound) return 'MISS';
  }
  return isOpen ? 'open' : 'PASS';
}

function describe({ against, sense, value }: Bound, unit: string): string {
  const sign = sense === 'at most' ? '≤' : '≥';
  if (against === 'absolute') return `${sign} ${format(value)} ${unit}`;
  const factor = value < 0.5 ? `1/${Math.round(1 / value)} of` : `${value} ×`;
  return `${sign} ${factor} ${against === 'control' ? 'bare' : 'Socket.IO'}`;
}
