/**
 * Decides when what clients send is taken: at once, or later when one sends more than it may.
 *
 *     frame, body ─▶ within the limits ─▶ taken
 *                └▶ beyond ─▶ its socket is paused, its POST not answered yet ─▶ taken when it may
 *                                                └▶ waited for too long, or too much: refused
 *
 * So a client that sends too fast is slowed down, as TCP would, and loses nothing, also when it
 * leaves meanwhile: its session ends when all has been taken. What waits is
 * taken in slices, in turn, that leave the event loop to the others; also the rest of a body of
 * very many packets waits for that. It counts against the memory budget.
 */

import type { FrameSocket } from '../../core/contracts/client-connection.ts';
import { ClientRates, type RateKind, type RateSettings } from '../../core/limits/client-rates.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import { MALFORMED } from '../../protocol/wire-packet.ts';
import type { PacketIntake } from './client-home.ts';
import { Inbox, type PacketReader, type PayloadDone } from './inbox.ts';

/** A session, as far as it matters here. */
export interface IntakeClient {
  readonly slot: number;
  /** In namespaces: without one nothing but joining is taken. */
  readonly sessions: readonly object[];
  lastSeenTick: number;
  /** A packet without a meaning. */
  readonly noop: string | Buffer;
  kindOf(packet: string | Buffer): RateKind;
  receive(packet: string | Buffer): void;
  /** Passes over a packet, and tells its client so. */
  refuseInput(packet: string | Buffer): void;
  end(reason: 'transport close'): void;
  failEngine(): void;
}

export interface IntakeOptions {
  readonly settings: RateSettings;
  /** How often `sweep` is called. */
  readonly tickMs: number;
  readonly budget: MemoryBudget;
  readonly maxPayloadBytes: number;
  readonly refusals: Refusals;
  /** Whether more waits to leave this worker than leaves at once. */
  isCrowded(): boolean;
  readonly nowMs?: () => number;
}

/** Packets of one client that are taken before the next has its turn. */
const PACKETS_PER_TURN = 32;
/** While somebody waits, it is looked at least as often who is due. */
const LOOK_EVERY_MS = 20;

export class Intake<Client extends IntakeClient> implements PacketIntake<Client> {
  readonly #options: IntakeOptions;
  readonly #rates: ClientRates;
  readonly #nowMs: () => number;
  /** Of those of whom something waits. */
  readonly #inboxes: Map<Client, Inbox> = new Map();
  #isScheduled = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#rates = new ClientRates(options.settings, options.tickMs);
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  takesNow(client: Client, socket: FrameSocket, packet: string | Buffer): boolean {
    const isLittle = this.#rates.isLittle(client.slot, packet.length);
    return isLittle || this.#takesMuch(client, socket, packet);
  }

