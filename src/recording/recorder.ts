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
    if (this.#file !== undefined) writeSync(this.#file, `${JSON.stringify(record)}\n`);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
