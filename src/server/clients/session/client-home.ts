/**
 * What the session of a client and its worker know of each other, whatever the client speaks.
 *
 * `ClientTable` is the home of all sessions of a worker; a fake of a few lines stands in for it in
 * tests of a session alone.
 */

import type { DisconnectReason, TransportName } from '../../core/app/app.ts';
import type { CarriedSession } from '../../core/contracts/carrier.ts';
import type { FrameSocket } from '../../core/contracts/client-connection.ts';
import type { HeartbeatClock, HeartbeatMember } from '../../core/heartbeat.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { SlowReaderSettings, SlowReaders } from '../../core/limits/slow-readers.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import type { PacketReader } from './inbox.ts';
import type { EndedBy } from './last-words.ts';
import type { PollingTransport } from './polling-transport.ts';

/** A session as its worker's table sees it. */
export interface ClientMember extends HeartbeatMember {
  /** Its place in the table; only the table and the session's end change it. */
  slot: number;
  readonly closed: boolean;
  sessionIn(namespace: string): CarriedSession | undefined;
  end(reason: DisconnectReason, code?: number): void;
}

/** Decides when what clients send is taken. */
export interface PacketIntake<Client> {
  /** @returns whether to take a frame now; one that is not is kept, and taken or refused later */
  takesNow(client: Client, socket: FrameSocket, frame: string | Buffer): boolean;
  /** Keeps a frame of a client that has not joined yet. */
  keepBack(client: Client, socket: FrameSocket, frame: string | Buffer): void;
  /** The client has joined: what was kept back is taken. */
  release(client: Client): void;
  /** A socket brought a ping, which counts as a message. */
  notePing(client: Client, socket: FrameSocket, bytes: number): void;
  /** Takes the packets of a POST, perhaps not all at once; `done` says whether all were sound. */
  takePayload(
    client: Client,
    reader: PacketReader,
    bytes: number,
    done: (isWhole: boolean) => void,
  ): void;
  /** Its client has the app say too much: nothing is taken of it until that has left. */
  slow(client: Client): void;
  /** A client asks to join a namespace. */
  noteConnect(client: Client): void;
  /** A client is gone: its session ends, once what had come of it has been taken. */
  endAfter(client: Client): void;
  /** Its client is gone, and not all that had come of it has been taken. */
  isLeaving(client: Client): boolean;
  leaving(): Iterable<Client>;
  /** What is kept of what a session sent, until it may be taken. */
  heldBytes(client: Client): number;
  /** The session has ended, or had to let go of what is kept of it. */
  forget(client: Client): void;
}

/** What a session needs of its worker. */
export interface ClientHome<Client extends ClientMember> {
  readonly settings: SlowReaderSettings;
  readonly heartbeat: HeartbeatClock;
  readonly intake: PacketIntake<Client>;
  readonly refusals: Refusals;
  readonly budget: MemoryBudget;
  readonly slowReaders: SlowReaders;
  /** Whether a ping may take along what is on its way to sessions of this worker. */
  readonly isDeliveringLittle: boolean;
  /** Sessions by transport but those on a WebSocket, the rest. Sessions count themselves. */
  readonly counts: Record<Exclude<TransportName, 'websocket'>, number>;
  /** Takes a session into the table and the heartbeat. @returns the id that its requests name */
  register(session: Client): string;
  unregister(session: Client): void;
  /** When its client connected, in milliseconds since 1970; 0 for one that has ended. */
  sinceMs(session: Client): number;
  /** A session has left its last namespace. */
  unjoined(session: Client): void;
  /** The client of a session sent a WebSocket ping, which has been answered. */
  pinged(session: Client, socket: FrameSocket, bytes: number): void;
  /** Keeps what a session that ended had queued until the client asks, for a short while. */
  keepLastWords(polling: PollingTransport, farewell: WirePacket, by: EndedBy): void;
}
