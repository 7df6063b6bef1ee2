/** Finds the name somebody probably meant, for "did you mean" sentences. */

/** The closest known name, unless even that one is too far from what was written. */
export function nearest(written: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.floor(written.length / 2) + 1;
  for (const name of known) {
    const distance = editDistance(written.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** Levenshtein's distance: letters added, removed or changed. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let line = 1; line <= from.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= to.length; column += 1) {
      const changed = from[line - 1] === to[column - 1] ? 0 : 1;
      next.push(
        Math.min(
          (row[column - 1] ?? 0) + changed,
          (row[column] ?? 0) + 1,
          (next[column - 1] ?? 0) + 1,
        ),
      );
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
