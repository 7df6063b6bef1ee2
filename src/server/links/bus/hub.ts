/**
 * The controller's end of the bus: passes messages between the workers of the node.
 *
 *     worker ── event, command, request ──▶ hub ──▶ workers with recipients, but the sender
 *
 * Backpressure: while a worker's queue is over the high-water mark, the hub stops reading from the
 * others, whose own queues then fill up to their bound. A worker that does not catch up in time no
 * longer holds them up: what is for it is dropped, counted and said, until its queue is empty.
 */

import { foreignJson } from '../../../host/foreign/parsed.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import { namespaceKey, roomKey, userKey } from '../../protocol/interest-key.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import { FramedConnection, listenFramed } from '../ipc/framed-connection.ts';
import {
  AnswerFlag,
  BusFrame,
  type Route,
  RouteScope,
  readRoute,
  writeEvent,
  writeRoute,
} from './bus-frame.ts';
import { BusFullError } from './bus-full-error.ts';
import { InterestTable } from './interest-table.ts';
import { PendingProfiles } from './pending-profiles.ts';
import type { WorkerSample } from './sample.ts';
import { ProfileError } from './worker-profile.ts';

/** What the hub tells the node about its workers. */
export interface HubEvents {
  onReady(worker: number, publicPort: number, ownPort: number): void;
  onFailed(worker: number, reason: string): void;
  onSample(worker: number, sample: WorkerSample): void;
}

/** Totals since the start of the controller. */
export interface HubTotals {
  framesRelayed: number;
  bytesRelayed: number;
  framesDropped: number;
}

interface WorkerLink {
  readonly worker: number;
  readonly connection: FramedConnection;
  hasJoined: boolean;
  /** When its queue went over the high-water mark. */
  congestedAtMs: number | undefined;
  /** It did not catch up: messages for it are dropped. */
  isStalled: boolean;
  /** Answers that it owes: who asked, and the number of the request. */
  readonly owed: Map<string, readonly [asking: number, request: number]>;
}

/** How much longer than a profile its answer may take: the worker may be busy. */
const PROFILE_GRACE_MS = 15_000;

export class Hub {
  readonly totals: HubTotals = { framesRelayed: 0, bytesRelayed: 0, framesDropped: 0 };
  readonly interest: InterestTable = new InterestTable();
  readonly #node: number;
  readonly #events: HubEvents;
  readonly #log: Log;
  readonly #links: Map<number, WorkerLink> = new Map();
  readonly #byConnection: Map<FramedConnection, WorkerLink> = new Map();
  /** What workers say of themselves; they run the app, which may do anything. */
  readonly #json = foreignJson();
  readonly #profiles: PendingProfiles = new PendingProfiles();
  readonly #stallTimer: Timer;
  /** Put off in this turn of the event loop, and in the one before. */
  #fresh: (() => void)[] = [];
  #due: (() => void)[] = [];
  #isHoldingBack = false;
  #stopListening: (() => void) | undefined;

  constructor(node: number, events: HubEvents, log: Log) {
    this.#node = node;
    this.#events = events;
    this.#log = log;
    this.#stallTimer = setInterval(() => this.#judgeCongestion(), LIMITS.ipcStallMs / 4);
  }

