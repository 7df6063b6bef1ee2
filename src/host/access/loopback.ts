/** Which addresses only this host can reach. */
import { isIPv4 } from 'node:net';

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/**
 * The address where a server listens, whatever name it was given.
 *
 * @param server of `Bun.serve`, whose types leave the address out
 */
export function addressOf(server: object, host: string): string {
  const { address } = server as { readonly address?: { readonly address?: string } | null };
  return address?.address ?? host;
}
