/**
 * The server's processes, when the target is on this host: who listens on its port, and how many
 * of the open files it may have it has. A server that is out of files fails in ways that do not
 * say so, so the fleet looks for itself.
 *
 * There may be a million connections on the host already. So of /proc/net/tcp only the beginning is
 * read, where the kernel lists the sockets that listen, and of the files of a process only the
 * first, since a server opens its port before it takes connections.
 */

import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import { HostFiles } from '../../host/machine/host-files.ts';
import { openFileLimits } from '../../host/machine/process-limits.ts';

export interface ServerProcess {
  readonly pid: number;
  readonly name: string;
}

export interface ServerFiles extends ServerProcess {
  readonly openFiles: number;
  readonly openFileLimit: number;
}

export interface ServerState {
  readonly alive: readonly ServerFiles[];
  /** Those that have ended since they were looked up. */
  readonly ended: readonly ServerProcess[];
}

/** The state LISTEN in /proc/net/tcp. */
const LISTEN = '0A';
const CHUNK_BYTES = 65_536;
/** A listening socket is among these, or the process is not found. */
const FILES_LOOKED_AT = 1_024;
/** Files are numbered with few gaps. */
const MISSES_IN_A_ROW = 64;

/** @returns none where the system does not tell, or does not tell this user */
export function findServerProcesses(port: number, proc = '/proc'): readonly ServerProcess[] {
  const tables = [`${proc}/net/tcp`, `${proc}/net/tcp6`];
  // One after the other: past its listeners, the kernel walks the connections of both tables.
  let sockets = new Set<string>();
  for (const table of tables) {
    if (sockets.size === 0) sockets = new Set(listeningSockets(table, port));
  }
  if (sockets.size === 0) return [];
  return numbersIn(proc)
    .filter((pid) => holdsOneOf(`${proc}/${pid}/fd`, sockets))
    .map((pid) => ({ pid, name: nameOf(`${proc}/${pid}`) }));
}

/** How the processes stand now. */
export function readServerState(processes: readonly ServerProcess[]): ServerState {
  const host = new HostFiles();
  const alive: ServerFiles[] = [];
  const ended: ServerProcess[] = [];
  for (const server of processes) {
    const limit = openFileLimits(host, server.pid);
    if (limit === undefined) {
      ended.push(server);
      continue;
    }
    const openFiles = countOpenFiles(`/proc/${server.pid}/fd`);
    alive.push({ ...server, openFiles, openFileLimit: limit.soft });
  }
  return { alive, ended };
}

/** Linux has said the number as the folder's size since 6.2; before, it takes counting. */
function countOpenFiles(folder: string): number {
  try {
    return statSync(folder).size || readdirSync(folder).length;
  } catch {
    return 0;
  }
}

/** The inodes of sockets that listen on the port. */
function listeningSockets(path: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets: string[] = [];
  for (const line of linesOf(path)) {
    // sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode
    const [number = '', local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    if (!/^\d+:$/.test(number)) continue;
    if (state !== LISTEN) break;
    if (local.endsWith(suffix) && inode !== undefined) sockets.push(`socket:[${inode}]`);
  }
  return sockets;
}

/** Line by line, so that who has seen enough can stop. */
function* linesOf(path: string): Generator<string> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = '';
    for (let size = readSync(file, chunk); size > 0; size = readSync(file, chunk)) {
      const lines = (rest + chunk.toString('latin1', 0, size)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    closeSync(file);
  }
}

function holdsOneOf(folder: string, sockets: ReadonlySet<string>): boolean {
  let misses = 0;
  for (let fd = 0; fd < FILES_LOOKED_AT && misses < MISSES_IN_A_ROW; fd++) {
    try {
      if (sockets.has(readlinkSync(`${folder}/${fd}`))) return true;
      misses = 0;
    } catch {
      misses++;
    }
  }
  return false;
}

/** What the process was started as: the name of its program and of what that runs. */
function nameOf(folder: string): string {
  const name = readText(`${folder}/comm`).trim();
  return name === '' ? 'unknown' : name;
}

function numbersIn(folder: string): readonly number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
