/**
 * What all sessions of a worker share, of whichever kind: table, ids, heartbeat, limits.
 *
 * Sessions that have joined no namespace yet wait here in the order of their coming; those that
 * take too long are ended, so that an open socket without a session cannot be had for free.
 */

import type { TransportName } from '../../core/app/app.ts';
import type { FrameSocket } from '../../core/contracts/client-connection.ts';
import type { PlaceHolders, VisitAny, VisitUnproven } from '../../core/contracts/place-holder.ts';
import type { Heartbeat } from '../../core/heartbeat.ts';
import type { RateSettings } from '../../core/limits/client-rates.ts';
import type { Counters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { AddressLimits } from '../../core/limits/places/address-limits.ts';
import type { Places } from '../../core/limits/places/places.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { SlowReaders } from '../../core/limits/slow-readers.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { SlotTable } from '../../core/sessions/slot-table.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import {
  decodeSessionId,
  idOf,
  SessionIdFactory,
  sameSessionId,
  sessionIdMark,
} from '../../protocol/session-id.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import { SessionSources } from '../source/session-sources.ts';
import { NO_SOURCE } from '../source/source-keys.ts';
import type { ClientHome } from './client-home.ts';
import {
  ClientPlace,
  hasUser,
  isSilent,
  LeavingPlace,
  LONG_AGO,
  unprovenSince,
} from './client-place.ts';
import type { ClientSession } from './client-session.ts';
import { HeldHandshakes } from './held-handshakes.ts';
import { Intake } from './intake.ts';
import { type EndedBy, LastWords } from './last-words.ts';
import type { PollingTransport } from './polling-transport.ts';

export interface ClientSettings extends RateSettings {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly upgradeTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly maxBackpressureBytes: number;
  readonly backpressureTimeoutMs: number;
}

export interface ClientTableOptions {
  readonly node: number;
  readonly worker: number;
  readonly settings: ClientSettings;
  readonly heartbeat: Heartbeat;
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly budget: MemoryBudget;
  readonly slowReaders: SlowReaders;
  readonly places: Places;
  readonly addressLimits: AddressLimits;
  readonly traffic: Traffic;
}

/** How much is on its way in the worker. */
export interface Traffic {
  /** Little is on its way to sessions of this worker. */
  isLight(): boolean;
  /** More waits to leave this worker than leaves at once. */
  isCrowded(): boolean;
}

const MARKS_AT_FIRST = 1_024;

export class ClientTable implements ClientHome<ClientSession>, PlaceHolders {
  readonly node: number;
  readonly worker: number;
  readonly settings: ClientSettings;
  readonly heartbeat: Heartbeat;
  readonly intake: Intake<ClientSession>;
  readonly ids: SessionIdFactory;
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly budget: MemoryBudget;
  readonly slowReaders: SlowReaders;
  readonly places: Places;
  readonly addressLimits: AddressLimits;
  /** What sessions that ended still have to say to who polls. */
  readonly lastWords: LastWords;
  readonly handshakes: HeldHandshakes;
  readonly sources: SessionSources = new SessionSources();
  readonly counts: Record<Exclude<TransportName, 'websocket'>, number> = {
    polling: 0,
    sse: 0,
    stream: 0,
  };
  readonly #traffic: Traffic;
  readonly #sessions: SlotTable<ClientSession> = new SlotTable();
  /** Sessions in no namespace, with the worker's own time since when, oldest first. */
  readonly #unjoined: Map<ClientSession, number> = new Map();
  /** By slot, of ids, which sessions on a WebSocket do not keep: 4 bytes instead of 40. */
  #marks: Uint32Array = new Uint32Array(MARKS_AT_FIRST);

