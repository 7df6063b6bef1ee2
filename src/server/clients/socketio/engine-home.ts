/**
 * What an Engine.IO session and its worker know of each other.
 *
 * `EngineContext` is the home of all sessions of a worker, `PacketRouter` takes their packets; a
 * fake of a few lines stands in for both in tests of a session alone.
 */

import type { DisconnectReason } from '../../core/app/app.ts';
import type { CarriedSession } from '../../core/contracts/carrier.ts';
import type { FrameSocket } from '../../core/contracts/client-connection.ts';
import type { HeartbeatMember } from '../../core/heartbeat.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { SlowReaderSettings, SlowReaders } from '../../core/limits/slow-readers.ts';
import type { EndedBy } from './last-words.ts';
import type { PollingTransport } from './polling-transport.ts';

/** A session as its worker's table sees it. */
export interface EngineMember extends HeartbeatMember {
  /** Its place in the table; only the table and the session's end change it. */
  slot: number;
  readonly closed: boolean;
  sessionIn(namespace: string): CarriedSession | undefined;
  end(reason: DisconnectReason, code?: number): void;
}

/** Decides when what clients send is taken. */
export interface PacketIntake<Engine> {
  /** @returns whether to take a frame now; one that is not is kept, and taken or refused later */
  takesNow(engine: Engine, socket: FrameSocket, frame: string | Buffer): boolean;
  /** A socket brought a ping, which counts as a message. */
  notePing(engine: Engine, socket: FrameSocket, bytes: number): void;
  /** Takes the packets of a POST, perhaps not all at once; `done` says whether all were sound. */
  takePayload(engine: Engine, body: string, done: (isWhole: boolean) => void): void;
  /** A client is gone: its session ends, once what had come of it has been taken. */
  endAfter(engine: Engine): void;
  /** Its client is gone, and not all that had come of it has been taken. */
  isLeaving(engine: Engine): boolean;
  leaving(): Iterable<Engine>;
}

/** Takes what clients send. MUST NOT throw. */
export interface PacketTaker<Engine extends EngineMember> {
  readonly intake: PacketIntake<Engine>;
  /** Whether a ping may take along what is on its way to sessions of this worker. */
  readonly isDeliveringLittle: boolean;
  onText(engine: Engine, text: string): void;
  onBinary(engine: Engine, data: Buffer): void;
  /** The app has had a client leave a namespace, which may not have heard of it. */
  left(engine: Engine, namespace: string): void;
  /** What is kept of what a session sent, until more of it comes or it may be taken. */
  heldBytes(engine: Engine): number;
  /** The session has ended, or had to let go of what is kept of it. */
  forget(engine: Engine): void;
  /** Looks who is late; called at each heartbeat tick, with its number. */
  sweep(tick: number): void;
}

/** What a session needs of its worker. */
export interface EngineHome<Engine extends EngineMember> {
  readonly settings: SlowReaderSettings;
  readonly heartbeat: { readonly tick: number; readonly clockMs: number };
  readonly router: PacketTaker<Engine>;
  readonly refusals: Refusals;
  readonly budget: MemoryBudget;
  readonly slowReaders: SlowReaders;
  /** Sessions that poll; all others are on a WebSocket. Sessions count themselves. */
  pollingCount: number;
  /** Takes a session into the table and the heartbeat. @returns its engine id */
  register(session: Engine): string;
  unregister(session: Engine): void;
  /** A session has left its last namespace. */
  unjoined(session: Engine): void;
  /** The client of a session sent a WebSocket ping, which has been answered. */
  pinged(session: Engine, socket: FrameSocket, bytes: number): void;
  /** Keeps what a session that ended had queued until the client asks, for a short while. */
  keepLastWords(polling: PollingTransport, by: EndedBy): void;
  /** Source: the Engine.IO protocol, revision 4, "Handshake". */
  openPacket(id: string, upgrades: readonly string[]): string;
}
