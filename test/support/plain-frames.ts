/** A WebSocket of the plain protocol, frame by frame, whose own frames may be wrong on purpose. */

import { clientFrame } from './client-frame.ts';
import type { Message } from './plain-messages.ts';
import { upgradeRequest } from './raw-http.ts';
import { RawPeer } from './raw-peer.ts';
import type { Endpoint } from './raw-polling.ts';

export const FINAL = 0x80;
export const OPCODE = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface ServerFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isCompressed: boolean;
  readonly payload: Buffer;
}

export class PlainFrames {
  readonly peer: RawPeer;
  /** The head of the answer to the upgrade. */
  readonly head: string;
  /** Frames of pings that came. */
  pings = 0;
  answersPings = true;
  #read = 0;

  private constructor(peer: RawPeer, head: string) {
    this.peer = peer;
    this.head = head;
    this.#read = head.length;
  }

  /** Opens a WebSocket at `/ws`, or fails with the answer. */
  static async open(
    { url }: Endpoint,
    query = '',
    headers: readonly string[] = [],
  ): Promise<PlainFrames> {
    const peer = await RawPeer.open(Number(new URL(url).port));
    peer.send(upgradeRequest(query, headers, '/ws'));
    await peer.untilText('\r\n\r\n');
    const head = peer.text.slice(0, peer.text.indexOf('\r\n\r\n') + 4);
    if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`no upgrade: ${peer.text}`);
    return new PlainFrames(peer, head);
  }

  /** Sends one frame of its first byte and payload. */
  send(first: number, payload: string | Uint8Array): void {
    this.peer.send(clientFrame({ first, payload }));
  }

  text(...messages: readonly (Message | string)[]): void {
    for (const message of messages) {
      const payload = typeof message === 'string' ? message : JSON.stringify(message);
      this.send(FINAL | OPCODE.text, payload);
    }
  }

  /** The next frame that is no ping; pings are counted, and answered unless told otherwise. */
  async next(what = 'a frame'): Promise<ServerFrame> {
    for (;;) {
      await this.peer.until(what, ({ hasEnded }) => this.#peek() !== undefined || hasEnded);
      const frame = this.#peek();
      if (frame === undefined) throw new Error(`${what}: the connection ended first`);
      this.#read += frame.length;
      if (frame.opcode !== OPCODE.ping) return frame;
      this.pings += 1;
      if (this.answersPings) this.send(FINAL | OPCODE.pong, frame.payload);
    }
  }

  async message(what = 'a message'): Promise<Message> {
    const { opcode, payload } = await this.next(what);
    if (opcode !== OPCODE.text) throw new Error(`${what}: opcode ${opcode}`);
    return JSON.parse(payload.toString()) as Message;
  }

  /** Code and reason of the close frame, which must be the next frame. */
  async closeFrame(): Promise<{ code: number; reason: string }> {
    const { opcode, payload } = await this.next('a close frame');
    if (opcode !== OPCODE.close) throw new Error(`opcode ${opcode}: ${String(payload)}`);
    const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    return { code, reason: payload.toString('utf8', 2) };
  }

  #peek(): (ServerFrame & { readonly length: number }) | undefined {
    const bytes = this.peer.bytes.subarray(this.#read);
    if (bytes.length < 2) return undefined;
    const [first, second] = [bytes[0] as number, bytes[1] as number];
    const extended = second < 126 ? 0 : second === 126 ? 2 : 8;
    if (bytes.length < 2 + extended) return undefined;
    const length =
      extended === 0
        ? second
        : extended === 2
          ? bytes.readUInt16BE(2)
          : Number(bytes.readBigUInt64BE(2));
    const start = 2 + extended;
    if (bytes.length < start + length) return undefined;
    return {
      opcode: first & 0x0f,
      isFinal: (first & FINAL) !== 0,
      isCompressed: (first & 0x40) !== 0,
      payload: bytes.subarray(start, start + length),
      length: start + length,
    };
  }
}
