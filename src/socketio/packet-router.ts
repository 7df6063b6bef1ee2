/**
 * What Socket.IO packets of clients mean: joining and leaving namespaces, events, acks.
 *
 * A packet goes: `EngineSession.receive` → `onText` (decode) → its namespace's handler → perhaps an
 * ack back. A packet that breaks the protocol ends the client's connection, never more.
 */

import type { AckTable } from '../core/acks.ts';
import type { Admission, Handshake } from '../core/app.ts';
import { checkKey } from '../core/broadcast.ts';
import type { Counters } from '../core/counters.ts';
import { LIMITS } from '../core/limits.ts';
import type { Namespace } from '../core/namespace.ts';
import { NamespaceSession } from '../core/namespace-session.ts';
import { encodeArguments, restoreArguments } from '../protocol/binary-payload.ts';
import {
  type AckPacket,
  decodePacket,
  type EventPacket,
  encodeAck,
  encodeConnect,
  encodeConnectError,
  type JsonObject,
} from '../protocol/socketio-packet.ts';
import { CLOSE_CODE } from './close-code.ts';
import type { EngineContext } from './engine-context.ts';
import type { EngineSession } from './engine-session.ts';

/** What the router needs of the worker's core. */
export interface RouterCore {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly counters: Counters;
  readonly acks: AckTable;
}

export class PacketRouter {
  readonly #core: () => RouterCore;
  readonly #context: () => EngineContext;

  /** Both are asked for later: core, engine and router refer to each other. */
  constructor(core: () => RouterCore, context: () => EngineContext) {
    this.#core = core;
    this.#context = context;
  }

  onText(engine: EngineSession, text: string): void {
    const packet = decodePacket(text, LIMITS.attachmentsPerPacket);
    if (packet === undefined || engine.partial !== undefined) {
      engine.fail();
      return;
    }
    switch (packet.type) {
      case 'connect':
        this.#connect(engine, packet.namespace, packet.auth);
        return;
      case 'disconnect':
        this.#disconnect(engine, packet.namespace);
        return;
      case 'event':
      case 'ack':
        if (packet.attachments === 0) this.#dispatch(engine, packet);
        else engine.hold({ partial: { packet, attachments: [] } });
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
      this.#core().acks.answer(session, packet.ackId, packet.args[0]);
      return;
    }
    this.#core().counters.eventsReceived++;
    const { ackId } = packet;
    const answer =
      ackId === undefined
        ? undefined
        : (values: readonly unknown[]) => sendAck(engine, session, ackId, values);
    const goesOn = session.home.runner.event(session, packet.event, packet.args, answer);
    if (!goesOn) engine.end('transport error', CLOSE_CODE.policy);
  }

  #connect(engine: EngineSession, namespace: string, auth: JsonObject | undefined): void {
    const home = this.#core().namespaces.get(namespace);
    if (home === undefined) {
      engine.send([encodeConnectError(namespace, 'Invalid namespace')]);
      return;
    }
    const isKnown = engine.sessionIn(namespace) !== undefined || engine.joining?.has(namespace);
    const count = engine.sessions.length + (engine.joining?.size ?? 0);
    if (isKnown === true || count >= LIMITS.namespacesPerConnection) {
      engine.fail();
      return;
    }
    try {
      const admission = home.runner.authenticate(handshakeOf(engine, namespace, auth ?? {}));
      if (admission instanceof Promise) void this.#admitLater(engine, home, admission);
      else this.#admit(engine, home, admission);
    } catch (error) {
      this.#refuse(engine, home, error);
    }
  }

  async #admitLater(
    engine: EngineSession,
    home: Namespace,
    admission: Promise<Admission | void>,
  ): Promise<void> {
    engine.hold({ joining: new Set([...(engine.joining ?? []), home.name]) });
    try {
      const admitted = await admission;
      if (!engine.closed) this.#admit(engine, home, admitted);
    } catch (error) {
      this.#refuse(engine, home, error);
    } finally {
      engine.hold({ joining: without(engine.joining, home.name) });
    }
  }

  #admit(engine: EngineSession, home: Namespace, admission: Admission | void): void {
    const context = this.#context();
    const { user, rooms = [], data } = admission ?? {};
    if (user !== undefined) checkKey(user);
    const distinct = [...new Set(rooms.map(checkKey))];
    const id = context.ids.create(engine.slot);
    const session = new NamespaceSession(id, user, data, engine, home);
    home.add(session, distinct);
    engine.addSession(session);
    context.joined(engine);
    // Only an app with more namespaces may need what the first request said again.
    if (this.#core().namespaces.size === 1) engine.hold({ handshake: undefined });
    engine.send([encodeConnect(home.name, id)]);
    home.runner.connected(session);
  }

  #refuse(engine: EngineSession, home: Namespace, error: unknown): void {
    const { message, data } = home.runner.refusal(error);
    if (!engine.closed) engine.send([encodeConnectError(home.name, message, data)]);
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

/** The set without one name; `undefined` when nothing is left. */
function without(names: ReadonlySet<string> | undefined, name: string): Set<string> | undefined {
  const rest = new Set(names);
  rest.delete(name);
  return rest.size === 0 ? undefined : rest;
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
  session.home.delivery.flush();
  engine.send([encodeAck(session.namespace, json, attachments.length, ackId), ...attachments]);
}

function handshakeOf(engine: EngineSession, namespace: string, auth: JsonObject): Handshake {
  const source = engine.handshake;
  return {
    namespace,
    auth,
    headers: source?.headers ?? {},
    query: new URLSearchParams(source?.query ?? ''),
    address: source?.address ?? '',
    transport: engine.transport,
  };
}
