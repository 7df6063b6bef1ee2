/** What connections of one protocol ask of one target, as bytes: first, and of polls for more. */

import type { ClientCodec } from './client-protocol.ts';
import { NUMBER_MARK, type Place, pathOf, queryOf } from './place.ts';
import type { AnswerHead } from './wire/answer-head.ts';

export class Requests {
  readonly #parts: readonly string[];
  readonly #host: string;
  readonly #pollPath: string;
  readonly #pollQuery: string;
  /** The last request for more, and what it was made for. */
  #again: { readonly key: string; readonly bytes: Uint8Array } = { key: '', bytes: encoded('') };
  /** Of requests that are the same for all. */
  readonly #shared: Uint8Array | undefined;

  constructor(place: Place, codec: ClientCodec) {
    this.#host = place.url.host;
    const headers = [`Host: ${this.#host}`, ...codec.headers, '\r\n'].join('\r\n');
    this.#parts = `GET ${codec.requestPath(place)} HTTP/1.1\r\n${headers}`.split(NUMBER_MARK);
    const [only, ...others] = this.#parts;
    this.#shared = others.length === 0 ? encoded(only ?? '') : undefined;
    this.#pollPath = pathOf(place, '/poll');
    this.#pollQuery = queryOf(place, []);
  }

  /** @param number of the session */
  first(number: number): Uint8Array {
    return this.#shared ?? encoded(this.#parts.join(String(number)));
  }

  /**
   * The next poll. It names the position that the answer told; where there is none, the validators
   * of the answer stand for it, as servers have it for whom a channel is a resource that changes.
   */
  again(position: string | undefined, head: AnswerHead): Uint8Array {
    const fields: string[] = [];
    let query = this.#pollQuery;
    if (position === undefined) {
      const modified = head.field('last-modified');
      const tag = head.field('etag');
      if (modified !== undefined) fields.push(`If-Modified-Since: ${modified}`);
      if (tag !== undefined) fields.push(`If-None-Match: ${tag}`);
    } else {
      query = `?since=${position}`;
    }
    const lines = [`GET ${this.#pollPath}${query} HTTP/1.1`, `Host: ${this.#host}`, ...fields];
    const key = `${lines.join('\r\n')}\r\n\r\n`;
    // Where all have heard the same, all ask the same.
    if (this.#again.key !== key) this.#again = { key, bytes: encoded(key) };
    return this.#again.bytes;
  }
}

/** Paths and headers of requests are ASCII. */
function encoded(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
