/**
 * The TCP connections of this process as the kernel has them, silent ones included.
 *
 * Bun tells of a connection only once it has sent a whole request, and closes none before its time.
 * So where open files are short, the C library is asked itself: who is at the other end of a file,
 * how long it has been silent, and to shut a connection down, which Bun then finds closed by its
 * peer. Files are not closed here: that stays with Bun, which owns them. Linux only.
 */

import type { IpAddress } from '../../protocol/ip-address.ts';
import { openCLibrary } from './c-library.ts';

/** Sees one connection; `file` is good until the end of the turn. */
export type Visit = (file: number, ip: IpAddress, port: number) => void;

const SYMBOLS = {
  getpeername: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
  getsockname: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
  getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
  recv: { args: ['i32', 'ptr', 'usize', 'i32'], returns: 'i64' },
  shutdown: { args: ['i32', 'i32'], returns: 'i32' },
} as const;

interface LibC {
  getpeername(file: number, address: Uint8Array, length: Uint32Array): number;
  getsockname(file: number, address: Uint8Array, length: Uint32Array): number;
  getsockopt(
    file: number,
    level: number,
    option: number,
    value: Uint32Array,
    length: Uint32Array,
  ): number;
  recv(file: number, into: Uint8Array, length: number, flags: number): number | bigint;
  shutdown(file: number, how: number): number;
}

const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** `tcpi_last_data_recv` of `struct tcp_info`, in words of 32 bits. */
const LAST_DATA_RECEIVED = 13;
const MSG_PEEK = 0x02;
const MSG_DONTWAIT = 0x40;
const SHUT_RDWR = 2;
const ADDRESS_BYTES = 128;
const INFO_WORDS = 64;
const MAPPED_WORD = 0xff_ff;
const FIRST_FILE = 3;

export class TcpConnections {
  readonly #libc: LibC;
  readonly #address: Uint8Array = new Uint8Array(ADDRESS_BYTES);
  readonly #words: DataView = new DataView(this.#address.buffer);
  readonly #info: Uint32Array = new Uint32Array(INFO_WORDS);
  readonly #length: Uint32Array = new Uint32Array(1);

  private constructor(libc: LibC) {
    this.#libc = libc;
  }

  /** @returns undefined where the C library cannot be asked */
  static async open(): Promise<TcpConnections | undefined> {
    const library = await openCLibrary(SYMBOLS);
    return library && new TcpConnections(library.symbols as unknown as LibC);
  }

  /** Shows all connections of this process. @param filesMax numbers of files lie below it */
  visit(filesMax: number, visit: Visit): void {
    for (let file = FIRST_FILE; file < filesMax; file++) {
      this.#length[0] = ADDRESS_BYTES;
      if (this.#libc.getpeername(file, this.#address, this.#length) !== 0) continue;
      const ip = this.#ip();
      if (ip !== undefined) visit(file, ip, this.#words.getUint16(2));
    }
  }

  /** The port at this end of a connection; 0 when there is none. */
  localPort(file: number): number {
    this.#length[0] = ADDRESS_BYTES;
    const isThere = this.#libc.getsockname(file, this.#address, this.#length) === 0;
    return isThere && this.#ip() !== undefined ? this.#words.getUint16(2) : 0;
  }

  /** How long nothing has come over a connection. */
  silentMs(file: number): number {
    this.#length[0] = this.#info.byteLength;
    const isKnown =
      this.#libc.getsockopt(file, IPPROTO_TCP, TCP_INFO, this.#info, this.#length) === 0;
    return isKnown ? (this.#info[LAST_DATA_RECEIVED] as number) : 0;
  }

  /** Something has come that Bun has not looked at yet. */
  hasUnread(file: number): boolean {
    return this.#libc.recv(file, this.#address, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  hangUp(file: number): void {
    this.#libc.shutdown(file, SHUT_RDWR);
  }

  /** The address that was written last; `undefined` when it is of another kind. */
  #ip(): IpAddress | undefined {
    const words = this.#words;
    switch (words.getUint16(0, true)) {
      case AF_INET:
        return [0, 0, MAPPED_WORD, words.getUint32(4)];
      case AF_INET6:
        return [words.getUint32(8), words.getUint32(12), words.getUint32(16), words.getUint32(20)];
      default:
        return undefined;
    }
  }
}
