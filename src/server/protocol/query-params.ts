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
}

const ESCAPED = /[%+]/;

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
    if (start === -1) return null;
    const end = this.#query.indexOf('&', start);
    return this.#query.slice(start, end === -1 ? undefined : end);
  }

  has(name: string): boolean {
    return this.#valueOf(name) !== -1;
  }

  /** Where the value begins; -1 without one. */
  #valueOf(name: string): number {
    const query = this.#query;
    for (let at = query.indexOf(name); at !== -1; at = query.indexOf(name, at + 1)) {
      if (at > 0 && query[at - 1] !== '&') continue;
      const end = at + name.length;
      if (query[end] === '=') return end + 1;
      if (end === query.length || query[end] === '&') return end;
    }
    return -1;
  }
}
