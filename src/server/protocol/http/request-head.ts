/**
 * The head of a request as it is kept: its text, one octet a character, and a few numbers.
 *
 * A head lives as long as its request is held, and headers in a table of their own would cost many
 * times their text. So a header is looked for in the text when it is asked for. Texts that are
 * given out are parts of that text: who keeps one keeps all of it.
 *
 * The reader has found the text to be well-formed, and nothing is checked here again. Values are
 * octets as they came: what was sent as UTF-8 is not decoded, as in the `Headers` of Bun's server.
 *
 * Source: RFC 9110, sections 5.2, 5.3 and 10.1.1; RFC 9112, section 9.3; RFC 6455, section 4.2.1;
 * RFC 6265, section 5.4.
 */

import type { HeadFacts } from './head-facts.ts';
import { COLON, isBlank, nameBit } from './octets.ts';

export type BodyKind = 'none' | 'length' | 'chunked';

const LINE_END = '\r\n';
/** ` HTTP/1.1` and a line end. */
const VERSION_LENGTH = 11;

const MINOR_VERSION = 1;
const CHUNKED = 2;
const KEEPS_ALIVE = 4;
const UPGRADES = 8;
const EXPECTS_CONTINUE = 16;
const IS_GET = 32;

/** What is kept of the facts of a head. */
type Facts = Pick<HeadFacts, 'methodEnd' | 'targetEnd' | 'names' | 'contentLength'>;

/** By flags: one for all requests that are held. */
const BARE_GETS: (RequestHead | undefined)[] = [];

export class RequestHead {
  readonly #text: string;
  readonly #methodEnd: number;
  readonly #targetEnd: number;
  /** The yes and no of a head, a bit each. */
  readonly #flags: number;
  /** Which names there may be, see `nameBit`: most that are asked for are not there. */
  readonly #names: number;
  /** How many bytes it took, with empty lines before it and the one that ends it. */
  readonly bytes: number;
  /** How many bytes of body follow; 0 when the body is chunked. */
  readonly contentLength: number;

  constructor(text: string, bytes: number, facts: Facts, flags: number) {
    this.#text = text;
    this.#methodEnd = facts.methodEnd;
    this.#targetEnd = facts.targetEnd;
    this.#flags = flags;
    this.#names = facts.names;
    this.bytes = bytes;
    this.contentLength = facts.contentLength;
  }

  /** @param text of the head, @param bytes that it took with what stood around it */
  static read(text: string, bytes: number, facts: HeadFacts): RequestHead {
    return new RequestHead(text, bytes, facts, flagsOf(facts, text));
  }

