/**
 * Whom to hang up on where open files are short: a pure choice among connections without a session,
 * of which those of the fullest address go first.
 */

import { fullestFirst, type Silent } from '../../core/limits/places/fullest-first.ts';

export interface Stranger extends Silent {
  readonly file: number;
}

/** A request is on its way right after the connection: this long nobody is thought to be silent. */
export const YOUNG_MS = 100;
/** Connections of one address that are given that time: a browser opens six. */
const YOUNG_PER_ADDRESS = 8;

/**
 * An address that has sessions has, for each of their requests that is known, a poll and a POST
 * that are on their way over new connections: clients without keep-alive open one for each.
 */
const COMING_PER_REQUEST = 2;

/**
 * @param requestsOf connections of an address that are known to bring requests of sessions
 * @returns at the most `wanted`; fewer when the rest has just come
 */
export function chooseStrangers(
  strangers: readonly Stranger[],
  wanted: number,
  requestsOf: (address: number) => number,
): Stranger[] {
  const perAddress = (address: number): number => COMING_PER_REQUEST * requestsOf(address);
  return fullestFirst(strangers, strangers.length, { perAddress, perConnection: () => 0 })
    .filter(({ item, rank }) => rank >= YOUNG_PER_ADDRESS || item.silentMs >= YOUNG_MS)
    .slice(0, wanted)
    .map(({ item }) => item);
}
