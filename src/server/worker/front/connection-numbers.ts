/**
 * Numbers for connections, one after the other, by the open file of each.
 *
 * They are what sessions and those who keep an eye on open files know a connection by: files are
 * used again as soon as they are free, and to ask the kernel for a port costs a system call.
 */

const FILES_MIN = 1_024;

export class ConnectionNumbers {
  #byFile: Uint32Array = new Uint32Array(FILES_MIN);
  #last = 0;

  /** A connection has come. */
  opened(file: number): void {
    if (file < 0) return;
    if (file >= this.#byFile.length) this.#grow(file);
    // 0 is none; after four thousand million the numbers begin anew.
    this.#last = (this.#last + 1) >>> 0 || 1;
    this.#byFile[file] = this.#last;
  }

  /** The number of the connection that has, or had last, this file; 0 for none. */
  of(file: number): number {
    return this.#byFile[file] ?? 0;
  }

  #grow(file: number): void {
    const grown = new Uint32Array(Math.max(file + 1, this.#byFile.length * 2));
    grown.set(this.#byFile);
    this.#byFile = grown;
  }
}
