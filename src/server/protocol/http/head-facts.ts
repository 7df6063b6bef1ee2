/**
 * What the lines of a head say of the message itself: where it ends, and what becomes of the
 * connection. All other headers pass unseen.
 *
 * Wherever two readers could see two ends of one message, there is a fault and no rule of
 * precedence: that is what request smuggling lives on. So neither does a repeated
 * `Content-Length` of the same value pass, which RFC 9110 leaves to the server.
 *
 * Source: RFC 9110, sections 7.2, 7.8, 8.6 and 10.1.1; RFC 9112, sections 3.2, 6 and 9.3.
 */

import { FAULTS, type HttpFault } from './http-fault.ts';
import { HOST, isAllOf, isWord } from './octets.ts';

const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;
const KEEP_ALIVE = /(?:^|,)[ \t]*keep-alive[ \t]*(?:,|$)/i;
const UPGRADE = /(?:^|,)[ \t]*upgrade[ \t]*(?:,|$)/i;
const WEBSOCKET = /(?:^|,)[ \t]*websocket[ \t]*(?:,|$)/i;
/**
 * A port after the host, if any; brackets only around an IPv6 address. Without them, as old clients
 * send such an address, where it ends and its port begins is not asked here.
 */
const HOST_AND_PORT = /^(?:(?:[^:[\]]*|\[[0-9a-f:.]+\])(?::\d{0,5})?|[0-9a-f:.]+)$/i;

/** How long the names are that `take` knows, a bit each. */
const LENGTHS = (1 << 4) | (1 << 6) | (1 << 7) | (1 << 10) | (1 << 14) | (1 << 17);

const NOT_GIVEN = -1;

export class HeadFacts {
  minorVersion: 0 | 1 = 1;
  /** Where method and target end, counted from the beginning of the head. */
  methodEnd = 0;
  targetEnd = 0;
  isChunked = false;
  expectsContinue = false;
  namesWebSocket = false;
  asksToClose = false;
  asksToStay = false;
  asksToUpgrade = false;
  /** The bits of all names, see `nameBit`. */
  names = 0;
  host: string | undefined = undefined;
  #contentLength = NOT_GIVEN;

  get contentLength(): number {
    return this.#contentLength === NOT_GIVEN ? 0 : this.#contentLength;
  }

  /** Whether `take` might know a header by the length of its name, which most are ruled out by. */
  static mayKnow(nameLength: number): boolean {
    return nameLength < 32 && ((1 << nameLength) & LENGTHS) !== 0;
  }

  /** Takes a header whose name begins at `name` in `bytes`. */
  take(bytes: Uint8Array, name: number, length: number, value: string): HttpFault | undefined {
    switch (length) {
      case 4:
        return isWord(bytes, name, 'host') ? this.#takeHost(value) : undefined;
      case 6:
        if (isWord(bytes, name, 'expect')) {
          this.expectsContinue ||= value.toLowerCase() === '100-continue';
        }
        return undefined;
      case 7:
        if (isWord(bytes, name, 'upgrade')) {
          this.namesWebSocket ||= value === 'websocket' || WEBSOCKET.test(value);
        }
        return undefined;
      case 10:
        if (isWord(bytes, name, 'connection')) this.#takeConnection(value);
        return undefined;
      case 14:
        return isWord(bytes, name, 'content-length') ? this.#takeLength(value) : undefined;
      case 17:
        return isWord(bytes, name, 'transfer-encoding') ? this.#takeCoding(value) : undefined;
      default:
        return undefined;
    }
  }

  /** What is wrong with the lines together, when all have been taken. */
  faultOfAll(): HttpFault | undefined {
    if (this.isChunked) {
      if (this.#contentLength !== NOT_GIVEN) return FAULTS.twoLengths;
      if (this.minorVersion === 0) return FAULTS.transferEncodingInOldVersion;
    }
    if (this.host === undefined && this.minorVersion === 1) return FAULTS.noHost;
    return undefined;
  }

  #takeHost(value: string): HttpFault | undefined {
    if (this.host !== undefined) return FAULTS.repeatedHost;
    this.host = value;
    return isAllOf(value, HOST) && HOST_AND_PORT.test(value) ? undefined : FAULTS.host;
  }

  #takeConnection(value: string): void {
    // What nearly all clients send is known at once.
    if (value === 'keep-alive') {
      this.asksToStay = true;
      return;
    }
    if (value === 'Upgrade') {
      this.asksToUpgrade = true;
      return;
    }
    this.asksToClose ||= CLOSE.test(value);
    this.asksToStay ||= KEEP_ALIVE.test(value);
    this.asksToUpgrade ||= UPGRADE.test(value);
  }

  #takeLength(value: string): HttpFault | undefined {
    if (this.#contentLength !== NOT_GIVEN) return FAULTS.repeatedContentLength;
    if (value.length === 0) return FAULTS.contentLength;
    let length = 0;
    for (let i = 0; i < value.length; i++) {
      const digit = value.charCodeAt(i) - 0x30;
      if (digit < 0 || digit > 9) return FAULTS.contentLength;
      length = length * 10 + digit;
      if (length > Number.MAX_SAFE_INTEGER) return FAULTS.contentLength;
    }
    this.#contentLength = length;
    return undefined;
  }

  /** One coding only, and that is `chunked`: the body is handed on as it was before coding. */
  #takeCoding(value: string): HttpFault | undefined {
    if (this.isChunked) return FAULTS.repeatedTransferEncoding;
    if (value.toLowerCase() !== 'chunked') return FAULTS.transferCoding;
    this.isChunked = true;
    return undefined;
  }
}
