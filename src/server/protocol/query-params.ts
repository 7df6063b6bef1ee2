/**
 * The parameters of a query: `EIO=4&transport=websocket`.
 *
 * Those of nearly all requests have nothing escaped and are read where they stand; others are left
 * to `URLSearchParams`, and both agree. Source: the URL standard, "urlencoded parsing".
 */

export interface QueryParams {
  /** The first value of a parameter; `null` without one. */
  get(name: string): string | null;
  has(name: string): boolean;
  /** All values of a parameter. */
  getAll(name: string): readonly string[];
}

const ESCAPED = /[%+]/;

/** A text of its own: a value is a part of the request it came with, and would keep all of it. */
export function copyOf(value: string): string {
  return Buffer.from(value).toString();
}

/** @param query without its question mark */
export function queryParams(query: string): QueryParams {
  return ESCAPED.test(query) ? new URLSearchParams(query) : new PlainParams(query);
}

class PlainParams implements QueryParams {
  readonly #query: string;

  constructor(query: string) {
    this.#query = query;
  }

  get(name: string): string | null {
    const start = this.#valueOf(name);
    return start === -1 ? null : this.#valueAt(start);
  }

  has(name: string): boolean {
    return this.#valueOf(name) !== -1;
  }

  getAll(name: string): readonly string[] {
    const values: string[] = [];
    for (let at = this.#valueOf(name); at !== -1; at = this.#valueOf(name, at)) {
      values.push(this.#valueAt(at));
    }
    return values;
  }

  #valueAt(start: number): string {
    const end = this.#query.indexOf('&', start);
    return this.#query.slice(start, end === -1 ? undefined : end);
  }

  /** Where the next value from there on begins; -1 without one. */
  #valueOf(name: string, from = 0): number {
    const query = this.#query;
    for (let at = query.indexOf(name, from); at !== -1; at = query.indexOf(name, at + 1)) {
      if (at > 0 && query[at - 1] !== '&') continue;
      const end = at + name.length;
      if (query[end] === '=') return end + 1;
      if (end === query.length || query[end] === '&') return end;
    }
    return -1;
  }
}
