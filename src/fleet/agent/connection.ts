/** One connection of an agent, where it goes, and who is told what arrives on it. */

import type { Socket } from 'bun';
import type { ClientCodec } from './client-protocol.ts';
import type { Requests } from './requests.ts';
import type { ServerTimes } from './server-times.ts';

export type Phase =
  /** The kernel connects. */
  | 'connecting'
  /** The request is sent. */
  | 'asking'
  /** It is answered, but the session is not there. */
  | 'joining'
  | 'established'
  /** The agent has asked the server to close. */
  | 'leaving'
  /** Counted already, whatever comes now. */
  | 'over';

/**
 * What an agent keeps for each connection. A million of these are held at once, so there is no
 * field that only some of them need all the time.
 */
export class Connection {
  phase: Phase = 'connecting';
  /** The session's number, from which its user follows. */
  readonly number: number;
  readonly codec: ClientCodec;
  readonly target: Target;
  readonly startedAtMs: number;
  /** Place in the swarm's list of established sessions. */
  place = -1;
  /**
   * When the server was heard last, by the clock of `Silence`; -1 before its first message. Of
   * Socket.IO only pings count, since its clients wait for those.
   */
  heardAtMs = -1;
  /** Bytes of something unfinished: a frame, a chunk, an answer. */
  partial: Buffer | undefined = undefined;
  /** The number of the last marked broadcast. */
  lastBroadcast = 0;
  /** When the echo that waits for its answer was sent; 0 for none. */
  echoAtMs = 0;
  /** How it ended, once that is known; the name under which it is counted. */
  ending: string | undefined = undefined;

  constructor(number: number, codec: ClientCodec, target: Target, startedAtMs: number) {
    this.number = number;
    this.codec = codec;
    this.target = target;
    this.startedAtMs = startedAtMs;
  }
}

export type Client = Socket<Connection>;

/** Where connections go: an address, and by protocol what is asked of it and how long it waits. */
export interface Target {
  readonly hostname: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly ways: ReadonlyMap<ClientCodec, Way>;
}

/** One protocol at one target. */
export interface Way {
  readonly requests: Requests;
  readonly times: ServerTimes;
}

/** @throws Error when the target is not asked by this protocol */
export function wayOf({ target, codec }: Connection): Way {
  const way = target.ways.get(codec);
  if (way === undefined) throw new Error(`${target.hostname} has no way by ${codec.protocol}`);
  return way;
}

/** Where a message stands in what has come; that of a stream or of a poll is like a text frame. */
export interface Found {
  readonly opcode: number;
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

/** Who is told how the server answers. */
export interface Gate {
  /** The request has the answer that it was to have. */
  accepted(client: Client): void;
  /** What came is not what a server of this protocol sends; `name` says what it was. */
  misunderstood(client: Client, name: string): void;
}

/** Who is told what the server says then. */
export interface Listener {
  /**
   * A control frame or a whole message came, whose first opcode is `at.opcode`. The payload is
   * `bytes[at.payloadStart..at.payloadEnd)`, valid until return.
   *
   * @param wireBytes all that it took, with the heads of frames, chunks and answers
   */
  frame(client: Client, bytes: Buffer, at: Found, wireBytes: number): void;
  /** Something came that only keeps a stream open. */
  beat(client: Client): void;
  /**
   * A poll has been answered, and `frame` was called for each message of the answer.
   * @param next the request that asks for more
   */
  polled(client: Client, next: Uint8Array, isEmpty: boolean): void;
}
