/**
 * The controller's end of the bus: passes messages between the workers of the node.
 *
 *     worker ── event, command, request ──▶ hub ──▶ workers with recipients, but the sender
 *                                            └────▶ other nodes with recipients (other-nodes.ts)
 *
 * Backpressure: what a worker does not take at once waits by sender (outlet.ts). A sender with too
 * much waiting is read no more until the worker has caught up, and the others go on. What comes
 * from outside the workers has a share of its own (outside-sends.ts).
 */

import { foreignJson } from '../../../host/foreign/parsed.ts';
import type { History } from '../../core/contracts/history.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import type { RoomSettingsTable } from '../../core/rooms/room-settings.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { FramedConnection } from '../ipc/framed-connection.ts';
import { LastingListener } from '../ipc/lasting-listener.ts';
import {
  BusFrame,
  Channel,
  eventBody,
  type Route,
  readReady,
  type WorkerReady,
} from './bus-frame.ts';
import { InterestTable } from './interest-table.ts';
import { LaterTurns } from './later-turns.ts';
import { type HubTotals, MessageRelay } from './message-relay.ts';
import type { OtherNodes } from './other-nodes.ts';
import { PendingProfiles } from './pending-profiles.ts';
import type { StateService } from './state-service.ts';
import { WorkerLink } from './worker-link.ts';
import { ProfileError } from './worker-profile.ts';

/** What the hub tells the node about its workers. */
export interface HubEvents {
  /** @param ready which ports and namespaces it has, as it says */
  onReady(worker: number, ready: WorkerReady): void;
  onFailed(worker: number, reason: string): void;
  /** @param sample a `WorkerSample`, as far as the worker tells the truth */
  onSample(worker: number, sample: unknown): void;
}

export interface HubOptions {
  /** The number of the node, part of every session id. */
  readonly node: number;
  readonly events: HubEvents;
  readonly history: History;
  readonly settings: RoomSettingsTable;
  /** What workers want to hear; its own, if not given. */
  readonly interest?: InterestTable;
  readonly log: Log;
}

/** How much longer than a profile its answer may take: the worker may be busy. */
const PROFILE_GRACE_MS = 15_000;

export class Hub {
  readonly interest: InterestTable;
  readonly #events: HubEvents;
  readonly #log: Log;
  readonly #links: Map<number, WorkerLink> = new Map();
  readonly #byConnection: Map<FramedConnection, WorkerLink> = new Map();
  /** What workers say of themselves; they run the app, which may do anything. */
  readonly #json = foreignJson();
  readonly #profiles: PendingProfiles = new PendingProfiles();
  readonly #relay: MessageRelay;
  readonly #stallTimer: Timer;
  readonly #turns: LaterTurns;
  readonly #services: Map<number, StateService> = new Map();
  #listener: LastingListener | undefined;
  /** It has been said that it cannot be reached. */
  #isOutOfReach = false;

  constructor({ node, events, history, settings, log, interest }: HubOptions) {
    this.interest = interest ?? new InterestTable();
    this.#events = events;
    this.#log = log;
    this.#relay = new MessageRelay({
      node,
      history,
      settings,
      interest: this.interest,
      links: this.#links,
      lose: (link) => this.#lose(link),
    });
    this.#turns = new LaterTurns((fault) => this.#refused(fault));
    this.#stallTimer = setInterval(() => {
      const nowMs = performance.now();
      for (const link of this.#links.values()) link.judge(nowMs);
      this.look();
    }, LIMITS.ipcStallMs / 4);
  }

  get totals(): Readonly<HubTotals> {
    return this.#relay.totals;
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
   * @throws BusFullError with the workers that have no room for it, which nobody gets then; or of
   *   the way to other nodes, after all workers got it
   */
  async publish(route: Route, event: OutgoingEvent): Promise<void> {
    const body = eventBody(route, event, LIMITS.ipcFrameBytes);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns.put(() => resolve(this.#relay.send(route, body)));
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

  /** From now on what workers say goes to other nodes too, and what those say is taken. */
  linkNodes(otherNodes: OtherNodes): Pick<MessageRelay, 'take' | 'askWorkers' | 'kept'> {
    this.#relay.otherNodes = otherNodes;
    return this.#relay;
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
        this.#events.onReady(link.worker, readReady(frame));
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
        this.#turns.put(() => this.#relay.relay(link, frame));
        return;
      case BusFrame.request:
        this.#turns.put(() => this.#relay.requests.ask(link, frame));
        return;
      case BusFrame.missed:
        this.#relay.kept.answer(link, frame);
        return;
      case BusFrame.answer:
        this.#relay.requests.passAnswer(link, frame);
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

  #newLink(worker: number, pid: number): WorkerLink {
    const link = new WorkerLink(worker, pid, {
      onRoom: () => this.#relay.look(),
      onStuck: (isStuck) => this.#sayStuck(link, isStuck),
    });
    this.#links.set(worker, link);
    // All others are held: it would be let go on once more than it was held.
    if (this.#relay.kept.isHolding) link.hold(true);
    return link;
  }

  /** Without a message that its rooms keep, a worker would give its clients others as the whole. */
  #lose(link: WorkerLink): void {
    const { worker } = link;
    const text = `worker ${worker} has lost messages that rooms keep: it is let go, to be replaced`;
    this.#log.error(text, { worker });
    this.#forget(link);
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
    this.#relay.requests.workerGone(link);
    this.#relay.otherNodes?.workerGone();
  }
}
