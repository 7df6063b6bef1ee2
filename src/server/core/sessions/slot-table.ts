/**
 * A table of things by number, whose numbers are used again: lookup is an array index.
 *
 * Session ids hold such a number, so no map from id to session is kept.
 */

export class SlotTable<Item> {
  readonly #items: (Item | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  add(item: Item): number {
    const slot = this.#free.pop();
    if (slot === undefined) return this.#items.push(item) - 1;
    this.#items[slot] = item;
    return slot;
  }

  get(slot: number): Item | undefined {
    return this.#items[slot];
  }

  remove(slot: number): void {
    if (this.#items[slot] === undefined) return;
    this.#items[slot] = undefined;
    this.#free.push(slot);
  }

  /** Shows all items; none MUST be added or removed meanwhile. */
  visit(visit: (item: Item) => void): void {
    for (const item of this.#items) {
      if (item !== undefined) visit(item);
    }
  }

  /** All items, in an array of the caller's own: removing while walking it is safe. */
  all(): Item[] {
    return this.#items.filter((item): item is Item & {} => item !== undefined);
  }
}
