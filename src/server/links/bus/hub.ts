/**
 * The controller's end of the bus: passes messages between the workers of the node.
 *
 *     worker ── event, command, request ──▶ hub ──▶ workers with recipients, but the sender
 *
 * Backpressure: what a worker does not take at once waits by sender (outlet.ts). A sender with too
 * much waiting is read no more until the worker has caught up, and the others go on. What comes
 * from outside the workers has a share of its own (outside-sends.ts).
 */

import { foreignJson } from '../../../host/foreign/parsed.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { namespaceKey, roomKey, userKey } from '../../protocol/interest-key.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import { FramedConnection } from '../ipc/framed-connection.ts';
import { LastingListener } from '../ipc/lasting-listener.ts';
import {
  AnswerFlag,
  BusFrame,
  Channel,
  eventBody,
  type Route,
  RouteScope,
  readRoute,
} from './bus-frame.ts';
import { InterestTable } from './interest-table.ts';
import { LaterTurns } from './later-turns.ts';
import type { Sender } from './outlet.ts';
import { OutsideSends } from './outside-sends.ts';
import { PendingProfiles } from './pending-profiles.ts';
import type { StateService } from './state-service.ts';
import { WorkerLink } from './worker-link.ts';
import { ProfileError } from './worker-profile.ts';

/** What the hub tells the node about its workers. */
export interface HubEvents {
  onReady(worker: number, publicPort: number, ownPort: number): void;
  onFailed(worker: number, reason: string): void;
  /** @param sample a `WorkerSample`, as far as the worker tells the truth */
  onSample(worker: number, sample: unknown): void;
}

/** Totals since the start of the controller. */
export interface HubTotals {
  framesRelayed: number;
  bytesRelayed: number;
  framesDropped: number;
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
  readonly #outside: OutsideSends;
  readonly #stallTimer: Timer;
  readonly #turns: LaterTurns;
  readonly #services: Map<number, StateService> = new Map();
  #listener: LastingListener | undefined;
  /** It has been said that it cannot be reached. */
  #isOutOfReach = false;

