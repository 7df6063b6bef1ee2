/**
 * Makes sure of the public port before any worker is started.
 *
 * Workers share the port, so a second node of the same user could slip in among them unnoticed: the
 * kernel would deal connections to both. Taking the port alone for a moment finds that out. A port
 * that the kernel chose is held on to until workers listen there: it may give such a port to any
 * connection that leaves this host, and does on a busy one.
 */

import { existsSync } from 'node:fs';
import { HostFiles } from '../../host/machine/host-files.ts';
import { listenFault } from '../../host/machine/listen-fault.ts';
import { StartError } from './start-error.ts';

const EVERY_ADDRESS = '::';
const EVERY_IPV4_ADDRESS = '0.0.0.0';
/** The kernel has this file when it knows IPv6 at all. */
const IPV6_ADDRESSES = '/proc/net/if_inet6';

/** The address to listen on: every one of IPv4 only, where the kernel was started without IPv6. */
export function publicHost(host: string, hasIpv6: boolean = existsSync(IPV6_ADDRESSES)): string {
  return host === EVERY_ADDRESS && !hasIpv6 ? EVERY_IPV4_ADDRESS : host;
}

export interface ClaimedPort {
  readonly port: number;
  /** Leaves the port to the workers, once they listen. */
  release(): void;
}

/**
 * @param port the port wanted, 0 for any that is free
 * @throws StartError when the port cannot be had
 */
export function claimPublicPort(host: string, port: number): ClaimedPort {
  try {
    const server = listen(host, port, false);
    const claimed = server.port ?? port;
    void server.stop(true);
    // A port that was named may have clients already, who had better find nobody than a refusal.
    if (port !== 0) return { port: claimed, release: () => {} };
    const holder = listen(host, claimed, true);
    holder.unref();
    return { port: claimed, release: () => void holder.stop(true) };
  } catch (error) {
    const reason = reasonOf(error, host, port, '--port');
    throw new StartError(`The public port ${port} of ${host} cannot be used: ${reason}.`, {
      cause: error,
    });
  }
}

/** @throws StartError when a port of a worker's own cannot be had: who has it can be said here */
export function checkWorkerPort(host: string, port: number, worker: number): void {
  try {
    void listen(host, port, false).stop(true);
  } catch (error) {
    const reason = reasonOf(error, host, port, '--worker-port-base');
    throw new StartError(`The port ${port} of worker ${worker} cannot be used: ${reason}.`, {
      cause: error,
    });
  }
}

function reasonOf(error: unknown, host: string, port: number, flag: string): string {
  const { kind, reason } = listenFault(new HostFiles(), error, host, port);
  if (kind === 'taken') return `${reason}; stop it or choose another ${flag}`;
  return kind === 'address' ? `${reason}; choose another --host` : reason;
}

function listen(hostname: string, port: number, reusePort: boolean): Bun.Server<undefined> {
  return Bun.serve({
    hostname,
    port,
    reusePort,
    development: false,
    fetch: () => new Response(null, { status: 503 }),
  });
}
