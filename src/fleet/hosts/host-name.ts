/**
 * Names of hosts and users as they may stand in a URL and in the arguments of ssh: nothing in them
 * is an option, a command, or a part of a shell's language.
 */

import { isIPv6 } from 'node:net';

const HOST_CHARACTERS_MAX = 253;

/** A name, an IPv4 address, or an IPv6 address without brackets. */
export function isHost(text: string): boolean {
  if (text.length > HOST_CHARACTERS_MAX) return false;
  return /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?$/.test(text) || isPlainIPv6(text);
}

export function isSshUser(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(text);
}

/** Without a zone, which a URL cannot name. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}
