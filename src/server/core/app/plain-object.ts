/**
 * What an app hands in where an object with known keys is expected, looked at without trust.
 *
 * An instance or an object that inherits is none: what stands in its prototype is not seen by who
 * reads its keys, so a hook there could be overlooked.
 */

import { types } from 'node:util';
import { isThenable } from './thenable.ts';

/** Made by `{ … }` in any realm, or without a prototype as modules are. A Proxy may hide keys. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** What a value is, in the words of a message: "a list", "an instance of Server". */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'boolean') return String(value);
  // One of a function is called as that.
  if (typeof value === 'object' && types.isProxy(value)) return 'a Proxy';
  if (Array.isArray(value)) return 'a list';
  if (isThenable(value)) return 'a promise';
  if (typeof value === 'function') return kindOfFunction(value);
  if (typeof value !== 'object') return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
  if (isPlainObject(value)) return 'an object';
  const maker: unknown = (value as { constructor?: unknown }).constructor;
  const isNamed = typeof maker === 'function' && maker !== Object && maker.name !== '';
  return isNamed ? `an instance of ${maker.name}` : 'an object that inherits from another';
}

/** A class cannot be called, and of a generator nothing runs by being called. */
function kindOfFunction(value: object): string {
  if (/^class\b/.test(Function.prototype.toString.call(value))) return 'a class';
  return Object.prototype.toString.call(value).includes('Generator')
    ? 'a generator function'
    : 'a function';
}
