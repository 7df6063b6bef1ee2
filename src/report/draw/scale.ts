/**
 * Where ticks stand and what is written at them: round numbers of the unit that people read, never
 * of bytes or microseconds as they come.
 */

import type { Axis } from '../charts/chart.ts';
import { formatMilliseconds, formatTime, GIBIBYTE, type Unit } from '../run/format.ts';

export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
}

const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400,
];
const TIME_TICKS_MAX = 11;
const ROUND_STEPS = [1, 2, 2.5, 5, 10];

/** A linear axis from 0, with the given number of steps, or fewer when none is given. */
export function valueScale(axis: Axis, highest: number, steps?: number): Scale {
  if (axis.scale === 'logarithmic') return logarithmicScale(axis, highest);
  const top = Math.max(highest, axis.atLeast, Number.MIN_VALUE);
  const size = sizeOf(axis.unit, top);
  const step = stepOf(top / size, steps ?? 4) * size;
  const count = steps ?? Math.max(1, Math.ceil(top / step - 1e-9));
  const ticks = Array.from({ length: count + 1 }, (_, index) => index * step);
  return { min: 0, max: count * step, ticks, format: (value) => tickText(value / size, axis.unit) };
}

/** Ticks of the bottom axis within its ends, at whole minutes or the like. */
export function timeTicks(from: number, to: number): readonly number[] {
  const step =
    TIME_STEPS.find((seconds) => (to - from) / seconds <= TIME_TICKS_MAX) ??
    Math.ceil((to - from) / TIME_TICKS_MAX / 86_400) * 86_400;
  const ticks: number[] = [];
  const first = Math.ceil(from / step) * step;
  // Adding 0 turns the minus zero that rounding leaves into zero.
  for (let tick = first; tick <= to; tick += step) ticks.push(tick + 0);
  return ticks;
}

export function timeTickText(second: number): string {
  return formatTime(second);
}

/** The numbers of some workers, at most about twenty. */
export function workerTicks(workers: number): readonly number[] {
  const step = [1, 2, 5, 10, 20, 50, 100].find((size) => workers / size <= 20) ?? 200;
  return Array.from({ length: Math.ceil(workers / step) }, (_, index) => index * step);
}

function sizeOf(unit: Unit, top: number): number {
  if (unit === 'memory') return top >= GIBIBYTE ? GIBIBYTE : 2 ** 20;
  if (unit === 'milliseconds') return top >= 1000 ? 1000 : 1;
  return 1;
}

/** The smallest round step of which so many reach the top. */
function stepOf(top: number, steps: number): number {
  const exact = top / steps;
  const power = 10 ** Math.floor(Math.log10(exact));
  const round = ROUND_STEPS.find((factor) => factor * power >= exact * (1 - 1e-9)) ?? 10;
  return round * power;
}

/** From a round value to a round value; within two powers of ten, the ticks are 1, 2 and 5. */
function logarithmicScale(axis: Axis, highest: number): Scale {
  const rounds = logarithmicTicks();
  const lowest = Math.max(axis.atLeast, rounds[0] as number);
  const below = rounds.filter((tick) => tick <= lowest * (1 + 1e-9)).length - 1;
  const above = rounds.findIndex((tick) => tick >= highest * (1 - 1e-9));
  const to = Math.max(above === -1 ? rounds.length - 1 : above, below + 1);
  const all = rounds.slice(below, to + 1);
  const min = all[0] as number;
  const max = all.at(-1) as number;
  const isShort = max / min <= 100;
  const ticks = all.filter((tick) => isShort || isPowerOfTen(tick));
  return { min, max, ticks, format: formatMilliseconds };
}

/** 1, 2 and 5 times the powers of ten, from a microsecond to days, in milliseconds. */
function logarithmicTicks(): readonly number[] {
  const powers = Array.from({ length: 12 }, (_, index) => 10 ** (index - 3));
  return powers.flatMap((power) => [power, 2 * power, 5 * power]);
}

function isPowerOfTen(value: number): boolean {
  return Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;
}

function tickText(value: number, unit: Unit): string {
  return unit === 'count' || unit === 'per second'
    ? value.toLocaleString('en-US', { maximumFractionDigits: 2 })
    : value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}
