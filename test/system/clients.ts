/** Unmodified socket.io-client clients of one test file, closed together. */

import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { within } from '../support/raw-deadline.ts';
import type { Operation, SystemAuth } from './system-app.ts';

const ACK_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 15_000;

export interface ClientOptions extends Partial<ManagerOptions & SocketOptions> {
  readonly auth?: SystemAuth & Readonly<Record<string, unknown>>;
}

export interface Identity {
  readonly id: string;
  readonly user?: string;
  readonly rooms: readonly string[];
  readonly transport: string;
  readonly workerId: string;
}

export class Clients {
  readonly #sockets: Socket[] = [];

  /** A client that is connecting. Each has a connection of its own unless told otherwise. */
  open(url: string, options: ClientOptions = {}): Socket {
    const socket = io(url, { forceNew: true, ...options });
    this.#sockets.push(socket);
    return socket;
  }

  async connect(url: string, options: ClientOptions = {}): Promise<Socket> {
    const socket = this.open(url, options);
    await joined(socket);
    return socket;
  }

  /** Many at once, each with the options of its number. */
  connectMany(
    url: string,
    count: number,
    options: (number: number) => ClientOptions,
  ): Promise<Socket[]> {
    return Promise.all(Array.from({ length: count }, (_, i) => this.connect(url, options(i))));
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.disconnect().io.engine?.close();
  }
}

/** Settles when the client has joined its namespace, or has been refused. */
export function joined(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (socket.connected) resolve();
  socket.once('connect', resolve);
  socket.once('connect_error', reject);
  return within('a client connects', promise, CONNECT_TIMEOUT_MS);
}

export function refusal(socket: Socket): Promise<Error & { data?: unknown }> {
  return heard(socket, 'connect_error');
}

/** The first argument of the next event of that name. */
export function heard<T>(socket: Socket, event: string): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  socket.once(event, resolve);
  return within(`a client hears '${event}'`, promise, CONNECT_TIMEOUT_MS);
}

/** The client's engine moved over to WebSocket. */
export function upgraded(socket: Socket): Promise<void> {
  const { engine } = socket.io;
  const { promise, resolve } = Promise.withResolvers<void>();
  if (engine.transport.name === 'websocket') resolve();
  else engine.once('upgrade', () => resolve());
  return within('a client upgrades', promise, CONNECT_TIMEOUT_MS);
}

/** The first value of the server's ack. */
export function ask<T>(socket: Socket, event: string, ...args: readonly unknown[]): Promise<T> {
  return socket.timeout(ACK_TIMEOUT_MS).emitWithAck(event, ...args) as Promise<T>;
}

/** Has the client's worker call members of its `Server`. */
export function operate<T>(socket: Socket, operation: Operation): Promise<T> {
  return ask(socket, 'operate', 'server', operation);
}

export async function workerOf(socket: Socket): Promise<number> {
  const { workerId } = await ask<Identity>(socket, 'whoami');
  return Number(workerId.split('-')[0]);
}

/** Clients by the index of their worker; a worker that got none is missing. */
export async function byWorker(sockets: readonly Socket[]): Promise<Map<number, Socket[]>> {
  const workers = await Promise.all(sockets.map(workerOf));
  return Map.groupBy(sockets, (socket) => workers[sockets.indexOf(socket)] as number);
}

/** Keeps what each client hears of an event, in the order of the clients. */
export function record<T>(sockets: readonly Socket[], event: string): T[][] {
  return sockets.map((socket) => {
    const values: T[] = [];
    socket.on(event, (value: T) => values.push(value));
    return values;
  });
}
