/**
 * The names under which the system's and TLS's errors are counted. Bun reports each socket that the
 * kernel did not give as ECONNREFUSED, so for that code the files of the process are looked at.
 */

import { closeSync, openSync } from 'node:fs';

/** @param error what a connect was rejected with, or what ended a socket; undefined for nothing */
export function failureName(error: unknown): string {
  const code = codeOf(error);
  if (code === undefined) return 'closed';
  return code === 'ECONNREFUSED' ? (noMoreFiles() ?? code) : code;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && error.code !== '' ? error.code : undefined;
}

/** @returns EMFILE or ENFILE when the process gets no file now */
function noMoreFiles(): string | undefined {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    return code === 'EMFILE' || code === 'ENFILE' ? code : undefined;
  }
}
