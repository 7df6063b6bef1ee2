/**
 * Files that users name: in options, in the config, in the folder of a run.
 *
 * What a name leads to may be anything. A pipe would be waited for, a device might never end, and
 * what is there may change between a look and the reading. So the file is opened without waiting
 * for anybody, and looked at when it is open.
 */

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/**
 * @param bytesMax what no file of its kind needs
 * @throws Error whose cause `whyUnread` tells
 */
export function readNamedFile(
  path: string,
  bytesMax: number = Number.POSITIVE_INFINITY,
): Buffer<ArrayBuffer> {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error('it is no regular file');
    if (stats.size > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`);
    return Buffer.from(readFileSync(file));
  } finally {
    closeSync(file);
  }
}

/** The code of the system, or a clause; for the parentheses of a sentence. */
export function whyUnread(error: unknown): string {
  const { code, message } = Object(error) as { readonly code?: string; readonly message?: string };
  return code ?? message ?? String(error);
}
