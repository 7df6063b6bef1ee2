/**
 * What Socket.IO packets of clients mean: joining and leaving namespaces, events, acks.
 *
 * A packet goes: `EngineSession.receive` → `onText` (decode) → its namespace's handler → perhaps an
 * ack back. A packet that breaks the protocol ends the client's connection, never more; one with a
 * payload that would harm the worker (host/runtime/foreign-json.ts) is refused alone, and its
 * sender told.
 */

import type { ForeignJson, JsonFault } from '../../../host/runtime/foreign-json.ts';
import type { Answer } from '../../core/app/handler-runner.ts';
import type { Delivery } from '../../core/delivery/delivery.ts';
import type { Counters } from '../../core/limits/counters.ts';
import { jsonBytes } from '../../core/limits/json-bytes.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { AckTable } from '../../core/sessions/acks.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { encodeArguments, restoreArguments } from '../../protocol/binary-payload.ts';
import { PacketCode } from '../../protocol/engine-packet.ts';
import {
  type AckPacket,
  announcesAttachments,
  decodePacket,
  type EventPacket,
  encodeAck,
  encodeConnectError,
  kindOf,
  type Packet,
  type PacketHead,
  type PacketKind,
  readHead,
  type UnreadPacket,
} from '../../protocol/socketio-packet.ts';
import type { AdmissionCore } from '../session/admission-needs.ts';
import type { Admissions } from '../session/admissions.ts';
import type { PacketIntake } from '../session/client-home.ts';
import type { ClientSession } from '../session/client-session.ts';
import { NOT_READ, NOT_TAKEN, TOO_FAST } from '../session/refusal-texts.ts';
import { type RefusalText, RefusedPackets } from '../session/refused-packets.ts';
import type { RoomVerb, RoomVerbs, VerbAnswer, VerbOutcome } from '../session/room-verbs.ts';
import type { PacketTaker } from './engine-home.ts';
import type { EngineSession } from './engine-session.ts';
import { PartialPackets } from './partial-packets.ts';

const NOTHING = Buffer.alloc(0);

/** What the router needs beside the worker's core. */
export interface RouterOptions {
  readonly admissions: Admissions;
  /** Judges what clients send before it is parsed. */
  readonly json: ForeignJson;
  readonly budget: MemoryBudget;
  readonly maxPayloadBytes: number;
  readonly intake: PacketIntake<ClientSession>;
  /** What clients may do with rooms by themselves. */
  readonly verbs: RoomVerbs;
}

/** What the router needs of the worker's core. */
export interface RouterCore extends AdmissionCore {
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly acks: AckTable;
  readonly delivery: Delivery;
}

/** The event by which a client hears of events without an ack. */
const REFUSED_EVENT = 'error';

export class PacketRouter implements PacketTaker<EngineSession> {
  readonly #core: RouterCore;
  readonly #admissions: Admissions;
  readonly #json: ForeignJson;
  readonly #partials: PartialPackets;
  readonly #intake: PacketIntake<ClientSession>;
  readonly #refused: RefusedPackets;
  readonly #verbs: RoomVerbs;
  /** Namespaces that the app has had clients leave which are still in others. */
  readonly #left: Map<EngineSession, Set<string>> = new Map();