  listen(path: string): void {
    const connectionEvents = {
      onFrame: (connection: FramedConnection, frame: FrameReader) =>
        this.#onFrame(connection, frame),
      onFault: (_connection: FramedConnection, fault: unknown) => this.#refused(fault),
      onClose: (connection: FramedConnection, fault: Error | undefined) =>
        this.#onClose(connection, fault),
      onDrain: (connection: FramedConnection) => this.#onDrain(connection),
    };
    this.#stopListening = listenFramed(
      path,
      () => new FramedConnection(connectionEvents, LIMITS.ipcFrameBytes),
    );
  }

  close(): void {
    clearInterval(this.#stallTimer);
    this.#stopListening?.();
    for (const { connection } of this.#links.values()) connection.close();
  }

  /** It reads from nobody but those who are behind, until they have caught up. */
  get isHoldingBack(): boolean {
    return this.#isHoldingBack;
  }

  /** Bytes that wait for a worker. */
  queuedBytes(worker: number): number {
    return this.#links.get(worker)?.connection.queuedBytes ?? 0;
  }

  /**
   * Sends an event that comes from outside the workers.
   *
   * @throws BusFullError while a worker has to catch up
   */
  publish(route: Route, event: OutgoingEvent): void {
    if (this.#isHoldingBack) throw new BusFullError();
    this.#later(() => {
      for (const link of this.#destinations(route, undefined)) {
        if (link.isStalled) continue;
        const writer = link.connection.frame(BusFrame.event);
        writeRoute(writer, route);
        writeEvent(writer, event);
        writer.finish();
        this.#sent(link, event.json.length);
      }
    });
  }

  /**
   * Asks a worker to profile itself.
   *
   * @returns the JSON of a `WorkerProfile`
   * @throws ProfileError when there is none
   */
  async profile(worker: number, seconds: number): Promise<Uint8Array<ArrayBuffer>> {
    const link = this.#links.get(worker);
    if (link === undefined) {
      throw new ProfileError('failed', `Worker ${worker} is not running; see "holdfast status".`);
    }
    return await this.#profiles.ask(worker, seconds * 1000 + PROFILE_GRACE_MS, (id) => {
      link.connection.frame(BusFrame.profile).u32(id).u32(seconds).finish();
      link.connection.send();
    });
  }

  #onFrame(connection: FramedConnection, frame: FrameReader): void {
    if (frame.type === BusFrame.hello) {
      this.#hello(connection, frame.u32());
      return;
    }
    const link = this.#byConnection.get(connection);
    if (link === undefined) return;
    switch (frame.type) {
      case BusFrame.joined:
        link.hasJoined = true;
        return;
      case BusFrame.ready:
        this.#events.onReady(link.worker, frame.u32(), frame.u32());
        return;
      case BusFrame.failed:
        this.#events.onFailed(link.worker, frame.text());
        return;
      case BusFrame.interest:
        for (const key of frame.texts()) this.interest.add(key, link.worker);
        for (const key of frame.texts()) this.interest.remove(key, link.worker);
        return;
      case BusFrame.sample:
        this.#events.onSample(link.worker, this.#json.parse(frame.text()) as WorkerSample);
        return;
      case BusFrame.event:
      case BusFrame.command:
        this.#later(() => this.#relay(link, frame));
        return;
      case BusFrame.request:
        this.#later(() => this.#ask(link, frame));
        return;
      case BusFrame.answer:
        this.#passAnswer(link, frame);
        return;
      case BusFrame.profiled:
        this.#profiles.answered(link.worker, frame);
        return;
    }
  }

  /**
   * Puts a message off until all that was sent before it has been read.
   *
   * A worker says that it has a room before its client learns that it has joined. What another
   * worker sends to the room after that may still be read first; put off, it finds the interest.
   * The turn in which the message is read is not enough: which sockets that turn reads was settled
   * before the message, and what it was sent after, came. The next one reads them all.
   */
  #later(task: () => void): void {
    if (this.#fresh.length + this.#due.length === 0) setImmediate(this.#turn);
    this.#fresh.push(task);
  }

  readonly #turn = (): void => {
    const tasks = this.#due;
    this.#due = this.#fresh;
    this.#fresh = [];
    if (this.#due.length > 0) setImmediate(this.#turn);
    for (const task of tasks) {
      try {
        task();
      } catch (fault) {
        this.#refused(fault);
      }
    }
  };

  #refused(fault: unknown): void {
    this.#log.error('a frame of the bus was refused', { error: describeError(fault) });
  }

  /** A worker that was started again takes the place of the one that died. */
  #hello(connection: FramedConnection, worker: number): void {
    const old = this.#links.get(worker);
    if (old !== undefined) this.#forget(old);
    const link: WorkerLink = {
      worker,
      connection,
      hasJoined: false,
      congestedAtMs: undefined,
      isStalled: false,
      owed: new Map(),
    };
    this.#links.set(worker, link);
    this.#byConnection.set(connection, link);
    if (this.#isHoldingBack) connection.setReading(false);
  }

  #relay(from: WorkerLink, frame: FrameReader): void {
    const body = frame.body();
    const route = readRoute(frame);
    const joined = frame.type === BusFrame.command ? frame.texts() : [];
    for (const link of this.#destinations(route, from)) {
      if (link.isStalled) continue;
      // What is said to the room next must not wait for the worker's word that it has it.
      for (const room of joined) this.interest.add(roomKey(route.namespace, room), link.worker);
      link.connection.frame(frame.type).raw(body).finish();
      this.#sent(link, body.byteLength);
    }
  }

  #ask(from: WorkerLink, frame: FrameReader): void {
    const id = frame.u32();
    const body = frame.rest();
    const destinations = this.#destinations(readRoute(frame), from);
    const asked = from.connection.frame(BusFrame.asked).u32(id).u32(destinations.length);
    for (const { worker } of destinations) asked.u32(worker);
    asked.finish();
    from.connection.send();
    for (const link of destinations) {
      if (link.isStalled) {
        this.#sayUnanswered(from, id, link.worker);
        continue;
      }
      try {
        link.connection.frame(BusFrame.request).u32(from.worker).u32(id).raw(body).finish();
      } catch (fault) {
        // Four bytes longer than it came, it may be too long.
        this.#refused(fault);
        this.#sayUnanswered(from, id, link.worker);
        continue;
      }
      link.owed.set(`${from.worker}:${id}`, [from.worker, id]);
      this.#sent(link, body.byteLength);
    }
  }

  #passAnswer(from: WorkerLink, frame: FrameReader): void {
    const worker = frame.u32();
    const id = frame.u32();
    const answer = frame.rest();
    const isLast = ((answer[0] ?? 0) & AnswerFlag.last) !== 0;
    if (isLast) from.owed.delete(`${worker}:${id}`);
    const asking = this.#links.get(worker);
    if (asking === undefined) return;
    if (asking.isStalled) {
      // Without this piece what comes after it is not the whole, so that counts for nothing.
      this.totals.framesDropped++;
      this.#sayUnanswered(asking, id, from.worker);
      return;
    }
    asking.connection.frame(BusFrame.answer).u32(id).u32(from.worker).raw(answer).finish();
    this.#sent(asking, answer.byteLength);
  }

  #sayUnanswered(asking: WorkerLink, id: number, worker: number): void {
    asking.connection.frame(BusFrame.unanswered).u32(id).u32(worker).finish();
    asking.connection.send();
  }

  /** The workers that a route leads to, stalled ones among them. */
  #destinations(route: Route, from: WorkerLink | undefined): WorkerLink[] {
    const workers = new Set<number>();
    if (route.scope === RouteScope.allWorkers) {
      for (const worker of this.#links.keys()) workers.add(worker);
    } else if (route.rooms.length === 0 && route.users.length === 0) {
      this.interest.collect(namespaceKey(route.namespace), workers);
    } else {
      for (const room of route.rooms) this.#collectRoom(route.namespace, room, workers);
      for (const user of route.users) {
        this.interest.collect(userKey(route.namespace, user), workers);
      }
    }
    const destinations: WorkerLink[] = [];
    for (const worker of workers) {
      const link = this.#links.get(worker);
      if (link === undefined || link === from || !link.hasJoined) continue;
      if (link.isStalled) this.totals.framesDropped++;
      destinations.push(link);
    }
    return destinations;
  }

  /** A session id is a room that nobody registers: it names its worker itself. */
  #collectRoom(namespace: string, room: string, workers: Set<number>): void {
    this.interest.collect(roomKey(namespace, room), workers);
    const address = decodeSessionId(room);
    if (address?.node === this.#node) workers.add(address.worker);
  }

  #sent(link: WorkerLink, bytes: number): void {
    this.totals.framesRelayed++;
    this.totals.bytesRelayed += bytes;
    link.connection.send();
    const isOver = link.connection.queuedBytes > LIMITS.ipcHighWaterBytes;
    if (!isOver || link.congestedAtMs !== undefined) return;
    link.congestedAtMs = performance.now();
    this.#holdBack(true);
  }

  #onDrain(connection: FramedConnection): void {
    const link = this.#byConnection.get(connection);
    if (link?.congestedAtMs === undefined) return;
    link.congestedAtMs = undefined;
    if (link.isStalled) this.#log.info(`worker ${link.worker} takes messages again`);
    link.isStalled = false;
    this.#judgeCongestion();
  }

  /** Gives up on workers that have been over the mark for too long, and lets the others go on. */
  #judgeCongestion(): void {
    const longAgo = performance.now() - LIMITS.ipcStallMs;
    let isCongested = false;
    for (const link of this.#links.values()) {
      if (link.congestedAtMs === undefined || link.isStalled) continue;
      if (link.congestedAtMs > longAgo) isCongested = true;
      else {
        link.isStalled = true;
        this.#log.warn(`worker ${link.worker} does not take messages: they are dropped for now`, {
          worker: link.worker,
          queuedBytes: link.connection.queuedBytes,
        });
      }
    }
    this.#holdBack(isCongested);
  }

  #holdBack(isHoldingBack: boolean): void {
    if (this.#isHoldingBack === isHoldingBack) return;
    this.#isHoldingBack = isHoldingBack;
    for (const { connection } of this.#links.values()) connection.setReading(!isHoldingBack);
  }

  #onClose(connection: FramedConnection, fault: Error | undefined): void {
    const link = this.#byConnection.get(connection);
    if (fault !== undefined) this.#log.error('a bus connection broke', { error: fault.stack });
    if (link !== undefined) this.#forget(link);
  }

  #forget(link: WorkerLink): void {
    this.#byConnection.delete(link.connection);
    link.connection.close();
    if (this.#links.get(link.worker) !== link) return;
    this.#links.delete(link.worker);
    this.interest.removeWorker(link.worker);
    this.#profiles.lost(link.worker);
    for (const [worker, id] of link.owed.values()) {
      const asking = this.#links.get(worker);
      if (asking !== undefined) this.#sayUnanswered(asking, id, link.worker);
    }
    this.#judgeCongestion();
  }
}
