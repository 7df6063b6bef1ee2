/**
 * Where a message stands in what a node has said to rooms that keep a history, as clients present
 * it again: `k3jx9a-17`, epoch and offset.
 *
 * Offsets grow over all rooms of a node, so that one position tells where a client stands in all of
 * its rooms; a history that was lost begins a new epoch.
 */

export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** Sixteen digits, so that an offset is a number that holds it. */
const POSITION = /^([0-9a-z]{1,16})-(\d{1,16})$/;

export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}-${offset}`;
}

/** @returns undefined for what is no position, of whichever history */
export function parsePosition(text: unknown): Position | undefined {
  const match = typeof text === 'string' ? POSITION.exec(text) : null;
  if (match === null) return undefined;
  const offset = Number(match[2]);
  return Number.isSafeInteger(offset) ? { epoch: match[1] as string, offset } : undefined;
}
