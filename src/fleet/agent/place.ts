/** A target as an order has it, and the paths and queries that follow from it. */

/** Stands for the session's number; no URL and no header holds it. */
export const NUMBER_MARK = '\0';

/** A target as the order has it. */
export interface Place {
  readonly url: URL;
  /** Whether it names a path, and be it `/`; without one it means that of the protocol. */
  readonly hasPath: boolean;
}

/** @param target `http://host:8500`, `ws://host:8500/path?query` */
export function placeOf(target: string): Place {
  const url = new URL(target.replace(/^http/, 'ws'));
  return { url, hasPath: /^\w+:\/\/[^/?#]+\//.test(target) };
}

/** The path of a place, or that of the protocol when it names none. */
export function pathOf({ url, hasPath }: Place, own: string): string {
  return hasPath ? url.pathname : own;
}

/** The query of a place with further parameters, which are percent-encoded already. */
export function queryOf({ url }: Place, more: readonly string[]): string {
  const all = [...(url.search.length > 1 ? [url.search.slice(1)] : []), ...more];
  return all.length === 0 ? '' : `?${all.join('&')}`;
}
