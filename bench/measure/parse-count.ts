/** A count on the command line of a benchmark. */

import { InvalidArgumentError } from 'commander';

/** @throws InvalidArgumentError, which the command answers with one sentence */
export function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number above 0.');
}
