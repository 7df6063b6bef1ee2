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

const RANDOM_BYTES = 11;
const ADDRESS_BYTES = 7;
const ID_LENGTH = 24;
const ID_PATTERN = /^[A-Za-z0-9_-]{24}$/;
/** Random bytes are drawn in blocks: one system call for many ids. */
const IDS_PER_BLOCK = 256;

/** Makes ids of one worker. */
export class SessionIdFactory {
  readonly #bytes: Buffer = Buffer.alloc(ADDRESS_BYTES + RANDOM_BYTES);
  readonly #block: Uint8Array = new Uint8Array(RANDOM_BYTES * IDS_PER_BLOCK);
  #used: number = IDS_PER_BLOCK;

  constructor(node: number, worker: number) {
    this.#bytes.writeUIntBE(node, 0, 3);
    this.#bytes.writeUInt8(worker, 3);
  }

  create(slot: number): string {
    if (this.#used === IDS_PER_BLOCK) {
      crypto.getRandomValues(this.#block);
      this.#used = 0;
    }
    const from = this.#used * RANDOM_BYTES;
    this.#used++;
    this.#bytes.writeUIntBE(slot, 4, 3);
    this.#bytes.set(this.#block.subarray(from, from + RANDOM_BYTES), ADDRESS_BYTES);
    return this.#bytes.toString('base64url');
  }
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

/** Whether a session of a node with so many workers may have such an id. */
export function isSessionIdOf(name: string, node: number, workerCount: number): boolean {
  const address = decodeSessionId(name);
  return address?.node === node && address.worker < workerCount;
}

/** 32 of an id's random bits: enough to tell a session's own id from one that has its place now. */
export function sessionIdMark(id: string): number {
  return Buffer.from(id.slice(16), 'base64url').readUInt32BE(2);
}

/** Compares two ids without telling by its time how far they agree. */
export function sameSessionId(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= left.charCodeAt(i) ^ right.charCodeAt(i);
  return difference === 0;
}
