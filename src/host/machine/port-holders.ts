/**
 * Who listens on a TCP port of this host, for the sentence that says why it cannot be had.
 *
 * `/proc/net/tcp` gives the socket (its inode) and the user, the open files of processes the rest;
 * those of other users can be read by root alone.
 */

import type { HostFiles } from './host-files.ts';
import { holdfastCommand } from './worker-processes.ts';

/** State of a socket that listens (`TCP_LISTEN` in the kernel's net/tcp_states.h). */
const LISTENS = '0A';
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;
const NAMED_MAX = 3;

interface Listener {
  readonly uid: string;
  readonly inode: string;
}

/**
 * Completes "The port cannot be used: …". Reads every process once; not for a hot path.
 *
 * @returns what is known of who listens, such as `nginx listens there (process 812)`
 */
export function portHolder(host: HostFiles, port: number): string {
  const listeners = listenersOn(host, port);
  const pids = processesOf(host, new Set(listeners.map(({ inode }) => `socket:[${inode}]`)));
  const [first] = pids;
  if (first !== undefined) return `${nameOf(host, first)} listens there (${listOf(pids)})`;
  const [listener] = listeners;
  if (listener === undefined) return 'something else listens there';
  return `a process of user ${listener.uid} listens there`;
}

/** Whether anybody does; true where the host does not say. */
export function isListenedOn(host: HostFiles, port: number): boolean {
  return host.text(TABLES[0]) === undefined || listenersOn(host, port).length > 0;
}

function listenersOn(host: HostFiles, port: number): Listener[] {
  return TABLES.flatMap((path) => listenersIn(host.text(path) ?? '', port));
}

/** Lines are `sl local_address rem_address st queues timers retrnsmt uid timeout inode …`. */
function listenersIn(table: string, port: number): Listener[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const [, local = '', , state, , , , uid = '', , inode = ''] = words;
    return state === LISTENS && local.endsWith(end) ? [{ uid, inode }] : [];
  });
}

function processesOf(host: HostFiles, sockets: ReadonlySet<string>): readonly string[] {
  if (sockets.size === 0) return [];
  return host
    .names('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) =>
      host
        .names(`/proc/${pid}/fd`)
        .some((file) => sockets.has(host.link(`/proc/${pid}/fd/${file}`) ?? '')),
    )
    .toSorted((one, other) => Number(one) - Number(other));
}

function nameOf(host: HostFiles, pid: string): string {
  const command = holdfastCommand(host.text(`/proc/${pid}/cmdline`));
  if (command !== undefined) return 'another Holdfast';
  return host.text(`/proc/${pid}/comm`)?.trim() || 'something else';
}

function listOf(pids: readonly string[]): string {
  const named = pids.slice(0, NAMED_MAX).join(', ');
  const more = pids.length > NAMED_MAX ? ` and ${pids.length - NAMED_MAX} more` : '';
  return `${pids.length === 1 ? 'process' : 'processes'} ${named}${more}`;
}
