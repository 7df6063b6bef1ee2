/** Numbers that a user gives, and numbers as a user reads them. */

import { FleetError } from './fleet-error.ts';

/** @throws FleetError that names the flag and what it takes */
export function wholeOf(name: string, text: string, lowest: number, highest: number): number {
  const value = /^\d[\d_]*$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (value >= lowest && value <= highest) return value;
  throw new FleetError(
    `${name} is "${text}"; it must be a whole number from ${grouped(lowest)} to ` +
      `${grouped(highest)}.`,
  );
}

/** @throws FleetError that names the flag and what it takes */
export function fractionOf(name: string, text: string, lowest: number, highest: number): number {
  const value = /^\d[\d_]*(\.\d+)?$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (value >= lowest && value <= highest) return value;
  throw new FleetError(
    `${name} is "${text}"; it must be a number from ${lowest} to ${grouped(highest)}.`,
  );
}

/** `1,000,000` */
export function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

/** `1 session`, `2,000 sessions` */
export function counted(value: number, noun: string): string {
  return `${grouped(value)} ${noun}${value === 1 ? '' : 's'}`;
}
