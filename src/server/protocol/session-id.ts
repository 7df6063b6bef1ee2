/**
 * Session ids: 24 characters that say where the session lives and cannot be guessed.
 *
 *     node (3 bytes) | worker (1) | slot in the worker's table (3) | random (11), in base64url
 *
 * A worker that gets a request for a session of another one reads the owner out of the id, so no
 * table of sessions is shared. 88 random bits make the id fit to be a bearer token, as Engine.IO
 * uses it.
 */

/** Where a session lives. */
export interface SessionAddress {
  readonly node: number;
  readonly worker: number;
  readonly slot: number;
}

export const MAX_NODE = 0xff_ff_ff;
export const MAX_WORKER = 0xff;
export const MAX_SLOT = 0xff_ff_ff;

/** Of an address, and random ones. */
const ID_BYTES = 7 + 11;
const ID_LENGTH = 24;
const ID_PATTERN = /^[A-Za-z0-9_-]{24}$/;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** By the code of a digit, what it stands for. */
const SIX_BITS: Uint8Array = new Uint8Array(128);
for (let value = 0; value < DIGITS.length; value++) SIX_BITS[DIGITS.charCodeAt(value)] = value;
/** Digits that hold 32 bits and a few more. */
const MARK_LENGTH = 6;
/** Random bytes are drawn in blocks: one system call for many ids. */
const IDS_PER_BLOCK = 256;

/** Makes ids of one worker. */
export class SessionIdFactory {
  readonly #node: number;
  readonly #worker: number;
  readonly #block: Buffer = Buffer.alloc(ID_BYTES * IDS_PER_BLOCK);
  #used: number = this.#block.length;

  /** @throws RangeError when an id could not hold them */
  constructor(node: number, worker: number) {
    checkFits(node, MAX_NODE);
    checkFits(worker, MAX_WORKER);
    this.#node = node;
    this.#worker = worker;
  }

  /** @throws RangeError when an id could not hold the slot */
  create(slot: number): string {
    checkFits(slot, MAX_SLOT);
    const block = this.#block;
    if (this.#used === block.length) {
      crypto.getRandomValues(block);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += ID_BYTES;
    const [node, worker] = [this.#node, this.#worker];
    block[from] = node >>> 16;
    block[from + 1] = node >>> 8;
    block[from + 2] = node;
    block[from + 3] = worker;
    block[from + 4] = slot >>> 16;
    block[from + 5] = slot >>> 8;
    block[from + 6] = slot;
    return block.toString('base64url', from, this.#used);
  }
}

function checkFits(part: number, most: number): void {
  if (part < 0 || part > most) throw new RangeError(`a session id cannot hold ${part}`);
}

/** Reads the owner out of an id; `undefined` when it does not have the shape of one. */
export function decodeSessionId(id: string): SessionAddress | undefined {
  if (id.length !== ID_LENGTH || !ID_PATTERN.test(id)) return undefined;
  const bytes = Buffer.from(id.slice(0, 12), 'base64url');
  return {
    node: bytes.readUIntBE(0, 3),
    worker: bytes.readUInt8(3),
    slot: bytes.readUIntBE(4, 3),
  };
}

/** What more a request says than which session it means begins with it. */
const MORE = '.';

/** The id in what a request names; the whole of it where nothing rightly stands behind an id. */
export function idOf(named: string): string {
  return named[ID_LENGTH] === MORE ? named.slice(0, ID_LENGTH) : named;
}

/** What stands behind the id; empty for nothing. */
export function behindId(named: string): string {
  return named[ID_LENGTH] === MORE ? named.slice(ID_LENGTH + 1) : '';
}

/** Whether a session of a node with so many workers may have such an id. */
export function isSessionIdOf(name: string, node: number, workerCount: number): boolean {
  const address = decodeSessionId(name);
  return address?.node === node && address.worker < workerCount;
}

/** 32 of an id's random bits: enough to tell a session's own id from one that has its place now. */
export function sessionIdMark(id: string): number {
  let mark = 0;
  for (let at = ID_LENGTH - MARK_LENGTH; at < ID_LENGTH; at++) {
    mark = (mark << 6) | (SIX_BITS[id.charCodeAt(at)] as number);
  }
  return mark >>> 0;
}

/** Compares two ids without telling by its time how far they agree. */
export function sameSessionId(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= left.charCodeAt(i) ^ right.charCodeAt(i);
  return difference === 0;
}
