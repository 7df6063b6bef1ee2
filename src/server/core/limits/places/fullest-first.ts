/**
 * Whose turn it is to make place, as a pure function: each address keeps what was heard last of it,
 * and the fuller an address, the sooner its others go; within an address the same holds for its
 * connections, and among equals the longest silent goes first. So who holds hundreds makes place
 * for hundreds, before somebody with one is looked at.
 */

export interface Silent {
  /** Keys of the address, and of the connection that brought it. */
  readonly address: number;
  readonly connection: number;
  readonly silentMs: number;
}

export interface Ranked<Item> {
  readonly item: Item;
  /** How many of its address have more right to stay, beyond those that each address keeps. */
  readonly rank: number;
}

/** How many each address and connection keeps without being thought to be fuller than others. */
export interface Kept {
  readonly perAddress: (address: number) => number;
  readonly perConnection: (connection: number) => number;
}

/** Numbers of items lie below it, so that one number holds what they are sorted by and an item. */
const ITEMS_MAX = 2 ** 21;

/** @returns the first that are to go, at the most `wanted` */
export function fullestFirst<Item extends Silent>(
  all: readonly Item[],
  wanted: number,
  kept: Kept,
): Ranked<Item>[] {
  const silentFirst = inOrder(
    all,
    highestFirst(all.length, (at) => silenceOf(all[at] as Item)),
  );
  const ranks = ranksIn(silentFirst, ({ connection }) => connection, kept.perConnection);
  const ordered = inOrder(
    silentFirst,
    highestFirst(all.length, (at) => ranks[at] as number),
  );
  const ranksInAddress = ranksIn(ordered, ({ address }) => address, kept.perAddress);
  const chosen = highestFirst(all.length, (at) => ranksInAddress[at] as number).slice(0, wanted);
  const ranked: Ranked<Item>[] = [];
  for (const at of chosen) {
    ranked.push({ item: ordered[at] as Item, rank: ranksInAddress[at] as number });
  }
  return ranked;
}

/** For each, how many of its group come after it, beyond those that each group keeps. */
function ranksIn<Item>(
  items: readonly Item[],
  groupOf: (item: Item) => number,
  keptOf: (group: number) => number,
): Uint32Array {
  const left = countsOf(items, groupOf);
  const ranks = new Uint32Array(items.length);
  for (const [at, item] of items.entries()) {
    const group = groupOf(item);
    const rank = (left.get(group) as number) - 1;
    left.set(group, rank);
    ranks[at] = rank === 0 ? 0 : Math.max(0, rank - keptOf(group));
  }
  return ranks;
}

export function countsOf<Item>(
  items: readonly Item[],
  groupOf: (item: Item) => number,
): Map<number, number> {
  const counts = new Map<number, number>();
  for (const item of items) {
    const group = groupOf(item);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return counts;
}

function silenceOf({ silentMs }: Silent): number {
  return Math.max(0, Math.round(silentMs));
}

function inOrder<Item>(items: readonly Item[], places: Uint32Array): Item[] {
  const ordered: Item[] = [];
  for (const at of places) ordered.push(items[at] as Item);
  return ordered;
}

/** Places of numbers, highest first, equal ones in their order. Sorting objects is slower. */
function highestFirst(length: number, numberAt: (at: number) => number): Uint32Array {
  const packed = new Float64Array(length);
  for (let at = 0; at < length; at++) {
    packed[at] = numberAt(at) * ITEMS_MAX + (ITEMS_MAX - 1 - at);
  }
  packed.sort();
  const places = new Uint32Array(length);
  for (let i = 0; i < length; i++) {
    places[i] = ITEMS_MAX - 1 - ((packed[length - 1 - i] as number) % ITEMS_MAX);
  }
  return places;
}
