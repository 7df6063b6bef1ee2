/**
 * A client of Socket.IO over a bare TCP socket, as lean as can be: it counts events and answers
 * pings, so that the servers and not the load client are what is measured.
 */

const TEXT = 0x81;
const MASKED = 0x80;
const LENGTH_16 = 126;
/** A WebSocket frame's key of zeros leaves its bytes as they are. */
const NO_KEY: readonly number[] = [0, 0, 0, 0];
const HEAD_END = '\r\n\r\n';
const PING = 0x32;
const EVENT = 0x34;
const EVENT_KIND = 0x32;
const CONNECT_KIND = 0x30;

/** A text as a frame of a client. */
export function frameOf(text: string): Buffer {
  const { length } = text;
  const head =
    length < LENGTH_16
      ? [TEXT, MASKED | length, ...NO_KEY]
      : [TEXT, MASKED | LENGTH_16, length >> 8, length & 0xff, ...NO_KEY];
  return Buffer.concat([Buffer.from(head), Buffer.from(text, 'latin1')]);
}

const PONG = frameOf('3');

export class LoadSocket {
  readonly #user: string;
  readonly #onEvents: (count: number) => void;
  readonly #ready = Promise.withResolvers<void>();
  #socket: Bun.Socket | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #isUpgraded = false;
  #unsent: Buffer[] = [];

  /** @param onEvents is told how many events came at once */
  private constructor(user: string, onEvents: (count: number) => void) {
    this.#user = user;
    this.#onEvents = onEvents;
  }

  /** Opens one, and waits until it is in its namespace. */
  static async open(
    port: number,
    user: string,
    onEvents: (count: number) => void,
  ): Promise<LoadSocket> {
    const client = new LoadSocket(user, onEvents);
    client.#socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_socket, bytes) => client.#take(bytes),
        drain: () => client.#flush(),
        close: () => client.#ready.reject(new Error(`the session of ${user} ended`)),
      },
    });
    client.write(
      Buffer.from(
        'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n' +
          'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      ),
    );
    await client.#ready.promise;
    return client;
  }

  write(bytes: Buffer): void {
    this.#unsent.push(bytes);
    if (this.#unsent.length === 1) this.#flush();
  }

  #flush(): void {
    for (let first = this.#unsent[0]; first !== undefined; first = this.#unsent[0]) {
      const sent = this.#socket?.write(first) ?? 0;
      if (sent < first.byteLength) {
        this.#unsent[0] = first.subarray(Math.max(0, sent));
        return;
      }
      this.#unsent.shift();
    }
  }

  #take(chunk: Buffer): void {
    let bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#isUpgraded) {
      const end = bytes.indexOf(HEAD_END);
      if (end < 0) {
        this.#rest = Buffer.from(bytes);
        return;
      }
      this.#isUpgraded = true;
      bytes = bytes.subarray(end + HEAD_END.length);
      this.write(frameOf(`40${JSON.stringify({ user: this.#user })}`));
    }
    const from = this.#frames(bytes);
    this.#rest = from === bytes.byteLength ? Buffer.alloc(0) : Buffer.from(bytes.subarray(from));
  }

  /** @returns where the first frame begins that is not whole */
  #frames(bytes: Buffer): number {
    let at = 0;
    let events = 0;
    while (at + 2 <= bytes.byteLength) {
      const short = (bytes[at + 1] as number) & 0x7f;
      const head = short === LENGTH_16 ? 4 : 2;
      if (at + head > bytes.byteLength) break;
      const length = head === 4 ? bytes.readUInt16BE(at + 2) : short;
      const begin = at + head;
      if (begin + length > bytes.byteLength) break;
      if (bytes[begin] === PING) this.write(PONG);
      else if (bytes[begin] === EVENT) {
        if (bytes[begin + 1] === EVENT_KIND) events++;
        else if (bytes[begin + 1] === CONNECT_KIND) this.#ready.resolve();
      }
      at = begin + length;
    }
    if (events > 0) this.#onEvents(events);
    return at;
  }
}
