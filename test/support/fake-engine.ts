/** The Socket.IO side of a worker with fakes for the bus, the sockets and the requests. */

import { expect } from 'bun:test';
import { ForeignJson } from '../../src/host/runtime/foreign-json.ts';
import { Admissions } from '../../src/server/clients/session/admissions.ts';
import { type ClientSettings, ClientTable } from '../../src/server/clients/session/client-table.ts';
import { LocalOwner } from '../../src/server/clients/session/local-owner.ts';
import { Refreshing } from '../../src/server/clients/session/refreshing.ts';
import { RoomVerbs } from '../../src/server/clients/session/room-verbs.ts';
import type { HandshakeSource } from '../../src/server/clients/session/session-extras.ts';
import { EngineHome } from '../../src/server/clients/socketio/engine-home.ts';
import { EngineSession } from '../../src/server/clients/socketio/engine-session.ts';
import { PacketRouter } from '../../src/server/clients/socketio/packet-router.ts';
import { OfferToSession } from '../../src/server/clients/socketio/socket-openers.ts';
import type { App } from '../../src/server/core/app/app.ts';
import type {
  FrameHandler,
  FrameSocket,
  HttpAnswer,
  Reply,
  SocketData,
} from '../../src/server/core/contracts/client-connection.ts';
import type { SharedText } from '../../src/server/core/contracts/outgoing-event.ts';
import { Heartbeat } from '../../src/server/core/heartbeat.ts';
import type { RateSettings } from '../../src/server/core/limits/client-rates.ts';
import { type Counters, createCounters } from '../../src/server/core/limits/counters.ts';
import { MemoryBudget } from '../../src/server/core/limits/memory-budget.ts';
import { AddressLimits } from '../../src/server/core/limits/places/address-limits.ts';
import { Places } from '../../src/server/core/limits/places/places.ts';
import { Refusals } from '../../src/server/core/limits/refusals.ts';
import { SlowReaders } from '../../src/server/core/limits/slow-readers.ts';
import type { Log } from '../../src/server/core/log/log.ts';
import { WorkerCore } from '../../src/server/core/worker-core.ts';
import { isSessionIdOf } from '../../src/server/protocol/session-id.ts';
import { FakeLink, MAX_ROOMS } from './fake-core.ts';
import { OPEN_TO_ALL } from './open-to-all.ts';

/** None of them is reached by accident. */
const RATES: RateSettings = {
  maxMessagesPerSecond: 5_000,
  maxBytesPerSecond: 10_000_000,
  maxConnectsPerSecond: 20,
  maxAcksPerSecond: 5_000,
};

export const ENGINE_SETTINGS: ClientSettings & { readonly memoryBudgetBytes: number } = {
  ...RATES,
  pingIntervalMs: 1_000,
  pingTimeoutMs: 500,
  upgradeTimeoutMs: 150,
  connectTimeoutMs: 2_000,
  maxPayloadBytes: 10_000,
  maxBackpressureBytes: 10_000,
  backpressureTimeoutMs: 200,
  memoryBudgetBytes: 100_000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 10_000,
};

const NO_ADDRESS_LIMITS = {
  maxSessionsPerAddress: 0,
  maxHandshakesPerAddress: 0,
  maxUnauthenticatedPerAddress: 0,
  maxSilentPerAddress: 0,
};

const HANDSHAKE: HandshakeSource = {
  headers: new Headers({ cookie: 'a=b' }),
  query: 'EIO=4&token=x',
  address: '127.0.0.1',
  addressKey: 1,
  connection: 2,
  transport: 'websocket',
};

/** Lets what waits for the end of the turn happen. */
export const settle = (): Promise<void> => Bun.sleep(0);

export class FakeEngine {
  readonly counters: Counters = createCounters();
  readonly refusals: Refusals;
  readonly budget: MemoryBudget;
  readonly heartbeat: Heartbeat = new Heartbeat(ENGINE_SETTINGS);
  readonly link: FakeLink = new FakeLink();
  readonly context: ClientTable;
  readonly home: EngineHome<EngineSession>;
  readonly router: PacketRouter;
  readonly admissions: Admissions;
  readonly verbs: RoomVerbs;
  readonly refreshing: Refreshing;
  readonly core: WorkerCore;
  readonly owner: LocalOwner;
  /** Reasons for which sessions have ended. */
  readonly ended: string[] = [];
  /** Errors that were logged. */
  readonly logged: string[] = [];

