/**
 * A WebSocket seen frame by frame, for the protocol tests.
 *
 * It queues what the server sends and answers Engine.IO pings by itself unless told not to, so a
 * test reads only the frames it is about. It knows nothing of Socket.IO.
 */

import { ANSWER_TIMEOUT_MS, within } from './raw-deadline.ts';

/** One WebSocket frame: text or bytes. */
export type Frame = string | Uint8Array;

export interface WebSocketOptions {
  /** Appended to the query, e.g. `sid=…`. */
  readonly query?: string;
  /** The whole query, for handshakes that are wrong on purpose. */
  readonly wholeQuery?: string;
  readonly headers?: Record<string, string>;
  /** `/socket.io/` unless given. */
  readonly path?: string;
  /** Whether pings are answered and kept out of the queue; true unless given. */
  readonly answerPings?: boolean;
}

export interface Closure {
  readonly code: number;
  readonly reason: string;
}

/** What the `open` packet of Engine.IO carries. */
export interface EngineHandshake {
  readonly sid: string;
  readonly upgrades: readonly string[];
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly maxPayload: number;
}

export class RawWebSocket {
  /** Settles when the server has accepted the WebSocket or ended it. */
  readonly opened: Promise<void>;
  readonly closed: Promise<Closure>;
  /** When pings came, in milliseconds of `performance.now()`. */
  readonly pingTimes: number[] = [];
  answerPings: boolean;
  /** The server took the request for a WebSocket, whatever it did with it then. */
  wasOpened = false;
  closure: Closure | undefined;

  readonly #socket: WebSocket;
  readonly #frames: Frame[] = [];
  #waiting: (() => void) | undefined;

  constructor(url: string, options: WebSocketOptions = {}) {
    const more = options.query === undefined ? '' : `&${options.query}`;
    const query = options.wholeQuery ?? `EIO=4&transport=websocket${more}`;
    this.answerPings = options.answerPings ?? true;
    const path = options.path ?? '/socket.io/';
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}${path}?${query}`, {
      headers: options.headers ?? {},
    });
    this.#socket.binaryType = 'arraybuffer';
    const open = Promise.withResolvers<void>();
    const close = Promise.withResolvers<Closure>();
    this.opened = open.promise;
    this.closed = close.promise;
    this.#socket.onopen = () => {
      this.wasOpened = true;
      open.resolve();
    };
    this.#socket.onmessage = (event) => this.#receive(event.data);
    this.#socket.onerror = () => {};
    this.#socket.onclose = (event) => {
      this.closure = { code: event.code, reason: event.reason };
      open.resolve();
      close.resolve(this.closure);
      this.#waiting?.();
    };
  }

  /** Each argument is one frame. */
  send(...frames: readonly Frame[]): void {
    for (const frame of frames) {
      this.#socket.send(frame);
    }
  }

  /** The next frame; rejects when the connection ends first. */
  async next(what = 'a frame', milliseconds: number = ANSWER_TIMEOUT_MS): Promise<Frame> {
    return await within(what, this.#shift(what), milliseconds);
  }

  async text(what = 'a text frame', milliseconds: number = ANSWER_TIMEOUT_MS): Promise<string> {
    const frame = await this.next(what, milliseconds);
    if (typeof frame !== 'string') {
      throw new Error(`${what}: expected text, got ${frame.byteLength} bytes`);
    }
    return frame;
  }

  async end(what = 'the server closes the WebSocket', milliseconds?: number): Promise<Closure> {
    return await within(what, this.closed, milliseconds);
  }

  /** Frames that came and were not read yet. */
  get unread(): readonly Frame[] {
    return this.#frames;
  }

  close(): void {
    this.#socket.close();
  }

  async #shift(what: string): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        return frame;
      }
      if (this.closure !== undefined) {
        throw new Error(`${what}: the server closed the WebSocket, code ${this.closure.code}`);
      }
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  #receive(data: unknown): void {
    if (data === '2') {
      this.pingTimes.push(performance.now());
      if (this.answerPings) {
        this.#socket.send('3');
        return;
      }
    }
    this.#frames.push(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer));
    this.#waiting?.();
  }
}

/** Reads an Engine.IO `open` packet. */
export function parseOpenPacket(packet: string): EngineHandshake {
  if (!packet.startsWith('0')) {
    throw new Error(`expected an open packet, got ${packet.slice(0, 100)}`);
  }
  return JSON.parse(packet.slice(1)) as EngineHandshake;
}

/** Opens an Engine.IO session over WebSocket alone. */
export async function openWebSocket(
  url: string,
  options: WebSocketOptions = {},
): Promise<{ socket: RawWebSocket; handshake: EngineHandshake }> {
  const socket = new RawWebSocket(url, options);
  const handshake = parseOpenPacket(await socket.text('the open packet'));
  return { socket, handshake };
}

/** Probes with a WebSocket for a session that exists; the upgrade packet is left to the caller. */
export async function probeWebSocket(url: string, sid: string): Promise<RawWebSocket> {
  const socket = new RawWebSocket(url, { query: `sid=${sid}` });
  await within('the WebSocket for the upgrade opens', socket.opened);
  socket.send('2probe');
  const answer = await socket.text('the answer to the probe');
  if (answer !== '3probe') {
    throw new Error(`expected 3probe, got ${answer}`);
  }
  return socket;
}