  constructor(node: number, events: HubEvents, log: Log) {
    this.#node = node;
    this.#events = events;
    this.#log = log;
    this.#turns = new LaterTurns((fault) => this.#refused(fault));
    this.#outside = new OutsideSends({
      destinations: (route) => this.#destinations(route, undefined),
      put: (link, sender, type, body) => this.#put(link, sender, type, body),
    });
    this.#stallTimer = setInterval(() => {
      const nowMs = performance.now();
      for (const link of this.#links.values()) link.judge(nowMs);
      this.look();
    }, LIMITS.ipcStallMs / 4);
  }

  listen(path: string): void {
    const connectionEvents = {
      onFrame: (connection: FramedConnection, frame: FrameReader) =>
        this.#onFrame(connection, frame),
      onFault: (_connection: FramedConnection, fault: unknown) => this.#refused(fault),
      onClose: (connection: FramedConnection, fault: Error | undefined) =>
        this.#onClose(connection, fault),
      onDrain: (connection: FramedConnection) =>
        this.#byConnection.get(connection)?.drained(connection),
    };
    this.#listener = new LastingListener(
      path,
      () => new FramedConnection(connectionEvents, LIMITS.ipcFrameBytes),
    );
  }

  close(): void {
    clearInterval(this.#stallTimer);
    this.#listener?.stop();
    for (const link of this.#links.values()) link.close();
  }

  /** Looks whether workers that are started can still come. */
  look(): void {
    try {
      this.#listener?.look();
      this.#isOutOfReach = false;
    } catch (fault) {
      const error = describeError(fault);
      if (!this.#isOutOfReach) this.#log.error('the bus cannot be reached', { error });
      this.#isOutOfReach = true;
    }
  }

  /** Bytes that wait for a worker. */
  queuedBytes(worker: number): number {
    return this.#links.get(worker)?.queuedBytes ?? 0;
  }

  /**
   * Sends an event that comes from outside the workers; it is queued for all of them then.
   *
   * @throws BusFullError with the workers that have no room for it; it is sent to nobody then
   */
  async publish(route: Route, event: OutgoingEvent): Promise<void> {
    const body = eventBody(route, event, LIMITS.ipcFrameBytes);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns.put(() => resolve(this.#outside.send(route, body)));
    await promise;
  }

  /**
   * Asks a worker to profile itself.
   *
   * @returns the JSON of a `WorkerProfile`
   * @throws ProfileError when there is none
   */
  async profile(worker: number, seconds: number): Promise<Uint8Array<ArrayBuffer>> {
    const link = this.#links.get(worker);
    const control = link?.control;
    if (control === undefined) {
      throw new ProfileError('failed', `Worker ${worker} is not running; see "holdfast status".`);
    }
    return await this.#profiles.ask(worker, seconds * 1000 + PROFILE_GRACE_MS, (id) => {
      control.frame(BusFrame.profile).u32(id).u32(seconds).finish();
      control.send();
    });
  }

  /** From now on it hears what workers say to it. */
  addService(service: StateService): void {
    this.#services.set(service.number, service);
  }

  /**
   * Says something to a worker's end of a service; `write` writes it.
   *
   * @returns false when the worker is not there
   */
  say(worker: number, service: number, write: (frame: FrameWriter) => void): boolean {
    const control = this.#links.get(worker)?.control;
    if (control === undefined) return false;
    const frame = control.frame(BusFrame.state).u8(service);
    write(frame);
    frame.finish();
    control.send();
    return true;
  }

  #onFrame(connection: FramedConnection, frame: FrameReader): void {
    if (frame.type === BusFrame.hello) {
      this.#hello(connection, frame.u32(), frame.u32(), frame.u8());
      return;
    }
    const link = this.#byConnection.get(connection);
    if (link === undefined) return;
    switch (frame.type) {
      case BusFrame.joined:
        link.joined();
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
        this.#events.onSample(link.worker, this.#json.parse(frame.text()));
        return;
      case BusFrame.event:
      case BusFrame.command:
        this.#turns.put(() => this.#relay(link, frame));
        return;
      case BusFrame.request:
        this.#turns.put(() => this.#ask(link, frame));
        return;
      case BusFrame.answer:
        this.#passAnswer(link, frame);
        return;
      case BusFrame.profiled:
        this.#profiles.answered(link.worker, frame);
        return;
      case BusFrame.state:
        this.#services.get(frame.u8())?.onSaid(link.worker, frame);
        return;
    }
  }

  #refused(fault: unknown): void {
    this.#log.error('a frame of the bus was refused', { error: describeError(fault) });
  }

  /** A worker that was started again takes the place of the one that died. */
  #hello(connection: FramedConnection, worker: number, pid: number, channel: number): void {
    const old = this.#links.get(worker);
    const taken = channel === Channel.control ? old?.control : old?.messages;
    const isItsOther = old?.pid === pid && taken === undefined;
    if (old !== undefined && !isItsOther) this.#forget(old);
    const link = isItsOther ? old : this.#newLink(worker, pid);
    this.#byConnection.set(connection, link);
    if (channel === Channel.control) link.control = connection;
    else link.setMessages(connection);
  }

  #relay(from: WorkerLink, frame: FrameReader): void {
    const body = frame.body();
    const route = readRoute(frame);
    const joined = frame.type === BusFrame.command ? frame.texts() : [];
    /** Made when it must wait somewhere: the frame lies in a buffer with many others. */
    let kept: Uint8Array | undefined;
    for (const link of this.#destinations(route, from)) {
      // What is said to the room next must not wait for the worker's word that it has it.
      for (const room of joined) this.interest.add(roomKey(route.namespace, room), link.worker);
      if (link.outlet?.pass(frame.type, body) === true) this.#count(body);
      else {
        kept ??= new Uint8Array(body);
        this.#put(link, from, frame.type, kept);
      }
    }
  }

  #ask(from: WorkerLink, frame: FrameReader): void {
    const id = frame.u32();
    const body = numbered(from.worker, id, frame.rest());
    const destinations = this.#destinations(readRoute(frame), from);
    const asked = from.messages?.frame(BusFrame.asked).u32(id).u32(destinations.length);
    for (const { worker } of destinations) asked?.u32(worker);
    asked?.finish();
    from.messages?.send();
    for (const link of destinations) {
      // Eight bytes longer than it came, it may be too long.
      const isTooLong = body.byteLength >= LIMITS.ipcFrameBytes;
      const isSent = !isTooLong && link.outlet?.isStuck === false;
      if (isSent && this.#put(link, from, BusFrame.request, body)) {
        link.owed.set(`${from.worker}:${id}`, [from.worker, id]);
      } else this.#sayUnanswered(from, id, link.worker);
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
    const body = numbered(id, from.worker, answer);
    // Without this piece what comes after it is not the whole, so that counts for nothing.
    if (!this.#put(asking, from, BusFrame.answer, body)) {
      this.#sayUnanswered(asking, id, from.worker);
    }
  }

  #sayUnanswered(asking: WorkerLink, id: number, worker: number): void {
    asking.messages?.frame(BusFrame.unanswered).u32(id).u32(worker).finish();
    asking.messages?.send();
  }

  /** Sends a frame, now or when its turn comes. @returns false when there is no room for it */
  #put(link: WorkerLink, sender: Sender, type: number, body: Uint8Array): boolean {
    const { outlet } = link;
    if (outlet?.pass(type, body) !== true && outlet?.keep(sender, type, body) !== true) {
      this.totals.framesDropped++;
      return false;
    }
    this.#count(body);
    return true;
  }

  #count({ byteLength }: Uint8Array): void {
    this.totals.framesRelayed++;
    this.totals.bytesRelayed += byteLength;
  }

  /** The workers that a route leads to. */
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
      if (link !== undefined && link !== from && link.outlet !== undefined) destinations.push(link);
    }
    return destinations;
  }

  /** A session id is a room that nobody registers: it names its worker itself. */
  #collectRoom(namespace: string, room: string, workers: Set<number>): void {
    this.interest.collect(roomKey(namespace, room), workers);
    const address = decodeSessionId(room);
    if (address?.node === this.#node) workers.add(address.worker);
  }

  #newLink(worker: number, pid: number): WorkerLink {
    const link = new WorkerLink(worker, pid, {
      onRoom: () => this.#outside.look(),
      onStuck: (isStuck) => this.#sayStuck(link, isStuck),
    });
    this.#links.set(worker, link);
    return link;
  }

  #sayStuck({ worker, queuedBytes }: WorkerLink, isStuck: boolean): void {
    if (!isStuck) this.#log.info(`worker ${worker} takes messages again`, { worker });
    else {
      const text = `worker ${worker} takes no messages: they wait, and are dropped beyond a bound`;
      this.#log.warn(text, { worker, queuedBytes });
    }
  }

  #onClose(connection: FramedConnection, fault: Error | undefined): void {
    const link = this.#byConnection.get(connection);
    if (fault !== undefined) this.#log.error('a bus connection broke', { error: fault.stack });
    if (link !== undefined) this.#forget(link);
  }

  #forget(link: WorkerLink): void {
    for (const connection of [link.control, link.messages]) {
      if (connection !== undefined) this.#byConnection.delete(connection);
    }
    link.close();
    if (this.#links.get(link.worker) !== link) return;
    this.#links.delete(link.worker);
    this.interest.removeWorker(link.worker);
    this.#profiles.lost(link.worker);
    for (const service of this.#services.values()) service.workerGone(link.worker);
    for (const [worker, id] of link.owed.values()) {
      const asking = this.#links.get(worker);
      if (asking !== undefined) this.#sayUnanswered(asking, id, link.worker);
    }
  }
}

/** A body with two numbers before it, in a buffer of its own. */
function numbered(first: number, second: number, rest: Uint8Array): Uint8Array {
  const body = Buffer.allocUnsafe(8 + rest.byteLength);
  body.writeUInt32BE(first, 0);
  body.writeUInt32BE(second, 4);
  body.set(rest, 8);
  return body;
}
