/**
 * The rooms that tokens and hooks have named, by session.
 *
 * Only sessions that have some are in here, for as long as they are in use; equal lists, as all
 * clients of one page have them, are one.
 */

import { NameMap } from '../../../host/runtime/name-map.ts';
import { LIMITS } from '../limits/limits.ts';

export class Grants {
  readonly #bySession: WeakMap<object, readonly string[]> = new WeakMap();
  #shared: NameMap<readonly string[]> = new NameMap();

  /** @param grants patterns of rooms, or `undefined` when nobody has named any */
  set(session: object, grants: readonly string[] | undefined): void {
    if (grants === undefined) this.#bySession.delete(session);
    else this.#bySession.set(session, this.#sharedOf(grants));
  }

  of(session: object): readonly string[] | undefined {
    return this.#bySession.get(session);
  }

  #sharedOf(grants: readonly string[]): readonly string[] {
    // A pattern may hold a comma: its length keeps two lists from having one key.
    const key = grants.map((pattern) => `${pattern.length}:${pattern}`).join();
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    if (this.#shared.size >= LIMITS.sharedGrants) this.#shared = new NameMap();
    this.#shared.set(key, grants);
    return grants;
  }
}
