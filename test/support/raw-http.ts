/**
 * HTTP and WebSocket frames over a bare TCP connection, for what `fetch` and `WebSocket` hide:
 * half-sent requests, the status of a refused upgrade, fragmented frames.
 */

import { within } from './raw-deadline.ts';

export interface RawResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

interface TcpSocket {
  write(data: string | Uint8Array): number;
  end(): void;
}

export class RawConnection {
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #ended = false;
  #changed: (() => void) | undefined;
  readonly #socket: TcpSocket;

  private constructor(socket: TcpSocket) {
    this.#socket = socket;
    this.closed = this.#until(() => (this.#ended ? true : undefined)).then(() => undefined);
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    let connection: RawConnection | undefined;
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_, chunk) => connection?.arrived(chunk),
        close: () => connection?.ended(),
        end: () => connection?.ended(),
        error: () => connection?.ended(),
      },
    });
    connection = new RawConnection(socket);
    return connection;
  }

  /** Writes a little at once; fails when the kernel does not take it whole. */
  write(data: string | Uint8Array): void {
    if (this.#socket.write(data) < Buffer.byteLength(data)) {
      throw new Error('the kernel took only a part of a small write');
    }
  }

  /** Writes much, as fast as the server reads; returns early when the server hangs up. */
  async writeAll(data: Uint8Array): Promise<void> {
    let rest = data;
    while (rest.length > 0 && !this.#ended) {
      const taken = this.#socket.write(rest);
      if (taken < 0) {
        return;
      }
      rest = rest.subarray(taken);
      await Bun.sleep(rest.length > 0 ? 1 : 0);
    }
  }

  close(): void {
    this.#socket.end();
  }

  /** The response that comes next; `undefined` when the server ends the connection without one. */
  async response(what = 'an HTTP response'): Promise<RawResponse | undefined> {
    return await within(
      what,
      this.#until(() => this.#takeResponse() ?? (this.#ended ? null : undefined)).then(
        (response) => response ?? undefined,
      ),
    );
  }

  /** The payload of the next unmasked text frame, for short frames only. */
  async textFrame(what = 'a text frame'): Promise<string> {
    return await within(
      what,
      this.#until(() => this.#takeTextFrame()),
    );
  }

  arrived(chunk: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    this.#changed?.();
  }

  ended(): void {
    this.#ended = true;
    this.#changed?.();
  }

  async #until<T>(take: () => T | undefined): Promise<T> {
    for (;;) {
      const taken = take();
      if (taken !== undefined) {
        return taken;
      }
      const earlier = this.#changed;
      await new Promise<void>((resolve) => {
        this.#changed = () => {
          earlier?.();
          resolve();
        };
      });
    }
  }

  #takeResponse(): RawResponse | undefined {
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) {
      return undefined;
    }
    const [statusLine = '', ...lines] = this.#received.toString('latin1', 0, headEnd).split('\r\n');
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
    );
    const length = Number(headers.get('content-length') ?? 0);
    if (this.#received.length < headEnd + 4 + length) {
      return undefined;
    }
    const body = this.#received.toString('utf8', headEnd + 4, headEnd + 4 + length);
    this.#received = this.#received.subarray(headEnd + 4 + length);
    return { status: Number(statusLine.split(' ')[1]), headers, body };
  }

  #takeTextFrame(): string | undefined {
    const [first, second] = this.#received;
    if (first === undefined || second === undefined) {
      return undefined;
    }
    const extended = second === 126;
    const start = extended ? 4 : 2;
    if (this.#received.length < start) {
      return undefined;
    }
    const length = extended ? this.#received.readUInt16BE(2) : second;
    if (this.#received.length < start + length) {
      return undefined;
    }
    const payload = this.#received.toString('utf8', start, start + length);
    this.#received = this.#received.subarray(start + length);
    return (first & 0x0f) === 1 ? payload : this.#takeTextFrame();
  }
}

/** The head of a WebSocket upgrade request; the key is the example of RFC 6455, section 1.3. */
export function upgradeRequest(
  query: string,
  headers: readonly string[] = [],
  path = '/socket.io/',
): string {
  return [
    `GET ${path}?${query} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
    '\r\n',
  ].join('\r\n');
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9 } as const;

/** A masked client frame of at most 125 bytes (RFC 6455, section 5.2). */
export function clientFrame(opcode: number, payload: string, final = true): Uint8Array {
  const bytes = Buffer.from(payload);
  if (bytes.length > 125) {
    throw new Error('only short frames are built here');
  }
  const mask = [0x11, 0x22, 0x33, 0x44];
  const masked = bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Uint8Array.from([(final ? 0x80 : 0) | opcode, 0x80 | bytes.length, ...mask, ...masked]);
}
