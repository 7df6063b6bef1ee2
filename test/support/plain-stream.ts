/** A streamed answer over a bare connection: its head as it came, its body without its chunks. */

import { RawPeer } from './raw-peer.ts';
import type { Endpoint } from './raw-polling.ts';

export interface RawRequest {
  readonly target: string;
  readonly method?: string;
  /** `1.1` unless given. */
  readonly version?: string;
  /** Besides `Host` and, with a body, its length. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** A request as bytes. */
export function requestText(request: RawRequest): string {
  const { target, method = 'GET', version = '1.1', headers = [], body } = request;
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const lines = [`${method} ${target} HTTP/${version}`, 'Host: 127.0.0.1', ...headers, ...length];
  return `${lines.join('\r\n')}\r\n\r\n${body === undefined ? '' : latin1Of(body)}`;
}

/** The bytes of a text in UTF-8, a character each. */
function latin1Of(text: string): string {
  return Buffer.from(text).toString('latin1');
}

export class RawStream {
  readonly peer: RawPeer;
  /** Status line and headers. */
  readonly head: string;
  readonly status: number;
  readonly isChunked: boolean;

  private constructor(peer: RawPeer, head: string) {
    this.peer = peer;
    this.head = head;
    this.status = Number(head.split(' ')[1]);
    this.isChunked = /^chunked$/i.test(this.header('transfer-encoding') ?? '');
  }

  /** Sends a request, and waits for the head of its answer. */
  static async open(endpoint: Endpoint, request: RawRequest): Promise<RawStream> {
    const peer = await RawPeer.open(Number(new URL(endpoint.url).port));
    peer.send(requestText(request));
    await peer.until('the head of an answer', ({ text, hasEnded }) => {
      return text.includes('\r\n\r\n') || hasEnded;
    });
    return new RawStream(peer, peer.text.split('\r\n\r\n')[0] ?? '');
  }

  header(name: string): string | undefined {
    const lines = this.head.split('\r\n').slice(1);
    const found = lines.find((line) => line.toLowerCase().startsWith(`${name}:`));
    return found?.slice(name.length + 1).trim();
  }

  /** What has come so far, and whether the answer says that this is all. */
  get body(): { readonly text: string; readonly isWhole: boolean } {
    const bytes = this.peer.bytes.subarray(this.head.length + 4);
    if (!this.isChunked) return { text: String(bytes), isWhole: this.peer.hasEnded };
    const pieces: Buffer[] = [];
    for (let at = 0; ; ) {
      const lineEnd = bytes.indexOf('\r\n', at);
      const size = lineEnd < 0 ? '' : bytes.toString('latin1', at, lineEnd);
      const length = Number.parseInt(size, 16);
      if (lineEnd >= 0 && !/^[0-9a-f]+$/i.test(size)) throw new Error(`no chunk: '${size}'`);
      const isWhole = length === 0;
      if (lineEnd < 0 || isWhole || bytes.length < lineEnd + 2 + length + 2) {
        return { text: String(Buffer.concat(pieces)), isWhole };
      }
      pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
      at = lineEnd + 2 + length + 2;
    }
  }

  async until(what: string, holds: (text: string, isWhole: boolean) => boolean): Promise<string> {
    await this.peer.until(what, ({ hasEnded }) => {
      const { text, isWhole } = this.body;
      return holds(text, isWhole) || hasEnded;
    });
    const { text, isWhole } = this.body;
    if (!holds(text, isWhole)) throw new Error(`${what}: the end came first, after ${text}`);
    return text;
  }

  untilText(part: string): Promise<string> {
    return this.until(`'${part}' in a stream`, (text) => text.includes(part));
  }

  /** The answer says itself that it is over. */
  untilWhole(): Promise<string> {
    return this.until('the end of the answer', (_text, isWhole) => isWhole);
  }
}
