/**
 * What messages of plain clients mean: events, acks, joining and leaving rooms.
 *
 * A message that is not understood, or not allowed, is refused alone, and its sender told: by an
 * `error` with its id, or now and then with a count where it has none.
 */

import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { Answer, Taken } from '../../core/app/handler-runner.ts';
import type { Counters } from '../../core/limits/counters.ts';
import { jsonBytes } from '../../core/limits/json-bytes.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import { toList } from '../../core/rooms/key.ts';
import type { AckTable } from '../../core/sessions/acks.ts';
import { FORBIDDEN_ROOM, type JoinFault } from '../../core/sessions/asked-joins.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { encodeArguments } from '../../protocol/binary-payload.ts';
import { type ClientMessage, readClientMessage } from '../../protocol/plain/client-message.ts';
import { encodePlainAck, PONG } from '../../protocol/plain/server-message.ts';
import type { AdmissionCore } from '../session/admission-needs.ts';
import type { Admissions } from '../session/admissions.ts';
import type { PacketIntake } from '../session/client-home.ts';
import type { ClientSession } from '../session/client-session.ts';
import type { Refreshing } from '../session/refreshing.ts';
import { NOT_READ, NOT_TAKEN, TOO_FAST } from '../session/refusal-texts.ts';
import { type RefusalText, RefusedPackets } from '../session/refused-packets.ts';
import type { RoomVerbs } from '../session/room-verbs.ts';
import type { MessageTaker } from './plain-home.ts';
import { wishOf } from './plain-request.ts';
import type { PlainSession } from './plain-session.ts';
import { BINARY_EVENT, RAW_EVENT } from './raw-frames.ts';

/** What the router needs of the worker's core. */
export interface PlainCore extends AdmissionCore {
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly acks: AckTable;
}

export interface PlainRouterOptions {
  readonly admissions: Admissions;
  /** Judges what clients send before it is parsed. */
  readonly json: ForeignJson;
  readonly intake: PacketIntake<ClientSession>;
  /** What clients may do with rooms by themselves. */
  readonly verbs: RoomVerbs;
  readonly refreshing: Refreshing;
}

type ConnectMessage = Extract<ClientMessage, { type: 'connect' }>;
type EventMessage = Extract<ClientMessage, { type: 'event' }>;
type AuthMessage = Extract<ClientMessage, { type: 'auth' }>;
type PublishMessage = Extract<ClientMessage, { type: 'publish' }>;
type PresenceMessage = Extract<ClientMessage, { type: 'presence' }>;
type RoomMessage = Extract<ClientMessage, { type: 'join' | 'leave' }>;

const NOT_FIRST = "the first message is to be 'connect'";
const NOT_ASKED = 'the server has not asked for a new token';
const UNHEARD = 'the app has no handler for this event';

export class PlainRouter implements MessageTaker<PlainSession> {
  readonly #core: PlainCore;
  readonly #options: PlainRouterOptions;
  readonly #refused: RefusedPackets;

