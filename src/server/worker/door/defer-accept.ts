/**
 * Has the kernel keep a new connection to itself until its client has said something.
 *
 * Clients of HTTP and TLS speak first, so nobody who means to ask waits for it. Who connects and
 * says nothing holds no open file of the worker for the first second, and a request that comes over
 * a connection of its own is there to be read when the connection is: it is never taken for one
 * that has nothing to say, however late a busy machine is. It also saves a worker one turn of its
 * loop for each connection. Bun's own server asks for it; its bare sockets do not. Linux only.
 */

import { openCLibrary } from './c-library.ts';

const IPPROTO_TCP = 6;
const TCP_DEFER_ACCEPT = 9;
/** Once it is over the connection is accepted, silent as it is. */
const SECONDS = 1;

/**
 * @param file of a socket that listens
 * @returns false where the system has no such thing; connections then come as soon as they are made
 */
export async function deferAccept(file: number): Promise<boolean> {
  const library = await openCLibrary({
    setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  });
  if (library === undefined) return false;
  const seconds = new Uint32Array([SECONDS]);
  const { setsockopt } = library.symbols;
  const result = setsockopt(file, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds, seconds.byteLength);
  library.close();
  return result === 0;
}
