/**
 * The C library of this system, for what Bun has no call for. The module that calls C is loaded
 * when it is first needed, since it takes memory in each worker. Linux only.
 */

import type { FFIFunction, Library } from 'bun:ffi';

const NAMES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'];

/** @returns undefined where the C library cannot be asked */
export async function openCLibrary<Functions extends Record<string, FFIFunction>>(
  functions: Functions,
): Promise<Library<Functions> | undefined> {
  if (process.platform !== 'linux') return undefined;
  const { dlopen } = await import('bun:ffi');
  for (const name of NAMES) {
    try {
      return dlopen(name, functions);
    } catch {
      // Another C library, under another name.
    }
  }
  return undefined;
}
