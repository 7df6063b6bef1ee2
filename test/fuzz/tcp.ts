/** Bytes over a bare TCP connection, and every way to end it. */

import type { Socket } from 'bun';

export const ENDINGS = ['close', 'reset', 'half-close', 'stay'] as const;
export type Ending = (typeof ENDINGS)[number];

/** How long a server may think over bytes that deserve no answer. */
const PATIENCE_MS = 60;
const CONNECT_TIMEOUT_MS = 3_000;

/** A connection that never throws: whatever the server does is fine here, and seen elsewhere. */
export class Tcp {
  received = '';
  isClosed = false;
  #socket: Socket | undefined;
  #changed: () => void = () => {};
  readonly #patienceMs: number;

  private constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** @param patienceMs how long it waits for the server each time */
  static async open(port: number, patienceMs: number = PATIENCE_MS): Promise<Tcp> {
    const tcp = new Tcp(patienceMs);
    const connecting = Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_socket, chunk) => {
          if (tcp.received.length < 100_000) tcp.received += chunk.toString('latin1');
          tcp.#changed();
        },
        close: () => tcp.#ended(),
        error: () => tcp.#ended(),
        drain: () => tcp.#changed(),
      },
    });
    const late = Bun.sleep(CONNECT_TIMEOUT_MS).then(() => undefined);
    tcp.#socket = await Promise.race([connecting, late]);
    if (tcp.#socket === undefined) throw new Error(`port ${port} takes no connections`);
    return tcp;
  }

  /** Writes as much as the server takes while it is patient. */
  async write(data: string | Uint8Array): Promise<void> {
    let rest: Uint8Array = Buffer.from(data as string, 'latin1');
    if (typeof data !== 'string') rest = data;
    while (rest.length > 0 && !this.isClosed) {
      const taken = this.#socket?.write(rest) ?? -1;
      if (taken < 0) return;
      rest = rest.subarray(taken);
      if (rest.length > 0 && !(await this.#change())) return;
    }
  }

  /** Waits until the server says something, closes, or has had its time. */
  async until(holds: (received: string) => boolean): Promise<void> {
    while (!this.isClosed && !holds(this.received)) {
      if (!(await this.#change())) return;
    }
  }

  end(ending: Ending): void {
    if (ending === 'close') this.#socket?.end();
    else if (ending === 'reset') this.#socket?.terminate();
    else if (ending === 'half-close') this.#socket?.shutdown();
  }

  async #change(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), this.#patienceMs);
    this.#changed = () => resolve(true);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #ended(): void {
    this.isClosed = true;
    this.#changed();
  }
}

/** Sends chunks one after another, listens for a moment, and ends. @returns what came back */
export async function knock(
  port: number,
  chunks: readonly (string | Uint8Array)[],
  ending: Ending,
  patienceMs?: number,
): Promise<string> {
  const tcp = await Tcp.open(port, patienceMs);
  for (const chunk of chunks) {
    await tcp.write(chunk);
    if (chunks.length > 1) await Bun.sleep(0);
  }
  if (ending === 'half-close') tcp.end(ending);
  await tcp.until((received) => received.includes('\r\n\r\n'));
  tcp.end(ending === 'stay' || ending === 'half-close' ? 'close' : ending);
  return tcp.received;
}
