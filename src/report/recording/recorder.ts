/**
 * Writes the records of a run to a file, one JSON line each, as they come: whatever happens to the
 * process later, what was written stays readable.
 */

import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RunRecord } from './record.ts';

export class Recorder {
  readonly path: string;
  #file: number | undefined;

  /**
   * Makes the folder when there is none, and the file, which MUST NOT exist: a run never overwrites
   * another.
   * @throws Error of the file system, with its `code`
   */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.path = path;
    this.#file = openSync(path, 'wx');
  }

  /** @throws Error of the file system, such as ENOSPC */
  write(record: RunRecord): void {
    if (this.#file === undefined) return;
    const bytes = Buffer.from(`${JSON.stringify(record)}\n`);
    let written = 0;
    // A file system that is about to be full takes a part, and says why only at the next one.
    while (written < bytes.length) written += writeSync(this.#file, bytes, written);
  }

  /**
   * Closes the file, whatever the file system says of it; once closed, this does nothing.
   * @throws Error of the file system, which may have kept back what it took before
   */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file);
  }
}
