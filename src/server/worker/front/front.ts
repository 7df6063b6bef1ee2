/**
 * Listens for clients: HTTP/1.1 and WebSocket over TCP or TLS, by Bun's bare sockets.
 *
 * Bun's own server keeps twice as much for a client that waits, and does not say what clients have
 * sent by halves. Here a connection is one object, an `HttpConnection` and then a `WebSocketEnd`,
 * and everything else is shared (`FrontContext`).
 */

import type { TCPSocketListener } from 'bun';
import type { TlsPair } from '../../../host/access/tls-files.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import { FrontContext, type FrontOptions } from './front-context.ts';
import { HttpConnection } from './http-connection.ts';
import type { TcpOwner, TcpSocket } from './tcp-end.ts';

export interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  /** Others listen on the same port, and share what comes. */
  readonly isShared: boolean;
  readonly tls: TlsPair | undefined;
}

const NO_FILE = -1;

export class Front {
  readonly #context: FrontContext;
  readonly #log: Log;
  /** Those that listen, and those that only serve what came while an older certificate stood. */
  readonly #listeners: TCPSocketListener<TcpOwner>[] = [];

  constructor(options: Omit<FrontOptions, 'onFault'>, log: Log) {
    this.#context = new FrontContext({ ...options, onFault: (fault) => this.#say(fault) });
    this.#log = log;
  }

  /** WebSockets that are open. */
  get socketCount(): number {
    return this.#context.sockets;
  }

  /** The number of the connection that has an open file; see `Exchange.connection`. */
  connectionAt(file: number): number {
    return this.#context.numbers.of(file);
  }

  /**
   * @returns the open file that listens
   * @throws the system's error when the port is taken
   */
  listen({ hostname, port, isShared, tls }: ListenOptions): number {
    const options = {
      hostname,
      port,
      // Known to the runtime, though not to its types.
      reusePort: isShared,
      ...(tls === undefined ? {} : { tls }),
      // What is said before the client's end is still answered.
      allowHalfOpen: true,
      socket: {
        open: (socket: TcpSocket) => {
          socket.data = new HttpConnection(socket, this.#context);
        },
        data: (socket: TcpSocket, chunk: Buffer) => socket.data.onData(chunk),
        drain: (socket: TcpSocket) => socket.data.onDrain(),
        end: (socket: TcpSocket) => socket.data.onEnd(),
        timeout: (socket: TcpSocket) => socket.data.onTimeout(),
        // Without this Bun says that one is open when its handshake of TLS is over, and one that
        // never is would stay unseen, and for good.
        handshake: () => {},
        // One that ends at once may never have been open.
        close: (socket: TcpSocket) => socket.data?.onGone(),
        error: (socket: TcpSocket, error: Error) => this.#failed(socket, error),
      },
    };
    const listener = Bun.listen<TcpOwner>(options);
    this.#listeners.push(listener);
    // Known to the runtime, though not to its types.
    return (listener as { readonly fd?: number }).fd ?? NO_FILE;
  }

  /** Has others listen in their place; connections that came through the old ones stay. */
  replaceListeners(listen: () => void): void {
    const before = [...this.#listeners];
    listen();
    for (const listener of before) listener.stop(false);
  }

  /** Takes no more connections; those that are open stay. */
  stopListening(): void {
    for (const listener of this.#listeners) listener.stop(false);
  }

  /** Closes what is still open. */
  close(): void {
    for (const listener of this.#listeners) listener.stop(true);
  }

  /** What a handler here threw: nobody knows how far it came, so the connection ends. */
  #failed(socket: TcpSocket, error: Error): void {
    this.#say(error);
    socket.terminate();
  }

  #say(fault: unknown): void {
    this.#log.error('a connection failed', { error: describeError(fault) });
  }
}
