/**
 * The token of an admin port for which none was configured.
 *
 * Loopback is open to every user of a host, and what acts on a node is not for all of them. So the
 * node makes a token at its start and leaves it where only its user can read it; commands of the
 * same user, and of root, find it by the port.
 */

import { readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makePrivateFolder, privateFolderPath, privateFoldersOfAll } from './private-folder.ts';

/** A token that was left for commands. */
export interface LeftToken {
  readonly token: string;
  readonly path: string;
  /** Takes it away again, unless another node has put its own there since. */
  remove(): void;
}

const TOKEN_BYTES = 32;
/** What `leaveToken` writes; a file with anything else is not ours, and is not sent anywhere. */
const TOKEN_FORM = /^[\w-]{43}$/;

/** @throws Error when it cannot be written where only this user reads it */
export function leaveToken(port: number): LeftToken {
  const token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toBase64({
    alphabet: 'base64url',
    omitPadding: true,
  });
  const path = join(makePrivateFolder(), fileName(port));
  rmSync(path, { force: true });
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: 'wx' });
  return {
    token,
    path,
    remove() {
      if (read(path) === token) rmSync(path, { force: true });
      removeIfEmpty(dirname(path));
    },
  };
}

/** The token that a node of this host left for its admin port; undefined when none can be read. */
export function findToken(port: number): string | undefined {
  const folders = [privateFolderPath(), ...(process.getuid?.() === 0 ? privateFoldersOfAll() : [])];
  for (const folder of folders) {
    const token = read(join(folder, fileName(port)));
    if (token !== undefined) return token;
  }
  return undefined;
}

/** Other nodes of this user may have theirs in it. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It is not empty, or another node was quicker.
  }
}

function fileName(port: number): string {
  return `admin-${port}.token`;
}

function read(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'latin1').trim();
    return TOKEN_FORM.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