  constructor(core: PlainCore, options: PlainRouterOptions) {
    this.#core = core;
    this.#options = options;
    this.#refused = new RefusedPackets(core.refusals, ({ carrier }, text, refused) => {
      // Who does not read is told nothing: it must not pile up.
      const session = carrier as PlainSession;
      if (session.isBehind) return;
      session.tellError(refused === 1 ? text : { ...text, refused });
    });
  }

  sweep(): void {
    this.#refused.sweep();
  }

  onText(session: PlainSession, text: string): void {
    const message = readClientMessage(text, this.#options.json, session);
    switch (message.type) {
      case 'harmful':
        this.#refuse(session, undefined, message.fault, NOT_READ[message.fault]);
        return;
      case 'fault':
        this.#refuse(session, message.id, 'badMessage', message.message);
        return;
      case 'ping':
        if (!session.isBehind) session.send([PONG]);
        return;
      case 'disconnect':
        session.end('client namespace disconnect');
        return;
      case 'connect':
        this.#connect(session, message, text);
        return;
      default:
        this.#withSession(session, message, text);
    }
  }

  onBinary(session: PlainSession, data: Buffer): void {
    const event: EventMessage = { type: 'event', event: BINARY_EVENT, args: [data], id: undefined };
    this.#event(session, event, '', data.byteLength);
  }

  onRaw(session: PlainSession, frame: string | Buffer): void {
    const isText = typeof frame === 'string';
    const event: EventMessage = { type: 'event', event: RAW_EVENT, args: [frame], id: undefined };
    this.#event(session, event, isText ? frame : '', isText ? 0 : frame.byteLength);
  }

  refuseInput(session: PlainSession): void {
    this.#refuse(session, undefined, 'inputOverflow', TOO_FAST);
  }

  #connect(session: PlainSession, { auth, recovery, since }: ConnectMessage, text: string): void {
    if (!session.isAwaited) {
      this.#refuse(session, undefined, 'badMessage', 'the session has been opened already');
      return;
    }
    session.stopAwaiting();
    const wish = wishOf(recovery, since);
    session.askToJoin(this.#options.admissions, auth, jsonBytes(text), wish);
  }

  #withSession(
    session: PlainSession,
    message: Exclude<ClientMessage, { type: 'ping' | 'disconnect' | 'connect' }>,
    text: string,
  ): void {
    const { joined } = session;
    if (joined === undefined) {
      this.#refuse(session, undefined, 'badMessage', NOT_FIRST);
      return;
    }
    switch (message.type) {
      case 'event':
        this.#event(session, message, text);
        return;
      case 'ack': {
        const isAsked = this.#core.acks.answer(joined, message.id, message.args, jsonBytes(text));
        if (!isAsked) this.#core.refusals.count('ackUnasked');
        return;
      }
      case 'join':
      case 'leave':
        this.#room(session, joined, message);
        return;
      case 'publish':
        this.#publish(session, joined, message);
        return;
      case 'presence':
        void this.#presence(session, joined, message);
        return;
      case 'auth':
        this.#refresh(session, joined, message);
    }
  }

  async #presence(
    session: PlainSession,
    joined: NamespaceSession,
    { room, id }: PresenceMessage,
  ): Promise<void> {
    const answer = answerTo(session, joined, id);
    const outcome = await this.#options.verbs.presence(joined, room);
    if ('values' in outcome) answer(outcome.values);
    else if (!session.closed) this.#refuse(session, id, outcome.reason, outcome.message);
  }

  #event(session: PlainSession, message: EventMessage, text: string, bytes = 0): void {
    const { joined } = session;
    if (joined === undefined) {
      this.#refuse(session, undefined, 'badMessage', NOT_FIRST);
      return;
    }
    const { event, args, id } = message;
    this.#core.counters.eventsReceived++;
    const answer = id === undefined ? undefined : answerTo(session, joined, id);
    const taken = joined.home.runner.event(joined, event, args, answer, text, bytes);
    if (taken === 'taken') this.#slowFlood(session, joined);
    else this.#notTaken(session, message, taken);
  }

  #notTaken(session: PlainSession, { event, id }: EventMessage, taken: Taken): void {
    if (taken === 'taken') return;
    if (taken !== 'unheard') {
      const { reason, message } = NOT_TAKEN[taken];
      this.#refuse(session, id, reason, message, event);
      return;
    }
    this.#core.refusals.count('eventUnheard', event);
    if (id !== undefined) session.tellError({ id, reason: 'eventUnheard', message: UNHEARD });
  }

  #refresh(session: PlainSession, joined: NamespaceSession, { auth, id }: AuthMessage): void {
    if (!this.#options.refreshing.take(joined, auth)) {
      this.#refuse(session, id, 'badMessage', NOT_ASKED);
    } else if (id !== undefined) session.send([encodePlainAck(id, '[]', [])]);
  }

  #publish(
    session: PlainSession,
    joined: NamespaceSession,
    { room, event, args, id }: PublishMessage,
  ): void {
    this.#core.counters.eventsReceived++;
    const answer = id === undefined ? undefined : answerTo(session, joined, id);
    try {
      const refusal = this.#options.verbs.publish(joined, room, event, args);
      if (refusal === undefined) answer?.([]);
      else this.#refuse(session, id, refusal.reason, refusal.message, event);
    } catch (error) {
      joined.home.runner.failed('publish', error, answer);
    }
    this.#slowFlood(session, joined);
  }

  #slowFlood(session: PlainSession, { id }: NamespaceSession): void {
    if (this.#core.link.isFlooding(id) && !session.closed) this.#options.intake.slow(session);
  }

  #room(session: PlainSession, joined: NamespaceSession, message: RoomMessage): void {
    const fault = this.#roomFault(joined, message);
    if (!(fault instanceof Promise)) this.#roomDone(session, joined, message, fault);
    else {
      fault.then(
        (later) => this.#roomDone(session, joined, message, later),
        (error: unknown) => joined.home.runner.failed('join', error),
      );
    }
  }

  #roomDone(
    session: PlainSession,
    joined: NamespaceSession,
    { id }: RoomMessage,
    fault: JoinFault,
  ): void {
    if (session.closed || !joined.connected) return;
    if (fault !== undefined) this.#refuse(session, id, 'joinForbidden', fault);
    else if (id !== undefined) {
      joined.home.delivery.prepare(joined);
      session.send([encodePlainAck(id, '[]', [])]);
    }
  }

  /** Joins or leaves. @returns why not; later when a hook is asked */
  #roomFault(
    joined: NamespaceSession,
    { type, room }: RoomMessage,
  ): JoinFault | Promise<JoinFault> {
    const home = this.#core.namespaces.get(joined.namespace);
    if (home === undefined) return FORBIDDEN_ROOM;
    try {
      const [name = ''] = toList(room);
      if (type === 'join') return home.askedJoins.join(joined, name);
      home.leave(joined, [name]);
      return undefined;
    } catch (fault) {
      // Names that cannot be: the client's own doing.
      if (fault instanceof TypeError) return fault.message;
      throw fault;
    }
  }

  #refuse(
    session: PlainSession,
    id: number | undefined,
    reason: Reason,
    message: string,
    detail?: string,
  ): void {
    const { joined } = session;
    if (joined === undefined) {
      this.#core.refusals.count(reason, detail);
      session.tellNotJoined('/', { reason, message });
      return;
    }
    const answer =
      id === undefined ? undefined : (text: RefusalText) => session.tellError({ id, ...text });
    this.#refused.refuse({ session: joined, answer }, reason, message, detail);
  }
}

/** Sends the ack that a client asked for, or says that its event failed. */
function answerTo(session: PlainSession, joined: NamespaceSession, id: number): Answer {
  return (values, failure) => {
    if (session.closed || !joined.connected) return;
    if (failure !== undefined) {
      joined.home.delivery.prepare(joined);
      session.tellError({ id, reason: 'failed', ...failure });
      return;
    }
    const { json, attachments } = encodeArguments(values, LIMITS.argumentDepth);
    joined.home.delivery.prepare(joined);
    session.send([encodePlainAck(id, json, attachments)]);
  };
}