  constructor(core: RouterCore, options: RouterOptions) {
    this.#core = core;
    this.#intake = options.intake;
    this.#admissions = options.admissions;
    this.#json = options.json;
    this.#verbs = options.verbs;
    this.#refused = new RefusedPackets(core.refusals, (session, { message }, refused) =>
      session.volatile.emit(REFUSED_EVENT, { message, refused }),
    );
    this.#partials = new PartialPackets({
      ...options,
      refuse: (engine, head, reason, message) => {
        if (engine.sessionIn(head.namespace) === undefined) return;
        this.#refuse(engine, head, kindOf(head), reason, message);
      },
    });
  }

  onText(engine: EngineSession, text: string): void {
    if (this.#partials.has(engine)) {
      engine.fail();
      return;
    }
    if (announcesAttachments(text)) {
      const head = readHead(text, LIMITS.attachmentsPerPacket);
      if (head === undefined || !this.#partials.begin(engine, text, head)) engine.fail();
      return;
    }
    const packet = decodePacket(text, 0, this.#json, engine);
    if (packet === undefined) engine.fail();
    else this.#take(engine, packet, text, 0);
  }

  onBinary(engine: EngineSession, data: Buffer): void {
    if (!this.#partials.has(engine)) {
      engine.fail();
      return;
    }
    const whole = this.#partials.add(engine, data);
    if (whole === undefined) return;
    const most = LIMITS.attachmentsPerPacket;
    const packet = decodePacket(whole.text, most, this.#json, engine);
    if (packet?.type === 'unread') {
      this.#refuseUnread(engine, packet);
      return;
    }
    const args =
      packet !== undefined && 'args' in packet
        ? restoreArguments(packet.args, whole.attachments, LIMITS.argumentDepth)
        : undefined;
    if (packet === undefined || args === undefined) engine.fail();
    else this.#take(engine, { ...packet, args } as Packet, whole.text, sumOf(whole.attachments));
  }

  heldBytes(engine: EngineSession): number {
    return this.#partials.heldBytes(engine);
  }

  left(engine: EngineSession, namespace: string): void {
    if (engine.sessions.length === 0) return;
    this.#left.set(engine, (this.#left.get(engine) ?? new Set()).add(namespace));
  }

  forget(engine: EngineSession): void {
    if (this.#left.size > 0) this.#left.delete(engine);
    this.#partials.forget(engine);
  }

  /** Refuses what is late; called at each heartbeat tick. */
  sweep(): void {
    this.#partials.sweep();
    this.#refused.sweep();
  }

  #take(
    engine: EngineSession,
    packet: Packet | UnreadPacket<JsonFault>,
    text: string,
    attachmentBytes: number,
  ): void {
    if (packet.type !== 'connect') this.#admissions.completeFor(engine);
    if (engine.closed) return;
    switch (packet.type) {
      case 'connect':
        this.#intake.noteConnect(engine);
        this.#left.get(engine)?.delete(packet.namespace);
        this.#admissions.connect(engine, packet.namespace, packet.auth ?? {}, jsonBytes(text));
        return;
      case 'disconnect':
        this.#disconnect(engine, packet.namespace);
        return;
      case 'unread':
        this.#refuseUnread(engine, packet);
        return;
      case 'event':
      case 'ack':
        this.#dispatch(engine, packet, text, attachmentBytes);
        return;
    }
  }

  #dispatch(
    engine: EngineSession,
    packet: EventPacket | AckPacket,
    text: string,
    attachmentBytes: number,
  ): void {
    const session = engine.sessionIn(packet.namespace);
    if (session === undefined) {
      this.#notThere(engine, packet.namespace);
      return;
    }
    if (packet.type === 'ack') {
      const bytes = jsonBytes(text) + attachmentBytes;
      const { acks, refusals } = this.#core;
      const isAsked = acks.answer(session, packet.ackId, packet.args, bytes);
      if (!isAsked) refusals.count('ackUnasked');
      return;
    }
    this.#core.counters.eventsReceived++;
    const answer = answerTo(engine, session, packet.ackId);
    const { event, args } = packet;
    const verb = this.#verbs.of(session, event);
    if (verb !== undefined) {
      this.#do(session, verb, packet, answer);
      if (this.#core.link.isFlooding(session.id) && !engine.closed) this.#intake.slow(engine);
      return;
    }
    const taken = session.home.runner.event(session, event, args, answer, text, attachmentBytes);
    if (taken === 'taken') {
      if (this.#core.link.isFlooding(session.id) && !engine.closed) this.#intake.slow(engine);
      return;
    }
    if (taken === 'unheard') this.#core.refusals.count('eventUnheard', event);
    else {
      const { reason, message } = NOT_TAKEN[taken];
      this.#refused.refuse({ session, answer: refusing(answer) }, reason, message, event);
    }
  }

  /** Does what an event asks the server itself for. */
  #do(
    session: NamespaceSession,
    verb: RoomVerb,
    { event, args }: EventPacket,
    answer: Answer | undefined,
  ): void {
    const tell = (outcome: VerbOutcome | VerbAnswer): void => {
      if (!session.connected) return;
      if (outcome === undefined) answer?.([]);
      else if ('values' in outcome) answer?.(outcome.values);
      else {
        const { reason, message } = outcome;
        this.#refused.refuse({ session, answer: refusing(answer) }, reason, message, event);
      }
    };
    const failed = (error: unknown): void => session.home.runner.failed(event, error, answer);
    try {
      const outcome = verb(session, args);
      if (outcome instanceof Promise) outcome.then(tell).catch(failed);
      else tell(outcome);
    } catch (error) {
      failed(error);
    }
  }

  #refuseUnread(engine: EngineSession, packet: UnreadPacket<JsonFault>): void {
    const { kind, head, fault } = packet;
    if (kind === 'disconnect') engine.fail();
    else this.#refuse(engine, head, kind, fault, NOT_READ[fault]);
  }

  refuseInput(engine: EngineSession, packet: string | Buffer): void {
    const isPartial = this.#partials.has(engine);
    if (typeof packet !== 'string' || packet.charCodeAt(0) === PacketCode.base64) {
      this.#partials.refuse(engine, 'inputOverflow', TOO_FAST);
      this.onBinary(engine, NOTHING);
      return;
    }
    if (packet.charCodeAt(0) !== PacketCode.message || isPartial) {
      engine.receive(packet);
      return;
    }
    const text = packet.slice(1);
    const head = readHead(text, LIMITS.attachmentsPerPacket);
    if (head === undefined) engine.fail();
    else if (kindOf(head) === 'disconnect') this.onText(engine, text);
    else if (!announcesAttachments(text)) {
      this.#refuse(engine, head, kindOf(head), 'inputOverflow', TOO_FAST);
    } else if (this.#partials.begin(engine, text, head)) {
      this.#partials.refuse(engine, 'inputOverflow', TOO_FAST);
    } else engine.fail();
  }

  /** Says so to who sent the packet, if it is one of a client's. */
  #refuse(
    engine: EngineSession,
    head: PacketHead,
    kind: PacketKind | undefined,
    reason: Reason,
    message: string,
  ): void {
    const session = engine.sessionIn(head.namespace);
    if (kind === 'connect') {
      this.#core.refusals.count(reason);
      engine.send([encodeConnectError(head.namespace, message)]);
    } else if (session === undefined || kind === undefined) engine.fail();
    else {
      const answer = kind === 'ack' ? undefined : answerTo(engine, session, head.ackId);
      this.#refused.refuse({ session, answer: refusing(answer) }, reason, message);
    }
  }

  /**
   * A packet for a namespace that its client is not in. It may have been sent before the client
   * heard that the app ended its session there, which is no reason to end those in others.
   */
  #notThere(engine: EngineSession, namespace: string): void {
    if (this.#left.get(engine)?.has(namespace) !== true) engine.fail();
    else this.#core.refusals.count('namespaceLeft');
  }

  #disconnect(engine: EngineSession, namespace: string): void {
    const session = engine.sessionIn(namespace);
    if (session === undefined) {
      this.#notThere(engine, namespace);
      return;
    }
    engine.removeSession(session);
    session.home.remove(session, 'client namespace disconnect');
  }
}

function sumOf(attachments: readonly Buffer[]): number {
  return attachments.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Sends the ack that a client asked for; `undefined` when it asked for none. */
function answerTo(
  engine: EngineSession,
  session: NamespaceSession,
  ackId: number | undefined,
): Answer | undefined {
  return ackId === undefined ? undefined : (values) => sendAck(engine, session, ackId, values);
}

/** The same for a packet that is refused. */
function refusing(answer: Answer | undefined): ((text: RefusalText) => void) | undefined {
  return answer && (({ message }) => answer([{ error: message }]));
}

/** @throws what `encodeArguments` throws: the runner reports it as the handler's fault */
function sendAck(
  engine: EngineSession,
  session: NamespaceSession,
  ackId: number,
  values: readonly unknown[],
): void {
  if (engine.closed || !session.connected) return;
  const { json, attachments } = encodeArguments(values, LIMITS.argumentDepth);
  session.home.delivery.prepare(session);
  engine.send([encodeAck(session.namespace, json, attachments.length, ackId), ...attachments]);
}