  constructor(options: ClientTableOptions) {
    this.node = options.node;
    this.worker = options.worker;
    this.settings = options.settings;
    this.heartbeat = options.heartbeat;
    this.counters = options.counters;
    this.refusals = options.refusals;
    this.budget = options.budget;
    this.slowReaders = options.slowReaders;
    this.lastWords = new LastWords(options.budget);
    this.handshakes = new HeldHandshakes(options.budget);
    this.budget.watch(() => [...this.#sessions.all(), ...this.lastWords.holders()]);
    this.places = options.places;
    this.places.watch(this);
    this.addressLimits = options.addressLimits;
    this.addressLimits.watch(this);
    this.ids = new SessionIdFactory(options.node, options.worker);
    this.#traffic = options.traffic;
    this.intake = new Intake({
      settings: options.settings,
      tickMs: options.heartbeat.tickMs,
      budget: options.budget,
      maxPayloadBytes: options.settings.maxPayloadBytes,
      refusals: options.refusals,
      isCrowded: () => this.#traffic.isCrowded(),
    });
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Sessions whose client is there, by the transport that carries them. */
  get present(): Record<TransportName, number> {
    const { polling, sse, stream } = this.counts;
    const present = { ...this.counts, websocket: this.size - polling - sse - stream };
    for (const { transport } of this.intake.leaving()) present[transport]--;
    return present;
  }

  get isDeliveringLittle(): boolean {
    return this.#traffic.isLight();
  }

  register(session: ClientSession): string {
    session.slot = this.#sessions.add(session);
    const { addressKey = NO_SOURCE, connection = NO_SOURCE } = session.handshake ?? {};
    this.sources.set(session.slot, addressKey, connection);
    this.heartbeat.add(session);
    this.#unjoined.set(session, this.heartbeat.clockMs);
    this.counters.sessionsOpened++;
    const id = this.ids.create(session.slot);
    this.#keepMark(session.slot, sessionIdMark(id));
    return id;
  }

  unregister(session: ClientSession): void {
    if (session.slot === -1) return;
    this.#sessions.remove(session.slot);
    this.sources.clear(session.slot);
    this.heartbeat.remove(session);
    this.#unjoined.delete(session);
    this.handshakes.forget(session);
    this.counters.sessionsClosed++;
  }

  /** A session has joined its first namespace. */
  joined(session: ClientSession): void {
    const sinceMs = this.#unjoined.get(session);
    if (sinceMs === undefined) return;
    this.places.joined(this.heartbeat.clockMs - sinceMs);
    this.#unjoined.delete(session);
  }

  sinceMs({ slot }: ClientSession): number {
    return this.sources.sinceMs(slot);
  }

  unjoined(session: ClientSession): void {
    if (!session.closed) this.#unjoined.set(session, this.heartbeat.clockMs);
  }

  visitUnproven(visit: VisitUnproven): void {
    const unjoinedSince = (session: ClientSession): number | undefined =>
      this.#unjoined.get(session);
    const { intake } = this;
    this.#sessions.visit((session) => {
      const isLeaving = intake.isLeaving(session);
      const sinceMs = isLeaving ? LONG_AGO : unprovenSince(session, unjoinedSince);
      if (sinceMs === undefined) return;
      const from = {
        addressKey: this.sources.addressOf(session.slot),
        connection: this.sources.connectionOf(session.slot),
      };
      const place = isLeaving ? new LeavingPlace(session) : new ClientPlace(session, unjoinedSince);
      visit(place, from, sinceMs);
    });
  }

  visitAll(visit: VisitAny): void {
    this.#sessions.visit((session) => {
      if (this.intake.isLeaving(session)) return;
      visit(this.sources.addressOf(session.slot), hasUser(session), isSilent(session));
    });
  }

  /**
   * Connections that carry a session each, or that one is about to move to: whose socket is cut in
   * the middle of that has stopped to poll, and hears nothing more. One that polls comes over
   * others from time to time, which are vouched for.
   */
  carryingConnections(): number[] {
    const found: number[] = [];
    this.#sessions.visit((session) => {
      if (this.intake.isLeaving(session)) return;
      const { transport, polling } = session;
      if (transport !== 'polling') found.push(this.sources.connectionOf(session.slot));
      else if (polling !== undefined) found.push(polling.offeredConnection);
    });
    return found;
  }

  pinged(session: ClientSession, socket: FrameSocket, bytes: number): void {
    this.intake.notePing(session, socket, bytes);
    // The answer, which nobody counted, may have to wait.
    if (socket.getBufferedAmount() > 0) this.slowReaders.wait(socket, session, 0);
  }

  keepLastWords(polling: PollingTransport, farewell: WirePacket, by: EndedBy): void {
    this.lastWords.keep(polling, farewell, by, this.heartbeat.tick);
  }

  /** Ends who is late: to join a namespace, to read. Called at each heartbeat tick. */
  sweep(): void {
    const { connectTimeoutMs, pingTimeoutMs } = this.settings;
    this.slowReaders.sweep();
    this.intake.sweep(this.heartbeat.tick);
    this.lastWords.sweep(this.#ticksAgo(pingTimeoutMs));
    // To find that a map is empty again takes time for each that was in it.
    if (this.#unjoined.size === 0) return;
    const { clockMs } = this.heartbeat;
    this.handshakes.count(this.#unjoined, clockMs);
    const late = clockMs - connectTimeoutMs;
    const idle = clockMs - Math.min(connectTimeoutMs, LIMITS.unpolledMs);
    for (const [session, since] of this.#unjoined) {
      if (since > idle) return;
      // A handshake without a poll costs its sender nothing, so it is not held for long.
      const isUnpolled = session.polling?.isPolled === false;
      const isInTime = since > late || session.joining !== undefined;
      if (isInTime && !isUnpolled) continue;
      this.refusals.count('notJoined');
      session.end('transport close', CLOSE_CODE.policy);
    }
  }

  get lateTick(): number {
    return this.#ticksAgo(this.settings.connectTimeoutMs);
  }

  #ticksAgo(durationMs: number): number {
    return this.heartbeat.tick - Math.ceil(durationMs / this.heartbeat.tickMs);
  }

  /** Finds a session by the id that requests name it by; what is behind an id does not count. */
  find(requestId: string): ClientSession | undefined {
    const id = idOf(requestId);
    const session = this.#at(id);
    const known = session?.requestId;
    return known !== undefined && sameSessionId(known, id) ? session : undefined;
  }

  /** Finds a session in a namespace, by its own id. */
  findInNamespace(namespace: string, id: string): NamespaceSession | undefined {
    const found = this.#at(id)?.sessionIn(namespace);
    return found?.id === id ? found : undefined;
  }

  /**
   * Whether there is, or just was, a session of this id, on whichever transport. It is known
   * by its mark, which is enough to say how a request is refused, and grants nothing.
   */
  knows(sessionId: string): boolean {
    const session = this.#at(sessionId);
    const isThere = session !== undefined && this.#marks[session.slot] === sessionIdMark(sessionId);
    return isThere || this.lastWords.endOf(sessionId) !== undefined;
  }

  allSessions(): ClientSession[] {
    return this.#sessions.all();
  }

  #keepMark(slot: number, mark: number): void {
    if (slot >= this.#marks.length) {
      const larger = new Uint32Array(this.#marks.length * 2);
      larger.set(this.#marks);
      this.#marks = larger;
    }
    this.#marks[slot] = mark;
  }

  #at(id: string): ClientSession | undefined {
    const address = decodeSessionId(id);
    if (address?.node !== this.node || address.worker !== this.worker) return undefined;
    return this.#sessions.get(address.slot);
  }
}
