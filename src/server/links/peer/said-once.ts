/**
 * The data of one frame to an edge: what is sent to many sockets stands in it once.
 *
 * A broadcast says the same things to one socket after another, so after what was said last comes
 * what came after it before; and a small table of places finds the first of them. Neither is sure
 * to find what is there already, which is then sent twice: that costs bytes only. A `Map` by what
 * is sent would cost time, since clients choose the texts, and could make them collide.
 */

type Data = string | Uint8Array;

const SLOTS = 256;

export class SaidOnce {
  readonly #data: Data[] = [];
  /** By place: the place of what came next the last time. */
  readonly #followers: number[] = [];
  /** The latest place of data by how it looks. */
  readonly #slots: (number | undefined)[] = [];
  #last = -1;
  #length = 0;

  /** What there is, in the order of places. */
  get data(): readonly Data[] {
    return this.#data;
  }

  /** Of all data, texts counted by characters. */
  get length(): number {
    return this.#length;
  }

  /** The place of what is to be sent next, put there if need be. */
  placeOf(data: Data): number {
    const place = this.#find(data) ?? this.#append(data);
    if (this.#last !== -1) this.#followers[this.#last] = place;
    this.#last = place;
    return place;
  }

  #find(data: Data): number | undefined {
    const follower = this.#followers[this.#last];
    if (follower !== undefined && this.#data[follower] === data) return follower;
    const place = this.#slots[slotOf(data)];
    return place !== undefined && this.#data[place] === data ? place : undefined;
  }

  #append(data: Data): number {
    const place = this.#data.push(data) - 1;
    this.#slots[slotOf(data)] = place;
    this.#length += data.length;
    return place;
  }
}

/** From the length and a few units, so that it costs the same for any length. */
function slotOf(data: Data): number {
  const { length } = data;
  let mixed = length;
  for (const at of [length >> 2, length >> 1, length - 4, length - 3, length - 2]) {
    const unit = typeof data === 'string' ? data.charCodeAt(at) : data[at];
    mixed = Math.imul(mixed, 31) + (unit || 0);
  }
  return (mixed ^ (mixed >>> 8) ^ (mixed >>> 16)) & (SLOTS - 1);
}
