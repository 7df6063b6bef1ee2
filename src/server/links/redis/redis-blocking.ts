/**
 * A connection of its own for commands that wait at the server, as XREAD with BLOCK does: others
 * would wait behind them. It is made when it is needed first, and again when it has broken.
 */

import { type BrokerHost, shownHost } from '../../../host/config/broker-url.ts';
import { type Access, NodeConnection, type RedisArg } from './node-connection.ts';
import { RedisLinkError } from './redis-fault.ts';

export interface RedisBlocking {
  /**
   * Sends a command that the server may keep waiting, and resolves with its answer.
   *
   * Rejects with `RedisLinkError` when the connection breaks, cannot be made, or stays silent for
   * longer than the server was asked to wait; whoever goes on calls again, after a moment.
   *
   * @param waitsMs what the command says, as behind BLOCK: not 0, since a server that is gone
   *   without a word would be waited for until the kernel finds out
   */
  next(args: readonly RedisArg[], waitsMs: number, asBuffers?: boolean): Promise<unknown>;
  /** What waits rejects. */
  close(): void;
}

export class BlockingConnection implements RedisBlocking {
  readonly #access: Access;
  /** Where the key is now; `undefined` while its master is away. */
  readonly #locate: () => BrokerHost | undefined;
  readonly #onClose: (blocking: BlockingConnection) => void;
  #opening: Promise<NodeConnection> | undefined;
  #connection: NodeConnection | undefined;
  #isClosed = false;

  constructor(
    access: Access,
    locate: () => BrokerHost | undefined,
    onClose: (blocking: BlockingConnection) => void,
  ) {
    this.#access = access;
    this.#locate = locate;
    this.#onClose = onClose;
  }

  async next(args: readonly RedisArg[], waitsMs: number, asBuffers = false): Promise<unknown> {
    const connection = await this.#open();
    const timer = setTimeout(() => {
      const how = `Redis at ${connection.where} is silent for longer than it was asked to wait`;
      this.#drop(connection, new RedisLinkError('unreachable', how));
    }, waitsMs + this.#access.timeoutMs);
    try {
      return await connection.send(args, asBuffers);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The masters may have changed: a connection to one that has not the key any more breaks. */
  check(): void {
    const connection = this.#connection;
    const host = this.#locate();
    if (connection === undefined || host === undefined) return;
    if (shownHost(host) === connection.where) return;
    const how = `the master is no longer at ${connection.where}`;
    this.#drop(connection, new RedisLinkError('failingOver', how));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection?.close();
    this.#onClose(this);
  }

  async #open(): Promise<NodeConnection> {
    if (this.#isClosed) throw new RedisLinkError('unreachable', 'the connection is closed');
    if (this.#connection?.isReady === true) return this.#connection;
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return await this.#opening;
  }

  async #connect(): Promise<NodeConnection> {
    const host = this.#locate();
    if (host === undefined) throw new RedisLinkError('unreachable', 'Redis is not connected');
    const events = { onLost: () => {}, onMessage: () => {}, onMoved: () => {} };
    const connection = await NodeConnection.open(host, this.#access, events);
    this.#connection = connection;
    if (this.#isClosed) connection.close();
    return connection;
  }

  #drop(connection: NodeConnection, error: RedisLinkError): void {
    connection.cut(error);
    if (this.#connection === connection) this.#connection = undefined;
  }
}
