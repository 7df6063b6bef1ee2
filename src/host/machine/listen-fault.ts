/** Why this host does not let a process listen, for the sentence that its user reads. */

import { isIP } from 'node:net';
import type { HostFiles } from './host-files.ts';
import { isListenedOn, portHolder } from './port-holders.ts';

const DENIED = ['EACCES', 'EPERM'];
/** What the kernel and the resolver say of an address that is not there. */
const NOT_HERE = ['EADDRNOTAVAIL', 'EINVAL', 'ENOTFOUND', 'EAI_AGAIN'];

/** Names of hosts and programs stand in the reason, so the advice that follows goes by the kind. */
export interface ListenFault {
  readonly kind: 'address' | 'denied' | 'taken' | 'other';
  /** Completes "The port cannot be used: …". */
  readonly reason: string;
}

/**
 * @param error of the system; Bun leaves its code out when the port is taken, on some ways
 * @param address where it should have listened
 */
export function listenFault(
  host: HostFiles,
  error: unknown,
  address: string,
  port: number,
): ListenFault {
  const noAddress: ListenFault = {
    kind: 'address',
    reason: `this machine has no address ${address}`,
  };
  const { code = 'EADDRINUSE' } = error as NodeJS.ErrnoException;
  // For a name that cannot be resolved, the code is that of some earlier fault of the process.
  const isNumber = isIP(address.replace(/^\[(.*)\]$|%.*$/g, '$1')) !== 0;
  const isLow = port > 0 && port < 1024;
  if (DENIED.includes(code) && (isNumber || isLow)) {
    return { kind: 'denied', reason: 'ports below 1024 need root or CAP_NET_BIND_SERVICE' };
  }
  if (!isNumber && !isListenedOn(host, port)) return noAddress;
  if (code === 'EADDRINUSE') return { kind: 'taken', reason: portHolder(host, port) };
  if (NOT_HERE.includes(code)) return noAddress;
  return { kind: 'other', reason: `the system says ${code}` };
}
