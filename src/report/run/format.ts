/**
 * Numbers as people read them: commas between thousands, a unit, no more digits than are known.
 * The page's script formats nothing; what it shows while hovering comes from here as well.
 */

export const GIBIBYTE: number = 2 ** 30;
const MEBIBYTE = 2 ** 20;

/** How the values of an axis, a series or a figure are written. */
export type Unit =
  | 'count'
  | 'per second'
  | 'bytes'
  | 'memory'
  | 'cores'
  | 'milliseconds'
  | 'microseconds'
  | 'microseconds per second'
  | 'seconds';

/** A value with its unit, as in a sentence: `1.25 GiB`, `12,400 /s`. */
export function formatValue(value: number, unit: Unit): string {
  switch (unit) {
    case 'count':
      return formatCount(value);
    case 'per second':
      return `${formatCount(value)} /s`;
    case 'bytes':
      return `${formatCount(value)} bytes`;
    case 'memory':
      return formatMemory(value);
    case 'cores':
      return `${formatDigits(value)} ${value === 1 ? 'core' : 'cores'}`;
    case 'milliseconds':
      return formatMilliseconds(value);
    case 'microseconds':
      return `${formatDigits(value)} µs`;
    case 'microseconds per second':
      return `${formatDigits(value)} µs/s`;
    case 'seconds':
      return `${formatDigits(value)} s`;
  }
}

/** A whole number: `1,000,000`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Three digits that count: `0.784`, `8.85`, `12.4`, `1,240`. */
export function formatDigits(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 100) return formatCount(value);
  const decimals = size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return trimZeros(value.toFixed(decimals));
}

/** @param beside a size that is read together with this one, and has the same unit */
export function formatMemory(bytes: number, beside: number = bytes): string {
  if (Math.abs(beside) >= GIBIBYTE) return `${formatDigits(bytes / GIBIBYTE)} GiB`;
  return `${formatDigits(bytes / MEBIBYTE)} MiB`;
}

/** `0.04 ms`, `1.4 ms`, `35 ms`, `1.2 s`. */
export function formatMilliseconds(value: number): string {
  if (value >= 1000) return `${formatDigits(value / 1000)} s`;
  return `${value >= 10 ? formatCount(value) : trimZeros(value.toFixed(value >= 1 ? 1 : 2))} ms`;
}

/** A point in time of a run, from its start: `4:05`, `1:04:05`. */
export function formatTime(seconds: number): string {
  const whole = Math.round(Math.abs(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  const text =
    minutes < 60
      ? `${minutes}:${two(whole % 60)}`
      : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
  return seconds < 0 && whole > 0 ? `−${text}` : text;
}

/** A length of time in words: `45 s`, `5 min 20 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  const parts =
    minutes < 60
      ? [`${minutes} min`, whole % 60 > 0 ? `${whole % 60} s` : '']
      : [`${Math.floor(minutes / 60)} h`, minutes % 60 > 0 ? `${minutes % 60} min` : ''];
  return parts.filter((part) => part !== '').join(' ');
}

/** A date and time of the log, in universal time, since the reader's zone is not the run's. */
export function formatDate(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `1 session`, `2 sessions`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
