/** Promises that are no `Promise`, as libraries and other realms make them. */

/** @param settle is called with what `await` hands in */
export function thenable(
  settle: (done: (value: unknown) => void, fail: (error: unknown) => void) => void,
  host: object = {},
): PromiseLike<unknown> {
  // oxlint-disable-next-line unicorn/no-thenable -- the tests want one
  return Object.defineProperty(host, 'then', { value: settle }) as PromiseLike<unknown>;
}