  constructor(
    app: App,
    budgetBytes: number = ENGINE_SETTINGS.memoryBudgetBytes,
    rates: Partial<RateSettings> = {},
  ) {
    const log: Log = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (text) => this.logged.push(text),
    };
    this.refusals = new Refusals(log);
    this.budget = new MemoryBudget(budgetBytes, this.refusals);
    this.context = new ClientTable({
      node: 1,
      worker: 2,
      settings: { ...ENGINE_SETTINGS, ...rates },
      heartbeat: this.heartbeat,
      traffic: {
        isLight: () => this.core.delivery.isLight,
        isCrowded: () => this.link.isCrowded,
      },
      counters: this.counters,
      refusals: this.refusals,
      budget: this.budget,
      slowReaders: new SlowReaders(ENGINE_SETTINGS, this.budget),
      addressLimits: new AddressLimits(NO_ADDRESS_LIMITS),
      places: new Places({
        files: 100,
        sessions: 100,
        refusals: this.refusals,
        heldFiles: () => 0,
        clockMs: () => this.heartbeat.clockMs,
      }),
    });
    this.core = new WorkerCore({
      app: { disconnected: (_session, reason) => void this.ended.push(reason), ...app },
      workerId: 'w',
      ackTimeoutMs: 50,
      maxRoomsPerSession: MAX_ROOMS,
      ...OPEN_TO_ALL,
      link: this.link,
      budget: this.budget,
      counters: this.counters,
      refusals: this.refusals,
      log,
      findSession: (namespace, id) => this.context.findInNamespace(namespace, id),
      isSessionId: (name) => isSessionIdOf(name, 1, 3),
    });
    this.refreshing = new Refreshing(this.core, { refreshMs: 30_000 });
    this.admissions = new Admissions(this.core, this.context, this.refreshing);
    this.verbs = new RoomVerbs({ namespaces: this.core.namespaces, isOpen: true });
    this.router = new PacketRouter(this.core, {
      admissions: this.admissions,
      json: new ForeignJson({ maxKeys: 20_000, maxDepth: 1_000 }),
      budget: this.budget,
      maxPayloadBytes: ENGINE_SETTINGS.maxPayloadBytes,
      intake: this.context.intake,
      verbs: this.verbs,
    });
    this.home = new EngineHome(this.context, this.router);
    this.owner = new LocalOwner(this.context);
  }

  /** A socket whose client has asked to join, and may not have been let in yet. */
  openUnjoined(
    isTextOnly = false,
    connect = '40',
    said: Partial<HandshakeSource> = {},
  ): FakeSocket {
    const socket = new FakeSocket();
    const session = new EngineSession(this.home, { ...HANDSHAKE, ...said });
    socket.data = session;
    session.openSocket(socket, isTextOnly);
    socket.bring(connect);
    return socket;
  }

  async openSocket(isTextOnly = false): Promise<FakeSocket> {
    const socket = this.openUnjoined(isTextOnly);
    await settle();
    expect(socket.news().at(-1)).toBe('40{"sid":…}');
    return socket;
  }

  createPoller(): Poller {
    const session = new EngineSession(this.home, { ...HANDSHAKE, transport: 'polling' });
    const { sid } = JSON.parse(session.openPolling().slice(1)) as { sid: string };
    return new Poller(this.owner, sid);
  }

  async openPoller(): Promise<Poller> {
    const poller = this.createPoller();
    poller.post('40');
    await settle();
    poller.poll();
    expect(poller.news()).toEqual([expect.stringMatching(/^40/)]);
    return poller;
  }
}

/** A socket, and the client at its other end. */
export class FakeSocket implements FrameSocket {
  data: SocketData = { onFrame: () => {}, onSocketClose: () => {} };
  readonly sent: (string | Buffer)[] = [];
  /** Codes of closes; what was cut off has none. */
  readonly closes: (number | undefined)[] = [];
  bufferedBytes = 0;
  /** It drops what is sent. */
  isFull = false;
  /** What is sent waits. */
  isBehind = false;
  /** It is not read; frames may come all the same, as those that had been read before. */
  isPaused = false;

  send(frame: string | Uint8Array): number {
    if (this.isFull) return 0;
    this.sent.push(typeof frame === 'string' ? frame : Buffer.from(frame));
    if (!this.isBehind) return frame.length || 1;
    this.bufferedBytes += frame.length;
    return -1;
  }

  sendShared({ text }: SharedText): number {
    return this.send(text);
  }

  cork(callback: () => void): void {
    callback();
  }

  close(code?: number): void {
    this.closes.push(code);
  }

  terminate(): void {
    this.closes.push(undefined);
    this.bufferedBytes = 0;
  }

  getBufferedAmount(): number {
    return this.bufferedBytes;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  /** The client sends frames. */
  bring(...frames: (string | Buffer)[]): void {
    for (const frame of frames) (this.data as FrameHandler).onFrame(this, frame);
  }

  /** The client sends a ping that is answered. */
  bringPing(bytes: number): void {
    (this.data as FrameHandler).onPing?.(this, bytes);
  }

  /** The TCP connection is gone. */
  lose(): void {
    (this.data as FrameHandler).onSocketClose(this);
  }

  /** What was sent since the last look, the ids of sessions left out. */
  news(): (string | Buffer)[] {
    const hide = (frame: string | Buffer): string | Buffer =>
      typeof frame === 'string' ? frame.replace(/"sid":"[^"]+"/, '"sid":…') : frame;
    return this.sent.splice(0).map(hide);
  }
}

/** The client of a session that polls. */
export class Poller {
  readonly sessionId: string;
  readonly answers: HttpAnswer[] = [];
  readonly #owner: LocalOwner;

  constructor(owner: LocalOwner, sessionId: string) {
    this.#owner = owner;
    this.sessionId = sessionId;
  }

  poll(): Reply {
    const reply: Reply = { answer: (given) => void this.answers.push(given) };
    this.#owner.poll(this.sessionId, reply);
    return reply;
  }

  post(body: string | undefined): HttpAnswer | undefined {
    let answer: HttpAnswer | undefined;
    this.#owner.beginPost(this.sessionId);
    this.#owner.post(this.sessionId, body, {
      answer(given) {
        answer = given;
      },
    });
    return answer;
  }

  /** The same, where a busy machine may take a packet of several in the next turn. */
  posted(body: string): Promise<HttpAnswer> {
    this.#owner.beginPost(this.sessionId);
    return new Promise((answer) => this.#owner.post(this.sessionId, body, { answer }));
  }

  offer(isTextOnly = false): FakeSocket {
    const socket = new FakeSocket();
    const handler = new OfferToSession(this.#owner, this.sessionId, isTextOnly, 3).open(socket);
    if (handler === undefined) throw new Error('the socket was refused');
    socket.data = handler;
    return socket;
  }

  /** Bodies of polls that have been answered since the last look. */
  news(): string[] {
    return this.answers.splice(0).map(({ status, body }) => (status === 200 ? body : `${status}`));
  }
}
