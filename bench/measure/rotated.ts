/**
 * The order of a round: each begins at another place, so that a slow minute of the machine, or a
 * neighbour, does not hit the same one each time.
 */

/** @param by how many places; 0 leaves the order as it is */
export function rotated<T>(list: readonly T[], by: number): T[] {
  const start = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
