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
import { MALFORMED, PacketCode, PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import type { PacketIntake } from './engine-home.ts';
import { Inbox, type PayloadDone } from './inbox.ts';

/** A session, as far as it matters here. */
export interface IntakeEngine {
  readonly slot: number;
  /** In namespaces: without one nothing but joining is taken. */
  readonly sessions: readonly object[];
  lastSeenTick: number;
  receive(packet: string | Buffer): void;
  end(reason: 'transport close'): void;
  failEngine(): void;
}

export interface IntakeOptions<Engine> {
  readonly settings: RateSettings;
  /** How often `sweep` is called. */
  readonly tickMs: number;
  readonly budget: MemoryBudget;
  readonly maxPayloadBytes: number;
  refusals(): Refusals;
  /** Tells a client that a packet of it is not taken. */
  refuse(engine: Engine, packet: string | Buffer): void;
  /** Whether more waits to leave this worker than leaves at once. */
  isCrowded(): boolean;
  readonly nowMs?: () => number;
}

/** Packets of one client that are taken before the next has its turn. */
const PACKETS_PER_TURN = 32;
/** While somebody waits, it is looked at least as often who is due. */
const LOOK_EVERY_MS = 20;

export class Intake<Engine extends IntakeEngine> implements PacketIntake<Engine> {
  readonly #options: IntakeOptions<Engine>;
  readonly #rates: ClientRates;
  readonly #nowMs: () => number;
  /** Of those of whom something waits. */
  readonly #inboxes: Map<Engine, Inbox> = new Map();
  #isScheduled = false;

  constructor(options: IntakeOptions<Engine>) {
    this.#options = options;
    this.#rates = new ClientRates(options.settings, options.tickMs);
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  takesNow(engine: Engine, socket: FrameSocket, packet: string | Buffer): boolean {
    const isLittle = this.#rates.isLittle(engine.slot, packet.length);
    return isLittle || this.#takesMuch(engine, socket, packet);
  }

  notePing(engine: Engine, socket: FrameSocket, bytes: number): void {
    // What stands for it does nothing when its turn comes, and no more than one of them waits.
    if (this.#rates.isLittle(engine.slot, bytes) || this.#inboxes.has(engine)) return;
    this.#takesMuch(engine, socket, PLAIN_PACKET.noop);
  }

  takePayload(engine: Engine, body: string, done: PayloadDone): void {
    const nowMs = this.#nowMs();
    const inbox = this.#inboxOf(engine);
    inbox.setPayload(body, nowMs, done);
    this.#takeSome(engine, inbox, nowMs, nowMs + LIMITS.intakeSliceMs);
    this.#keep(engine, inbox);
  }

  /** A client asks to join a namespace. */
  noteConnect(engine: Engine): void {
    this.#rates.noteConnect(engine.slot);
  }

  /** A client has the app say too much: nothing is taken of it until that has left. */
  slow(engine: Engine): void {
    const inbox = this.#inboxOf(engine);
    inbox.slowedAtMs ??= this.#nowMs();
    this.#rates.watch(engine.slot);
    this.#schedule();
  }

  endAfter(engine: Engine): void {
    const inbox = this.#inboxes.get(engine);
    const waits = inbox?.isEmpty === false && engine.sessions.length > 0;
    if (waits) inbox.isLast = true;
    else engine.end('transport close');
  }

  isLeaving(engine: Engine): boolean {
    return this.#inboxes.size > 0 && this.#inboxes.get(engine)?.isLast === true;
  }

  *leaving(): Generator<Engine> {
    for (const [engine, { isLast }] of this.#inboxes) if (isLast) yield engine;
  }

  heldBytes(engine: Engine): number {
    return this.#inboxes.size === 0 ? 0 : (this.#inboxes.get(engine)?.heldBytes ?? 0);
  }

  /** The session has ended, or had to let go. */
  forget(engine: Engine): void {
    this.#rates.forget(engine);
    if (this.#inboxes.size === 0) return;
    const inbox = this.#inboxes.get(engine);
    this.#inboxes.delete(engine);
    inbox?.close();
  }

  /** Called at each heartbeat tick, with its number. */
  sweep(tick: number): void {
    this.#rates.sweep(this.#nowMs());
    for (const [engine, inbox] of this.#inboxes) {
      this.#rates.watch(engine.slot);
      // What its client sent since, such as pongs, may not have been read.
      if (!inbox.isEmpty) engine.lastSeenTick = tick;
    }
  }

  #takesMuch(engine: Engine, socket: FrameSocket, packet: string | Buffer): boolean {
    const nowMs = this.#nowMs();
    const kind = kindOf(packet);
    let inbox = this.#inboxes.get(engine);
    if (inbox === undefined) {
      const waitMs = this.#rates.waitMs(engine, kind, packet.length, nowMs);
      if (waitMs === 0) return true;
      this.#options.refusals().count(this.#rates.reasonFor(engine, kind, nowMs));
      inbox = this.#inboxOf(engine);
      inbox.dueMs = nowMs + waitMs;
      inbox.isCounted = true;
    } else if (inbox.heldBytes > LIMITS.heldInputBytes + this.#options.maxPayloadBytes) {
      this.#options.refuse(engine, packet);
      return false;
    }
    inbox.addFrame(socket, packet, nowMs);
    this.#keep(engine, inbox);
    return false;
  }

  #inboxOf(engine: Engine): Inbox {
    let inbox = this.#inboxes.get(engine);
    if (inbox === undefined) {
      inbox = new Inbox(this.#options.budget);
      this.#inboxes.set(engine, inbox);
    }
    return inbox;
  }

  /** Something may wait now. */
  #keep(engine: Engine, inbox: Inbox): void {
    if (this.#inboxes.get(engine) !== inbox) return;
    if (this.#isDone(inbox)) this.#close(engine, inbox);
    else {
      this.#rates.watch(engine.slot);
      this.#schedule();
    }
  }

  #close(engine: Engine, inbox: Inbox): void {
    this.#inboxes.delete(engine);
    inbox.close();
    if (inbox.isLast) engine.end('transport close');
  }

  /** Takes what is due, for as long as a slice lasts. */
  readonly takeDue = (): void => {
    this.#isScheduled = false;
    let nowMs = this.#nowMs();
    const untilMs = nowMs + LIMITS.intakeSliceMs;
    try {
      for (const [engine, inbox] of this.#inboxes) {
        if (inbox.dueMs > nowMs) continue;
        nowMs = this.#takeSome(engine, inbox, nowMs, untilMs);
        this.#afterTurn(engine, inbox, nowMs >= untilMs);
        if (nowMs >= untilMs) return;
      }
    } finally {
      this.#schedule();
    }
  };

  /** Whoever has had a whole turn goes to the end, and comes again in the same slice. */
  #afterTurn(engine: Engine, inbox: Inbox, isCutShort: boolean): void {
    if (this.#inboxes.get(engine) !== inbox) return;
    if (this.#isDone(inbox)) this.#close(engine, inbox);
    else if (!isCutShort) {
      this.#inboxes.delete(engine);
      this.#inboxes.set(engine, inbox);
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
  #takeSome(engine: Engine, inbox: Inbox, fromMs: number, untilMs: number): number {
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
        engine.failEngine();
        return nowMs;
      }
      const waitMs = this.#waitMs(engine, inbox, packet, nowMs);
      if (waitMs > 0 && nowMs - inbox.sinceMs < LIMITS.heldInputMs) {
        inbox.dueMs = nowMs + waitMs;
        return nowMs;
      }
      try {
        if (waitMs > 0) this.#options.refuse(engine, packet);
        else engine.receive(packet);
      } finally {
        // Not when this packet was the end of its session, which has closed the inbox.
        if (this.#inboxes.get(engine) === inbox) inbox.drop();
      }
      nowMs = this.#nowMs();
      if (inbox.carefulUntilMs > nowMs) {
        inbox.dueMs = nowMs + LIMITS.busSlowMs;
        return nowMs;
      }
    }
    return nowMs;
  }

  #waitMs(engine: Engine, inbox: Inbox, packet: string | Buffer, nowMs: number): number {
    if (this.#rates.isLittle(engine.slot, packet.length)) return 0;
    const kind = kindOf(packet);
    const waitMs = this.#rates.waitMs(engine, kind, packet.length, nowMs);
    if (waitMs > 0 && !inbox.isCounted) {
      inbox.isCounted = true;
      this.#options.refusals().count(this.#rates.reasonFor(engine, kind, nowMs));
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

/** What a packet counts as, by its first two characters. */
function kindOf(packet: string | Buffer): RateKind {
  if (typeof packet !== 'string' || packet.charCodeAt(0) !== PacketCode.message) return 'messages';
  switch (packet.charCodeAt(1)) {
    case 0x30:
      return 'connects';
    case 0x33:
    case 0x36:
      return 'acks';
    default:
      return 'messages';
  }
}
