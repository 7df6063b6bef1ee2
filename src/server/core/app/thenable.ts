/**
 * What counts as a promise: whatever `await` waits for, in whichever realm or library it was made.
 *
 * A look at the class alone takes a promise of another realm, or one of a library, for a value.
 */

/** @throws what the getter of `then` throws: it is the app's object */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  const mayBe = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return mayBe && typeof (value as { then?: unknown }).then === 'function';
}
