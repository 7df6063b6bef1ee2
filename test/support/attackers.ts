/**
 * Clients that mean harm, over bare TCP: they read or do not, and send whatever they like.
 *
 * All are gone when their group is disposed of. What the server does to one of them is seen by the
 * others who watch; here a connection that it ends just ends.
 */

import { connect, type Socket } from 'node:net';
import { textFrame } from '../fuzz/websocket-frames.ts';
import { within } from './raw-deadline.ts';
import { upgradeRequest } from './raw-http.ts';

const POLLING = 'EIO=4&transport=polling';

export class Attackers implements AsyncDisposable {
  readonly #port: number;
  readonly #sockets: Set<AttackSocket> = new Set();

  constructor(port: number) {
    this.#port = port;
  }

  /** A WebSocket that has joined nothing. */
  async openUnjoined(): Promise<AttackSocket> {
    const socket = this.open();
    socket.write(upgradeRequest('EIO=4&transport=websocket'));
    await socket.heard('"sid"');
    return socket;
  }

  /** A WebSocket that is offered to a session which polls. */
  async openOffered(sid: string): Promise<AttackSocket> {
    const socket = this.open();
    socket.write(upgradeRequest(`EIO=4&transport=websocket&sid=${sid}`));
    await socket.heard('101 Switching');
    return socket;
  }

  /** A WebSocket that has joined the main namespace. */
  async openWebSocket(): Promise<AttackSocket> {
    const socket = await this.openUnjoined();
    socket.send('40');
    await socket.heard('40{');
    return socket;
  }

  /** A session over polling that has joined, and may never poll again. @returns its id */
  async openPolling(): Promise<string> {
    const sid = /"sid":"([^"]+)"/.exec(await this.get())?.[1] ?? 'none';
    await this.post(sid, '40');
    return sid;
  }

  async get(sid?: string): Promise<string> {
    return await (await fetch(this.#url(sid))).text();
  }

  async post(sid: string, body: string): Promise<number> {
    const { status } = await fetch(this.#url(sid), { method: 'POST', body });
    return status;
  }

  /** A bare connection. */
  open(): AttackSocket {
    const socket = new AttackSocket(this.#port);
    this.#sockets.add(socket);
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
  }

  #url(sid?: string): string {
    const session = sid === undefined ? '' : `&sid=${sid}`;
    return `http://127.0.0.1:${this.#port}/socket.io/?${POLLING}${session}`;
  }
}

/** What is kept of what the server said while somebody waits for a word. */
const HEARD_MAX = 10_000;
const HEARD_TIMEOUT_MS = 30_000;

export class AttackSocket {
  readonly #socket: Socket;
  #heard = '';
  #changed: (() => void) | undefined;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('data', (chunk) => {
      if (this.#changed === undefined) return;
      this.#heard = (this.#heard + chunk.toString('latin1')).slice(-HEARD_MAX);
      this.#changed();
    });
    this.#socket.on('close', () => this.#changed?.());
    this.#socket.on('error', () => {});
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** What waits here, since the server does not read. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  write(data: string | Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(data);
  }

  /** Sends text frames. */
  send(...texts: readonly string[]): void {
    this.write(Buffer.concat(texts.map(textFrame)));
  }

  /** Waits for a word of the server, or for the end. */
  async heard(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#changed = () => {
      if (this.#heard.includes(text) || this.#socket.destroyed) resolve();
    };
    await within(`an attacker hears ${text}`, promise, HEARD_TIMEOUT_MS);
    this.#changed = undefined;
    this.#heard = '';
  }

  /** Reads no more: what the server sends piles up on its side. */
  stopReading(): void {
    this.#socket.pause();
  }

  startReading(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
