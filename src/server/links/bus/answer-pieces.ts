/**
 * Cuts an answer to another worker into pieces that frames can carry.
 *
 *     items ─▶ clone some ─▶ small enough? a piece
 *                        └─▶ too large, or one of them cannot be cloned? half of them, and so on
 *
 * Each item stands for itself in the end: one that cannot travel, such as a session whose data
 * holds a function, is replaced by what says so, and the others are none the worse for it.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import { toData } from './bus-frame.ts';

/** How many are tried at first: they may be large. */
const FIRST_COUNT = 8;
const COUNT_MAX = 512;

/** Takes the place of an item that cannot travel. @throws when there is nothing that could */
export type StandIn = (item: unknown, reason: string) => unknown;

/** Makes the pieces one by one, so that other work gets its turn in between. */
export function* cutIntoPieces(
  items: readonly unknown[],
  standIn: StandIn,
): Generator<Uint8Array, void> {
  let count = FIRST_COUNT;
  for (let from = 0; from < items.length; ) {
    const some = items.slice(from, from + count);
    const cut = cloneOf(some);
    if (cut instanceof Uint8Array && (cut.byteLength <= LIMITS.answerPieceBytes || count === 1)) {
      yield cut.byteLength <= LIMITS.answerItemBytes
        ? cut
        : toData([standIn(some[0], `it takes ${cut.byteLength} bytes`)]);
      from += some.length;
      count = Math.min(COUNT_MAX, count * 2);
    } else if (count > 1) count = Math.ceil(count / 2);
    else {
      yield toData([standIn(some[0], String(cut))]);
      from += 1;
      count = FIRST_COUNT;
    }
  }
}

/** The clone, or why there is none. */
function cloneOf(items: readonly unknown[]): Uint8Array | string {
  try {
    return toData(items);
  } catch (error) {
    return error instanceof Error ? error.message : 'it cannot be cloned';
  }
}
