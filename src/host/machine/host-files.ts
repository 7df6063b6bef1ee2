/**
 * Reads the files in which a Linux host tells of itself: /proc, /sys, /etc.
 *
 * What is missing or may not be read is `undefined`, for a host that has no such feature is nothing
 * unusual. The root directory can be another one, so that tests read a made-up host.
 */

import { accessSync, constants, readdirSync, readFileSync, readlinkSync } from 'node:fs';

export class HostFiles {
  readonly root: string;

  /** @param root goes before every path; empty is this host */
  constructor(root = '') {
    this.root = root;
  }

  text(path: string): string | undefined {
    try {
      return readFileSync(this.root + path, 'latin1');
    } catch {
      return undefined;
    }
  }

  /** The numbers in a file that holds nothing else, such as most files of /proc/sys. */
  integers(path: string): readonly number[] | undefined {
    const words = this.text(path)?.trim().split(/\s+/) ?? [];
    const numbers = words.map(Number);
    return numbers.length > 0 && words[0] !== '' && numbers.every(Number.isFinite)
      ? numbers
      : undefined;
  }

  integer(path: string): number | undefined {
    return this.integers(path)?.[0];
  }

  /** Where a symbolic link leads. */
  link(path: string): string | undefined {
    try {
      return readlinkSync(this.root + path);
    } catch {
      return undefined;
    }
  }

  /** Names in a directory; none when there is no such directory. */
  names(path: string): readonly string[] {
    try {
      return readdirSync(this.root + path);
    } catch {
      return [];
    }
  }

  has(path: string): boolean {
    return this.#may(path, constants.F_OK);
  }

  /** False on a file system that is mounted for reading only, as /proc/sys is in containers. */
  isWritable(path: string): boolean {
    return this.#may(path, constants.W_OK);
  }

  #may(path: string, mode: number): boolean {
    try {
      accessSync(this.root + path, mode);
      return true;
    } catch {
      return false;
    }
  }
}
