/**
 * A way to servers that a test can hold up or cut: as a network that drops everything without a
 * word, as one whose hosts are known to be away, or as a proxy before servers of which some are.
 */

import { connect, createServer, type Server, type Socket } from 'node:net';

type State = 'open' | 'held' | 'cut';

export class TcpRelay implements AsyncDisposable {
  readonly #ports: () => readonly number[];
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  #state: State = 'open';
  #next = 0;

  private constructor(ports: () => readonly number[]) {
    this.#ports = ports;
    this.#server = createServer({ pauseOnConnect: true }, (near) => this.#take(near));
  }

  /** @param ports of servers on 127.0.0.1, in turn; one that refuses is passed over */
  static async to(ports: () => readonly number[]): Promise<TcpRelay> {
    const relay = new TcpRelay(ports);
    await new Promise<void>((done) => relay.#server.listen(0, '127.0.0.1', done));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Nothing passes, and nobody is told. */
  hold(): void {
    this.#state = 'held';
    for (const socket of this.#sockets) socket.pause();
  }

  /** Breaks all connections, and takes none. */
  cut(): void {
    this.#state = 'cut';
    this.#breakAll();
  }

  /** As if nothing had been; what was held goes on. */
  open(): void {
    this.#state = 'open';
    for (const socket of this.#sockets) socket.resume();
  }

  /** Breaks all connections; others may come at once. */
  interrupt(): void {
    this.#breakAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'cut';
    this.#breakAll();
    await new Promise((done) => this.#server.close(done));
  }

  #breakAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #take(near: Socket): void {
    if (this.#state === 'cut') near.resetAndDestroy();
    else this.#join(near, this.#ports());
  }

  #join(near: Socket, ports: readonly number[], failed = 0): void {
    const port = ports[this.#next++ % ports.length];
    if (port === undefined || failed >= ports.length) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    const refused = (): void => this.#join(near, ports, failed + 1);
    far.once('error', refused);
    far.once('connect', () => {
      far.off('error', refused);
      this.#pass(near, far);
      this.#pass(far, near);
    });
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    // What the other side takes slowly waits in it: nothing here is large.
    from.on('data', (bytes: Buffer) => void to.write(bytes));
    from.on('end', () => void to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#state === 'held') from.pause();
    else from.resume();
  }
}
