/**
 * Where a message goes: to the workers of this node that have recipients, and to other nodes.
 *
 *     a worker, another node, the admin API ─▶ route ─▶ outlets of workers, kept if rooms keep it
 *                                                  └──▶ other nodes (other-nodes.ts)
 */

import type { History } from '../../core/contracts/history.ts';
import type { RoomSettingsTable } from '../../core/rooms/room-settings.ts';
import { FrameReader } from '../../protocol/frame.ts';
import { namespaceKey, roomKey, userKey } from '../../protocol/interest-key.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import { BrokerFullError } from './broker-full-error.ts';
import { BusFrame, type Route, RouteScope, readRoute } from './bus-frame.ts';
import type { InterestTable } from './interest-table.ts';
import { KeptMessages } from './kept-messages.ts';
import type { OtherNodes } from './other-nodes.ts';
import type { Sender } from './outlet.ts';
import { OutsideSends } from './outside-sends.ts';
import { RequestRelay } from './request-relay.ts';
import type { WorkerLink } from './worker-link.ts';

export interface MessageRelayOptions {
  /** The number of the node, part of every session id. */
  readonly node: number;
  readonly history: History;
  readonly settings: RoomSettingsTable;
  readonly interest: InterestTable;
  /** Workers that are there. */
  readonly links: ReadonlyMap<number, WorkerLink>;
  /** A worker has lost a message that it was to get. */
  lose(link: WorkerLink): void;
}

/** Totals since the start of the controller. */
export interface HubTotals {
  framesRelayed: number;
  bytesRelayed: number;
  framesDropped: number;
}

export class MessageRelay {
  readonly totals: HubTotals = { framesRelayed: 0, bytesRelayed: 0, framesDropped: 0 };
  readonly requests: RequestRelay;
  readonly kept: KeptMessages;
  readonly #options: MessageRelayOptions;
  readonly #outside: OutsideSends;
  /** Where what other nodes say waits for workers: nobody is read less for it. */
  readonly #nodes: Sender = { hold: () => {} };
  otherNodes: OtherNodes | undefined;

  constructor(options: MessageRelayOptions) {
    this.#options = options;
    const { history, settings, interest, links } = options;
    const put = (link: WorkerLink, sender: Sender, type: number, body: Uint8Array): boolean =>
      this.#put(link, sender, type, body);
    this.requests = new RequestRelay({
      linkOf: (worker) => links.get(worker),
      destinations: (route, from) => this.#destinations(route, from),
      put,
      otherNodes: () => this.otherNodes,
    });
    this.kept = new KeptMessages({
      history,
      settings,
      interest,
      destinations: (route) => this.#destinations(route, undefined),
      put,
      holdAll: (isHeld) => {
        for (const link of links.values()) link.hold(isHeld);
      },
      lose: (link) => options.lose(link),
    });
    this.#outside = new OutsideSends({
      destinations: (route) => this.#destinations(route, undefined),
      put,
      kept: this.kept,
    });
  }

  /** Some worker has room again. */
  look(): void {
    this.#outside.look();
  }

  /** Passes on what a worker says. @param frame of an event or a command */
  relay(from: WorkerLink, frame: FrameReader): void {
    const body = frame.body();
    const route = readRoute(frame);
    if (frame.type === BusFrame.event) {
      const rooms = this.kept.roomsFor(route, frame);
      if (rooms.length > 0) {
        const own = new Uint8Array(body);
        this.#tellNodes(frame.type, route, own, true);
        if (!this.kept.send(route, rooms, own)) this.totals.framesDropped++;
        return;
      }
    }
    this.#tellNodes(frame.type, route, body);
    const joined = frame.type === BusFrame.command ? frame.texts() : [];
    /** Made when it must wait somewhere: the frame lies in a buffer with many others. */
    let kept: Uint8Array | undefined;
    for (const link of this.#destinations(route, from)) {
      // What is said to the room next must not wait for the worker's word that it has it.
      for (const room of joined) {
        this.#options.interest.add(roomKey(route.namespace, room), link.worker);
      }
      if (link.outlet?.pass(frame.type, body) === true) this.#count(body);
      else {
        kept ??= new Uint8Array(body);
        this.#put(link, from, frame.type, kept);
      }
    }
  }

  /**
   * Takes what another node says to sessions of this one. What rooms keep comes another way
   * (`KeptMessages.deliver`).
   *
   * @param body of the frame of an event or a command; it is kept as it is
   * @throws RangeError when it cannot be read
   */
  take(type: number, body: Uint8Array): void {
    const frame = readerOf(type, body);
    const route = readRoute(frame);
    const joined = type === BusFrame.command ? frame.texts() : [];
    for (const link of this.#destinations(route, undefined)) {
      for (const room of joined) {
        this.#options.interest.add(roomKey(route.namespace, room), link.worker);
      }
      this.#put(link, this.#nodes, type, body);
    }
  }

  /** Asks the workers of this node for another one. @param asked route and request */
  askWorkers(asked: Uint8Array, hear: Parameters<RequestRelay['askFor']>[2]): void {
    this.requests.askFor(asked, readRoute(readerOf(BusFrame.request, asked)), hear);
  }

  /**
   * Sends an event that comes from outside the workers.
   *
   * @param body of its frame; it is kept as it is
   * @throws BusFullError when workers have no room for it, BrokerFullError when the way to other
   *   nodes has none: the sessions of this node have it then
   */
  async send(route: Route, body: Uint8Array): Promise<void> {
    await this.#outside.send(route, body);
    const nodes = this.otherNodes;
    // What the node itself notices, each node notices.
    if (nodes === undefined || route.isPassing === true) return;
    const isKept = this.kept.roomsOf(route, body).length > 0;
    if (!nodes.publish(BusFrame.event, route, body, isKept)) throw new BrokerFullError();
  }

  #tellNodes(type: number, route: Route, body: Uint8Array, isKept = false): boolean {
    return this.otherNodes?.publish(type, route, body, isKept) ?? true;
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
    const { links, interest } = this.#options;
    const workers = new Set<number>();
    if (route.scope === RouteScope.allWorkers) {
      for (const worker of links.keys()) workers.add(worker);
    } else if (route.rooms.length === 0 && route.users.length === 0) {
      interest.collect(namespaceKey(route.namespace), workers);
    } else {
      for (const room of route.rooms) this.#collectRoom(route.namespace, room, workers);
      for (const user of route.users) interest.collect(userKey(route.namespace, user), workers);
    }
    const destinations: WorkerLink[] = [];
    for (const worker of workers) {
      const link = links.get(worker);
      if (link !== undefined && link !== from && link.outlet !== undefined) destinations.push(link);
    }
    return destinations;
  }

  /** A session id is a room that nobody registers: it names its worker itself. */
  #collectRoom(namespace: string, room: string, workers: Set<number>): void {
    this.#options.interest.collect(roomKey(namespace, room), workers);
    const address = decodeSessionId(room);
    if (address?.node === this.#options.node) workers.add(address.worker);
  }
}

function readerOf(type: number, body: Uint8Array): FrameReader {
  return new FrameReader(type, Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}
