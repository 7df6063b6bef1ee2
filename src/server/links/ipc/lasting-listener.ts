/**
 * Listens on a Unix socket for as long as it should, also when a cleaner of temporary files removes
 * its name: connections that are there go on, but nobody could come any more.
 */

import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type FramedConnection, listenFramed } from './framed-connection.ts';
import { ensureSocketFolder, hasMark, leaveMark } from './socket-folder.ts';

export class LastingListener {
  readonly #path: string;
  readonly #folder: string;
  readonly #name: string;
  readonly #accept: () => FramedConnection;
  #stop: () => void;

  /**
   * @param accept makes the connection for each peer that comes
   * @throws Error of the system when it cannot listen
   */
  constructor(path: string, accept: () => FramedConnection) {
    this.#path = path;
    this.#folder = dirname(path);
    this.#name = basename(path, '.sock');
    this.#accept = accept;
    this.#stop = listenFramed(path, accept);
    leaveMark(this.#folder, this.#name);
  }

  /**
   * Listens again when its name is gone. Call it now and then.
   *
   * @throws Error when it cannot, or when its folder has become somebody else's
   */
  look(): void {
    const isThere = existsSync(this.#path);
    if (isThere && hasMark(this.#folder, this.#name)) return;
    ensureSocketFolder(this.#folder);
    leaveMark(this.#folder, this.#name);
    if (isThere) return;
    this.#stop();
    this.#stop = listenFramed(this.#path, this.#accept);
  }

  stop(): void {
    this.#stop();
  }
}
