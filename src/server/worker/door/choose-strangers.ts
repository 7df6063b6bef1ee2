/**
 * Whom to hang up on where open files are short: a pure choice among connections without a session.
 *
 * Each address keeps those of its connections that were heard last, and the fuller an address, the
 * sooner its others go; among equals the longest silent goes first. So one who holds hundreds makes
 * place for hundreds, before somebody with one is looked at.
 */

export interface Stranger {
  readonly file: number;
  /** The key of its address. */
  readonly address: number;
  readonly silentMs: number;
}

/** A request is on its way right after the connection: this long nobody is thought to be silent. */
export const YOUNG_MS = 100;
/** Connections of one address that are given that time: a browser opens six. */
const YOUNG_PER_ADDRESS = 8;

/** @returns at the most `wanted`; fewer when the rest has just come */
export function chooseStrangers(strangers: readonly Stranger[], wanted: number): Stranger[] {
  const byAddress = Map.groupBy(strangers, ({ address }) => address);
  const ranked = [...byAddress.values()].flatMap((group) =>
    group
      .toSorted((left, right) => left.silentMs - right.silentMs)
      .map((stranger, rank) => ({ stranger, rank })),
  );
  return ranked
    .filter(({ stranger, rank }) => rank >= YOUNG_PER_ADDRESS || stranger.silentMs >= YOUNG_MS)
    .toSorted(
      (left, right) => right.rank - left.rank || right.stranger.silentMs - left.stranger.silentMs,
    )
    .slice(0, wanted)
    .map(({ stranger }) => stranger);
}
