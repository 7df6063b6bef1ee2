/** Why this host does not let a process listen, for the sentence that its user reads. */

import { isIP } from 'node:net';
import type { HostFiles } from './host-files.ts';
import { isListenedOn, portHolder } from './port-holders.ts';

const DENIED = ['EACCES', 'EPERM'];
/** What the kernel and the resolver say of an address that is not there. */
const NOT_HERE = ['EADDRNOTAVAIL', 'EINVAL', 'ENOTFOUND', 'EAI_AGAIN'];

/**
 * Completes "The port cannot be used: …".
 *
 * @param error of the system; Bun leaves its code out when the port is taken, on some ways
 * @param address where it should have listened
 */
export function listenFault(
  host: HostFiles,
  error: unknown,
  address: string,
  port: number,
): string {
  const { code = 'EADDRINUSE' } = error as NodeJS.ErrnoException;
  // For a name that cannot be resolved, the code is that of some earlier fault of the process.
  const isNumber = isIP(address.replace(/^\[(.*)\]$|%.*$/g, '$1')) !== 0;
  const isLow = port > 0 && port < 1024;
  if (DENIED.includes(code) && (isNumber || isLow)) {
    return 'ports below 1024 need root or CAP_NET_BIND_SERVICE';
  }
  if (!isNumber && !isListenedOn(host, port)) return `this machine has no address ${address}`;
  if (code === 'EADDRINUSE') return portHolder(host, port);
  if (NOT_HERE.includes(code)) return `this machine has no address ${address}`;
  return `the system says ${code}`;
}