  keepBack(client: Client, socket: FrameSocket, packet: string | Buffer): void {
    const inbox = this.#inboxOf(client);
    inbox.dueMs = Number.POSITIVE_INFINITY;
    if (inbox.heldBytes > LIMITS.heldInputBytes + this.#options.maxPayloadBytes) {
      client.refuseInput(packet);
      return;
    }
    inbox.addFrame(socket, packet, this.#nowMs());
    // What comes once it has joined has its turn behind this.
    this.#rates.watch(client.slot);
    this.#schedule();
  }

  release(client: Client): void {
    const inbox = this.#inboxes.size === 0 ? undefined : this.#inboxes.get(client);
    if (inbox === undefined) return;
    inbox.dueMs = 0;
    // Sooner than it was to be looked at who is due.
    setImmediate(this.takeDue);
  }

  notePing(client: Client, socket: FrameSocket, bytes: number): void {
    // What stands for it does nothing when its turn comes, and no more than one of them waits.
    if (this.#rates.isLittle(client.slot, bytes) || this.#inboxes.has(client)) return;
    this.#takesMuch(client, socket, client.noop);
  }

  takePayload(client: Client, reader: PacketReader, bytes: number, done: PayloadDone): void {
    const nowMs = this.#nowMs();
    const inbox = this.#inboxOf(client);
    inbox.addPayload(reader, bytes, nowMs, done);
    this.#takeSome(client, inbox, nowMs, nowMs + LIMITS.intakeSliceMs);
    this.#keep(client, inbox);
  }

  /** A client asks to join a namespace. */
  noteConnect(client: Client): void {
    this.#rates.noteConnect(client.slot);
  }

  /** A client has the app say too much: nothing is taken of it until that has left. */
  slow(client: Client): void {
    const inbox = this.#inboxOf(client);
    inbox.slowedAtMs ??= this.#nowMs();
    this.#rates.watch(client.slot);
    this.#schedule();
  }

  endAfter(client: Client): void {
    const inbox = this.#inboxes.get(client);
    const waits = inbox?.isEmpty === false && client.sessions.length > 0;
    if (waits) inbox.isLast = true;
    else client.end('transport close');
  }

  isLeaving(client: Client): boolean {
    return this.#inboxes.size > 0 && this.#inboxes.get(client)?.isLast === true;
  }

  *leaving(): Generator<Client> {
    for (const [client, { isLast }] of this.#inboxes) if (isLast) yield client;
  }

  heldBytes(client: Client): number {
    return this.#inboxes.size === 0 ? 0 : (this.#inboxes.get(client)?.heldBytes ?? 0);
  }

  /** The session has ended, or had to let go. */
  forget(client: Client): void {
    this.#rates.forget(client);
    if (this.#inboxes.size === 0) return;
    const inbox = this.#inboxes.get(client);
    this.#inboxes.delete(client);
    inbox?.close();
  }

  /** Called at each heartbeat tick, with its number. */
  sweep(tick: number): void {
    this.#rates.sweep(this.#nowMs());
    for (const [client, inbox] of this.#inboxes) {
      this.#rates.watch(client.slot);
      // What its client sent since, such as pongs, may not have been read.
      if (!inbox.isEmpty) client.lastSeenTick = tick;
    }
  }

  #takesMuch(client: Client, socket: FrameSocket, packet: string | Buffer): boolean {
    const nowMs = this.#nowMs();
    const kind = client.kindOf(packet);
    let inbox = this.#inboxes.get(client);
    if (inbox === undefined) {
      const waitMs = this.#rates.waitMs(client, kind, packet.length, nowMs);
      if (waitMs === 0) return true;
      this.#options.refusals.count(this.#rates.reasonFor(client, kind, nowMs));
      inbox = this.#inboxOf(client);
      inbox.dueMs = nowMs + waitMs;
      inbox.isCounted = true;
    } else if (inbox.heldBytes > LIMITS.heldInputBytes + this.#options.maxPayloadBytes) {
      client.refuseInput(packet);
      return false;
    }
    inbox.addFrame(socket, packet, nowMs);
    this.#keep(client, inbox);
    return false;
  }

  #inboxOf(client: Client): Inbox {
    let inbox = this.#inboxes.get(client);
    if (inbox === undefined) {
      inbox = new Inbox(this.#options.budget);
      this.#inboxes.set(client, inbox);
    }
    return inbox;
  }

  /** Something may wait now. */
  #keep(client: Client, inbox: Inbox): void {
    if (this.#inboxes.get(client) !== inbox) return;
    if (this.#isDone(inbox)) this.#close(client, inbox);
    else {
      this.#rates.watch(client.slot);
      this.#schedule();
    }
  }

  #close(client: Client, inbox: Inbox): void {
    this.#inboxes.delete(client);
    inbox.close();
    if (inbox.isLast) client.end('transport close');
  }

  /** Takes what is due, for as long as a slice lasts. */
  readonly takeDue = (): void => {
    this.#isScheduled = false;
    let nowMs = this.#nowMs();
    const untilMs = nowMs + LIMITS.intakeSliceMs;
    try {
      for (const [client, inbox] of this.#inboxes) {
        if (inbox.dueMs > nowMs) continue;
        nowMs = this.#takeSome(client, inbox, nowMs, untilMs);
        this.#afterTurn(client, inbox, nowMs >= untilMs);
        if (nowMs >= untilMs) return;
      }
    } finally {
      this.#schedule();
    }
  };

  /** Whoever has had a whole turn goes to the end, and comes again in the same slice. */
  #afterTurn(client: Client, inbox: Inbox, isCutShort: boolean): void {
    if (this.#inboxes.get(client) !== inbox) return;
    if (this.#isDone(inbox)) this.#close(client, inbox);
    else if (!isCutShort) {
      this.#inboxes.delete(client);
      this.#inboxes.set(client, inbox);
    }
  }

  /** Whether to wait until little waits, so one of them goes on at a time; not for ever. */
  #isSlowed(inbox: Inbox, nowMs: number): boolean {
    const sinceMs = inbox.slowedAtMs ?? nowMs;
    if (nowMs - sinceMs < LIMITS.busSlowMaxMs && this.#options.isCrowded()) {
      inbox.dueMs = nowMs + LIMITS.busSlowMs;
      return true;
    }
    inbox.slowedAtMs = undefined;
    inbox.carefulUntilMs = nowMs + LIMITS.busCarefulMs;
    return false;
  }

  /** Nothing waits, and nobody is to be slowed down. */
  #isDone(inbox: Inbox): boolean {
    if (!inbox.isEmpty && !inbox.isLast) return false;
    const nowMs = this.#nowMs();
    // Who is gone is not there for longer than it would have waited.
    if (inbox.isLast && nowMs - inbox.sinceMs >= LIMITS.heldInputMs) return true;
    return inbox.isEmpty && inbox.slowedAtMs === undefined && inbox.carefulUntilMs <= nowMs;
  }

  /** @returns what time it is after that */
  #takeSome(client: Client, inbox: Inbox, fromMs: number, untilMs: number): number {
    let nowMs = fromMs;
    for (let count = 0; count < PACKETS_PER_TURN && nowMs < untilMs; count++) {
      if (inbox.slowedAtMs !== undefined && this.#isSlowed(inbox, nowMs)) return nowMs;
      const packet = inbox.peek();
      if (packet === undefined) {
        // Only whether to be careful still is looked at again.
        inbox.dueMs = nowMs + LIMITS.busSlowMs;
        return nowMs;
      }
      if (packet === MALFORMED) {
        inbox.endPayload(false);
        client.failEngine();
        return nowMs;
      }
      const waitMs = this.#waitMs(client, inbox, packet, nowMs);
      if (waitMs > 0 && nowMs - inbox.sinceMs < LIMITS.heldInputMs) {
        inbox.dueMs = nowMs + waitMs;
        return nowMs;
      }
      // Before it is: with it the session may end, and with that its payload.
      inbox.pass();
      try {
        if (waitMs > 0) client.refuseInput(packet);
        else client.receive(packet);
      } finally {
        // Not when this packet was the end of its session, which has closed the inbox.
        if (this.#inboxes.get(client) === inbox) inbox.drop();
      }
      nowMs = this.#nowMs();
      if (inbox.carefulUntilMs > nowMs) {
        inbox.dueMs = nowMs + LIMITS.busSlowMs;
        return nowMs;
      }
    }
    return nowMs;
  }

  #waitMs(client: Client, inbox: Inbox, packet: string | Buffer, nowMs: number): number {
    if (this.#rates.isLittle(client.slot, packet.length)) return 0;
    const kind = client.kindOf(packet);
    const waitMs = this.#rates.waitMs(client, kind, packet.length, nowMs);
    if (waitMs > 0 && !inbox.isCounted) {
      inbox.isCounted = true;
      this.#options.refusals.count(this.#rates.reasonFor(client, kind, nowMs));
    }
    return waitMs;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#inboxes.size === 0) return;
    this.#isScheduled = true;
    const nowMs = this.#nowMs();
    let waitMs = LOOK_EVERY_MS;
    for (const { dueMs } of this.#inboxes.values()) waitMs = Math.min(waitMs, dueMs - nowMs);
    if (waitMs <= 0) setImmediate(this.takeDue);
    else setTimeout(this.takeDue, waitMs);
  }
}
