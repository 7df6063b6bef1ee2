/**
 * Takes a chunked body apart as it comes, in whatever pieces: bytes in, data out to a sink.
 *
 * Nothing is copied and nothing kept but a few numbers; the sink gets views. Lines end with CR LF
 * alone, since a reader in front that takes less for a line end sees other chunks. Extensions and
 * trailers are bounded, looked through for what may not stand there, and dropped.
 *
 * What frames the data may be longer than the data only up to a bound for the whole body, or a
 * client could make a server read any amount of bytes that no limit of bodies sees.
 *
 * Source: RFC 9112, section 7.1; RFC 9110, section 6.5.
 */

import { FAULTS, type HttpFault } from './http-fault.ts';
import { COLON, CR, LF, OCTETS, TOKEN, VALUE } from './octets.ts';

export interface ChunkLimits {
  /** The size of a chunk and its extensions, without the line end. */
  readonly lineBytesMax: number;
  /** All trailers, with the empty line that ends them. */
  readonly trailerBytesMax: number;
  /** By how much framing may outgrow what a body of small chunks needs. */
  readonly excessBytesMax: number;
}

export type ChunkProgress =
  | { readonly kind: 'more' }
  /** `end` is where the next request begins. */
  | { readonly kind: 'done'; readonly end: number }
  | HttpFault;

type State =
  | 'size'
  | 'extension'
  | 'line LF'
  | 'data'
  | 'data CR'
  | 'data LF'
  | 'trailer'
  | 'trailer name'
  | 'trailer value'
  | 'trailer LF'
  | 'last LF'
  | 'done';

const SEMICOLON = 0x3b;
const MORE: ChunkProgress = { kind: 'more' };
/** What a chunk needs of framing: its size, two line ends, a short extension. */
const FREE_BYTES_PER_CHUNK = 16;
/** Twice its data a chunk may be framed by, so that no honest way to cut a body is refused. */
const FREE_BYTES_PER_DATA_BYTE = 2;

export class ChunkedBody {
  readonly #limits: ChunkLimits;
  #state: State = 'size';
  /** The size of this chunk, and then what has not come of it. */
  #left = 0;
  /** Of the line before this chunk, or of all trailers. */
  #lineBytes = 0;
  #excessBytes = 0;
  #fault: HttpFault | undefined = undefined;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
  }

  /**
   * Takes the bytes from `start` up to `end`, and gives the data among them to the sink, as views.
   * After a fault nothing is taken any more.
   */
  read(bytes: Buffer, start: number, end: number, sink: (data: Buffer) => void): ChunkProgress {
    let at = start;
    while (at < end && this.#state !== 'done' && this.#fault === undefined) {
      if (this.#state === 'data') {
        const taken = Math.min(this.#left, end - at);
        this.#left -= taken;
        if (this.#left === 0) this.#state = 'data CR';
        sink(bytes.subarray(at, at + taken));
        at += taken;
      } else {
        this.#fault = this.#take(bytes[at] as number);
        at++;
      }
    }
    if (this.#fault !== undefined) return this.#fault;
    return this.#state === 'done' ? { kind: 'done', end: at } : MORE;
  }

  /** Takes one byte of what is around the data. */
  #take(octet: number): HttpFault | undefined {
    switch (this.#state) {
      case 'size':
      case 'extension':
      case 'line LF':
        return this.#takeOfLine(octet);
      case 'data CR':
        this.#state = 'data LF';
        return octet === CR ? undefined : FAULTS.chunkEnd;
      case 'data LF':
        this.#state = 'size';
        return octet === LF ? undefined : FAULTS.chunkEnd;
      default:
        return this.#takeOfTrailers(octet);
    }
  }

  #takeOfLine(octet: number): HttpFault | undefined {
    if (this.#state === 'line LF') return octet === LF ? this.#endLine() : FAULTS.chunkLine;
    if (octet === CR && this.#lineBytes > 0) {
      this.#state = 'line LF';
      return undefined;
    }
    this.#lineBytes++;
    if (this.#lineBytes > this.#limits.lineBytesMax) return FAULTS.chunkLineTooLong;
    if (this.#state === 'extension') return isOf(octet, VALUE) ? undefined : FAULTS.chunkLine;
    if (octet === SEMICOLON && this.#lineBytes > 1) {
      this.#state = 'extension';
      return undefined;
    }
    const digit = hexDigit(octet);
    if (digit === -1) return FAULTS.chunkSize;
    this.#left = this.#left * 16 + digit;
    return this.#left > Number.MAX_SAFE_INTEGER ? FAULTS.chunkSize : undefined;
  }

  #endLine(): HttpFault | undefined {
    const free = FREE_BYTES_PER_CHUNK + FREE_BYTES_PER_DATA_BYTE * this.#left;
    this.#excessBytes = Math.max(0, this.#excessBytes + this.#lineBytes - free);
    this.#lineBytes = 0;
    this.#state = this.#left === 0 ? 'trailer' : 'data';
    return this.#excessBytes > this.#limits.excessBytesMax ? FAULTS.chunksTooSmall : undefined;
  }

  #takeOfTrailers(octet: number): HttpFault | undefined {
    this.#lineBytes++;
    if (this.#lineBytes > this.#limits.trailerBytesMax) return FAULTS.trailersTooLong;
    const state = this.#state;
    if (state === 'trailer value' && isOf(octet, VALUE)) return undefined;
    if ((state === 'trailer' || state === 'trailer name') && isOf(octet, TOKEN)) {
      this.#state = 'trailer name';
      return undefined;
    }
    const next = afterTrailer(state, octet);
    if (next === undefined) return FAULTS.trailer;
    this.#state = next;
    return undefined;
  }
}

/** Where an octet leads that is neither of a name nor of a value. */
function afterTrailer(state: State, octet: number): State | undefined {
  if (state === 'trailer' && octet === CR) return 'last LF';
  if (state === 'last LF' && octet === LF) return 'done';
  if (state === 'trailer name' && octet === COLON) return 'trailer value';
  if (state === 'trailer value' && octet === CR) return 'trailer LF';
  if (state === 'trailer LF' && octet === LF) return 'trailer';
  return undefined;
}

function isOf(octet: number, octetClass: number): boolean {
  return ((OCTETS[octet] as number) & octetClass) !== 0;
}

/** The value of a hexadecimal digit; -1 for all else. */
function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
