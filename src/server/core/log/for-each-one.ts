/**
 * Does something for each of many, whatever becomes of one.
 *
 * Where a list has been taken out of the state it stood in, a failure half-way would lose the rest
 * of it for good: sessions that are never pinged, requests that are never answered.
 */

export function forEachOne<T>(
  items: Iterable<T>,
  act: (item: T) => void,
  onFault: (fault: unknown) => void,
): void {
  for (const item of items) {
    try {
      act(item);
    } catch (fault) {
      onFault(fault);
    }
  }
}
