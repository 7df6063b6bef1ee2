/**
 * What Socket.IO packets of clients mean: joining and leaving namespaces, events, acks.
 *
 * A packet goes: `EngineSession.receive` → `onText` (decode) → its namespace's handler → perhaps an
 * ack back. A packet that breaks the protocol ends the client's connection, never more.
 */

import type { Delivery } from '../../core/delivery/delivery.ts';
import type { Counters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { AckTable } from '../../core/sessions/acks.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { encodeArguments, restoreArguments } from '../../protocol/binary-payload.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import {
  type AckPacket,
  decodePacket,
  type EventPacket,
  encodeAck,
} from '../../protocol/socketio-packet.ts';
import type { AdmissionCore, Admissions } from './admissions.ts';
import type { EngineSession } from './engine-session.ts';

/** What the router needs of the worker's core. */
export interface RouterCore extends AdmissionCore {
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly acks: AckTable;
  readonly delivery: Delivery;
}

export class PacketRouter {
  readonly #core: () => RouterCore;
  readonly #admissions: Admissions;
  /** Bounds the attachments of one packet together, since all are kept until the last. */
  readonly #maxPayloadBytes: number;

  /** The core is asked for later, since it is made after the engine that has this router. */
  constructor(core: () => RouterCore, admissions: Admissions, maxPayloadBytes: number) {
    this.#core = core;
    this.#admissions = admissions;
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /** Whether a ping may take along what is on its way to sessions of this worker. */
  get isDeliveringLittle(): boolean {
    return this.#core().delivery.isLight;
  }

  onText(engine: EngineSession, text: string): void {
    const packet = decodePacket(text, LIMITS.attachmentsPerPacket);
    if (packet === undefined || engine.partial !== undefined) {
      engine.fail();
      return;
    }
    if (packet.type !== 'connect') this.#admissions.completeFor(engine);
    if (engine.closed) return;
    switch (packet.type) {
      case 'connect':
        this.#admissions.connect(engine, packet.namespace, packet.auth ?? {});
        return;
      case 'disconnect':
        this.#disconnect(engine, packet.namespace);
        return;
      case 'event':
      case 'ack':
        if (packet.attachments === 0) this.#dispatch(engine, packet);
        else engine.hold({ partial: { packet, attachments: [], bytes: 0 } });
        return;
    }
  }

  onBinary(engine: EngineSession, data: Buffer): void {
    const { partial } = engine;
    if (partial === undefined) {
      engine.fail();
      return;
    }
    partial.attachments.push(data);
    partial.bytes += data.byteLength;
    if (partial.bytes > this.#maxPayloadBytes) {
      engine.fail();
      return;
    }
    const { packet, attachments } = partial;
    if (attachments.length < packet.attachments) return;
    engine.hold({ partial: undefined });
    const args = restoreArguments(packet.args, attachments, LIMITS.argumentDepth);
    if (args === undefined) {
      engine.fail();
      return;
    }
    packet.args = args;
    this.#dispatch(engine, packet);
  }

  #dispatch(engine: EngineSession, packet: EventPacket | AckPacket): void {
    const session = engine.sessionIn(packet.namespace);
    if (session === undefined) {
      engine.fail();
      return;
    }
    if (packet.type === 'ack') {
      this.#core().acks.answer(session, packet.ackId, packet.args);
      return;
    }
    this.#core().counters.eventsReceived++;
    const { ackId } = packet;
    const answer =
      ackId === undefined
        ? undefined
        : (values: readonly unknown[]) => sendAck(engine, session, ackId, values);
    const taken = session.home.runner.event(session, packet.event, packet.args, answer);
    if (taken === 'taken') return;
    if (taken === 'unheard') {
      this.#core().refusals.count('eventUnheard', packet.event);
      return;
    }
    this.#core().refusals.count('handlersRunning');
    engine.end('transport error', CLOSE_CODE.policy);
  }

  #disconnect(engine: EngineSession, namespace: string): void {
    const session = engine.sessionIn(namespace);
    if (session === undefined) {
      engine.fail();
      return;
    }
    engine.removeSession(session);
    session.home.remove(session, 'client namespace disconnect');
  }
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
