/**
 * A server on loopback that does to clients of WebSocket, and of HTTP, what a test tells it, right
 * or wrong, byte by byte. Told nothing, it accepts upgrades and is silent.
 */

import type { Socket } from 'bun';
import {
  type ClientFrame,
  closeFrame,
  readClientFrames,
  upgradeAnswer,
  upgradeKeyOf,
  wireFrame,
} from './wire-frame.ts';

const OPCODE_TEXT = 0x1;
const OPCODE_CLOSE = 0x8;
const REQUEST_END = '\r\n\r\n';

/** One client of the server. */
export interface Visitor {
  /** The text of its last request; empty until one has come. */
  request: string;
  isUpgraded: boolean;
  unread: Buffer;
}

export type VisitorSocket = Socket<Visitor>;

export interface Script {
  /** The client has connected. */
  readonly open?: (socket: VisitorSocket) => void;
  /** A request is here; without this, its upgrade is accepted. */
  readonly request?: (socket: VisitorSocket, request: string) => void;
  /** It has been upgraded by `accept`. */
  readonly upgraded?: (socket: VisitorSocket) => void;
  /** A frame came; close frames are answered in any case. */
  readonly frame?: (socket: VisitorSocket, frame: ClientFrame) => void;
  /** 127.0.0.1 unless given. */
  readonly host?: string;
}

export class ScriptedServer implements Disposable {
  readonly sockets: Set<VisitorSocket> = new Set();
  readonly requests: string[] = [];
  readonly frames: ClientFrame[] = [];
  /** Clients that have come, whether or not they are still there. */
  visitors = 0;
  readonly #listener: Bun.TCPSocketListener<Visitor>;
  readonly #script: Script;

  constructor(script: Script = {}) {
    this.#script = script;
    this.#listener = Bun.listen<Visitor>({
      hostname: script.host ?? '127.0.0.1',
      port: 0,
      socket: {
        open: (socket) => this.#opened(socket),
        data: (socket, bytes) => this.#received(socket, bytes),
        close: (socket) => void this.sockets.delete(socket),
        error: () => {},
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** The texts of the text frames that came. */
  get texts(): readonly string[] {
    return this.frames
      .filter(({ opcode }) => opcode === OPCODE_TEXT)
      .map(({ payload }) => payload.toString());
  }

  /** Sends to all who have been upgraded. */
  broadcast(frame: Uint8Array): void {
    for (const socket of this.sockets) if (socket.data.isUpgraded) socket.write(frame);
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }

  #opened(socket: VisitorSocket): void {
    socket.data = { request: '', isUpgraded: false, unread: Buffer.alloc(0) };
    this.visitors++;
    this.sockets.add(socket);
    this.#script.open?.(socket);
  }

  #received(socket: VisitorSocket, bytes: Buffer): void {
    const visitor = socket.data;
    visitor.unread = Buffer.concat([visitor.unread, bytes]);
    while (!visitor.isUpgraded && this.#readRequest(socket));
    if (!visitor.isUpgraded) return;
    const { frames, rest } = readClientFrames(visitor.unread);
    visitor.unread = rest;
    for (const frame of frames) this.#readFrame(socket, frame);
  }

  /** @returns whether there was a whole one */
  #readRequest(socket: VisitorSocket): boolean {
    const visitor = socket.data;
    const end = visitor.unread.indexOf(REQUEST_END);
    if (end < 0) return false;
    visitor.request = visitor.unread.toString('latin1', 0, end + REQUEST_END.length);
    visitor.unread = visitor.unread.subarray(end + REQUEST_END.length);
    this.requests.push(visitor.request);
    if (this.#script.request === undefined) this.accept(socket);
    else this.#script.request(socket, visitor.request);
    return true;
  }

  #readFrame(socket: VisitorSocket, frame: ClientFrame): void {
    this.frames.push(frame);
    this.#script.frame?.(socket, frame);
    if (frame.opcode !== OPCODE_CLOSE) return;
    socket.write(closeFrame(1000));
    socket.end();
  }

  /** Answers with 101; `more` goes out in the same write. */
  accept(socket: VisitorSocket, more: Uint8Array = new Uint8Array()): void {
    socket.data.isUpgraded = true;
    socket.write(Buffer.concat([upgradeAnswer(upgradeKeyOf(socket.data.request)), more]));
    this.#script.upgraded?.(socket);
  }
}

/** A text frame. */
export function text(payload: string): Buffer {
  return wireFrame(OPCODE_TEXT, payload);
}

export const ENGINE_OPEN: Buffer = text(
  '0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}',
);

/** As much Socket.IO as makes sessions; `joined` is called for each. */
export function socketIoScript(joined: (socket: VisitorSocket) => void = () => {}): Script {
  return {
    upgraded: (socket) => void socket.write(ENGINE_OPEN),
    frame: (socket, { payload }) => {
      if (!payload.toString().startsWith('40')) return;
      socket.write(text('40{"sid":"s"}'));
      joined(socket);
    },
  };
}