  /** What answers the request needs: the method and the yes and no, without target and headers. */
  bare(): RequestHead {
    const flags = this.#flags;
    if (!this.#has(IS_GET) || this.contentLength > 0) return bareHead(this.method, flags);
    return (BARE_GETS[flags] ??= bareHead('GET', flags));
  }

  get kind(): 'head' {
    return 'head';
  }

  get method(): string {
    return this.#has(IS_GET) ? 'GET' : this.#text.slice(0, this.#methodEnd);
  }

  /** As it was sent; `requestTarget` has its parts. */
  get target(): string {
    return this.#text.slice(this.#methodEnd + 1, this.#targetEnd);
  }

  get minorVersion(): 0 | 1 {
    return this.#has(MINOR_VERSION) ? 1 : 0;
  }

  /** A body of no bytes is none. */
  get bodyKind(): BodyKind {
    if (this.#has(CHUNKED)) return 'chunked';
    return this.contentLength > 0 ? 'length' : 'none';
  }

  /** Whether another request may follow on the connection. */
  get keepsAlive(): boolean {
    return this.#has(KEEPS_ALIVE);
  }

  /** Without a body: what comes next are frames. The key and the version are not looked at. */
  get isUpgradeToWebSocket(): boolean {
    return this.#has(UPGRADES);
  }

  /** The body is sent once the server has said that it wants it, or after a while. */
  get expectsContinue(): boolean {
    return this.#has(EXPECTS_CONTINUE);
  }

  /** A header by its name, however that is written; repeated ones are joined. */
  get(anyName: string): string | null {
    const name = anyName.toLowerCase();
    if ((this.#names & nameBit(name.length, name.charCodeAt(0))) === 0) return null;
    const text = this.#text;
    const lines = linesOf(text, this.#fieldsStart);
    let joined: string | null = null;
    for (let line = 1; line < lines.length; line++) {
      const at = lines[line - 1] as number;
      const colon = at + name.length;
      if (text.charCodeAt(colon) !== COLON) continue;
      if (text.slice(at, colon).toLowerCase() !== name) continue;
      const value = valueIn(text, colon + 1, (lines[line] as number) - LINE_END.length);
      if (joined === null) joined = value;
      else joined += `${name === 'cookie' ? '; ' : ', '}${value}`;
    }
    return joined;
  }

  /** Every line as it came, in order, the name in lower case. */
  *headerLines(): Generator<[name: string, value: string], void, undefined> {
    const text = this.#text;
    let at = this.#fieldsStart;
    while (at < text.length) {
      const end = text.indexOf(LINE_END, at);
      const colon = text.indexOf(':', at);
      yield [text.slice(at, colon).toLowerCase(), valueIn(text, colon + 1, end)];
      at = end + LINE_END.length;
    }
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** The name of every line, in lower case. */
  *keys(): Generator<string, void, undefined> {
    for (const [name] of this.headerLines()) yield name;
  }

  /** Each header once, as `Headers` has them. */
  [Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    return this.toHeaders().entries();
  }

  toHeaders(): Headers {
    const headers = new Headers();
    for (const [name, value] of this.headerLines()) headers.append(name, value);
    return headers;
  }

  get #fieldsStart(): number {
    return this.#targetEnd + VERSION_LENGTH;
  }

  #has(flag: number): boolean {
    return (this.#flags & flag) !== 0;
  }
}

function bareHead(method: string, flags: number): RequestHead {
  // A copy of the method, which is a part of the text, and would keep all of it.
  const text = Buffer.from(method, 'latin1').toString('latin1');
  const end = text.length;
  const facts = { methodEnd: end, targetEnd: end, names: 0, contentLength: 0 };
  return new RequestHead(text, 0, facts, flags);
}

function flagsOf(facts: HeadFacts, text: string): number {
  const hasBody = facts.isChunked || facts.contentLength > 0;
  const isNew = facts.minorVersion === 1;
  let flags = isNew ? MINOR_VERSION : 0;
  if (facts.isChunked) flags |= CHUNKED;
  if (hasBody && isNew && facts.expectsContinue) flags |= EXPECTS_CONTINUE;
  // Behind a proxy that believes in a tunnel, what follows CONNECT is somebody else's.
  const mayStay = isNew || facts.asksToStay;
  if (mayStay && !facts.asksToClose && !text.startsWith('CONNECT ')) flags |= KEEPS_ALIVE;
  const asks = isNew && facts.asksToUpgrade && facts.namesWebSocket;
  if (text.startsWith('GET ')) flags |= asks && !hasBody ? IS_GET | UPGRADES : IS_GET;
  return flags;
}

/** Where lines begin in the text that was asked last: who asks one head asks it several times. */
const lastLines: number[] = [];
let lastText = '';

/** Where each line of the fields begins, and at last where they end. */
function linesOf(text: string, fieldsStart: number): readonly number[] {
  if (text === lastText) return lastLines;
  lastText = text;
  lastLines.length = 0;
  for (let at = fieldsStart; at < text.length; ) {
    lastLines.push(at);
    at = text.indexOf(LINE_END, at) + LINE_END.length;
  }
  lastLines.push(text.length);
  return lastLines;
}

/** In steps, as an expression for blanks at the end would try each blank within the value. */
function valueIn(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
