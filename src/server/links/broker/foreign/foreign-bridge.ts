/**
 * The bridge to Socket.IO servers and emitters on the same Redis.
 *
 *     they say it ─▶ transport ─▶ onMessage, onStreamEntry ─▶ dialect ─▶ home (this node's workers)
 *     this node ─▶ publish, command, request ─▶ dialect ─▶ transport ─▶ they hear it
 *
 * To them a node is one server among theirs: it is counted once, and answers each question once.
 * What Holdfast nodes say here is for them only: nodes have a way of their own to each other, so
 * what one of them wrote is left alone, told by the name that it begins with. Nothing that comes
 * here is trusted, nor does any of it throw: what cannot be read is counted, and said each second.
 */

import type { NodeRequest, SessionCommand, Target } from '../../../core/contracts/node-link.ts';
import { LIMITS } from '../../../core/limits/limits.ts';
import { timerMs } from '../../../core/limits/timer-ms.ts';
import { describeError } from '../../../core/log/log.ts';
import type { SessionDescription } from '../../../core/sessions/remote-session.ts';
import { encodeArguments } from '../../../protocol/binary-payload.ts';
import { Channels } from './channels.ts';
import { ClusterDialect } from './cluster-dialect.ts';
import { Complaints } from './complaints.ts';
import type {
  ForeignAnswers,
  ForeignBridgeOptions,
  ForeignEvent,
  ForeignFigures,
  ForeignSaid,
} from './contract.ts';
import type { Dialect } from './dialect.ts';
import { ForeignFault } from './foreign-fault.ts';
import { ForeignQuestions } from './foreign-questions.ts';
import { type ForeignQuestion, ForeignRequests } from './foreign-requests.ts';
import { type Heard, HOLDFAST_UID, isOfHoldfast } from './heard.ts';
import { OldServers } from './old-servers.ts';
import { PubsubDialect } from './pubsub-dialect.ts';
import { foreignTarget, type Saying } from './saying.ts';
import { Sender } from './sender.ts';

const MALFORMED = 'a message of a Socket.IO server or emitter was not understood, since it';
const UNSAID = 'a message to Socket.IO servers was not said, since it';
const NO_ANSWERS: ForeignAnswers = { items: [], missing: 0, silent: 0 };

/** Fields of an entry of the stream. */
type EntryFields = ReadonlyMap<string, string> | Readonly<Record<string, string>>;

export class ForeignBridge {
  readonly #options: ForeignBridgeOptions;
  readonly #dialect: Dialect;
  /** Of streams: the same dialect. */
  readonly #entries: ClusterDialect | undefined;
  readonly #isSharded: boolean;
  readonly #channels: Channels;
  readonly #requests: ForeignRequests = new ForeignRequests();
  readonly #questions: ForeignQuestions;
  readonly #oldServers: OldServers = new OldServers();
  readonly #complaints: Complaints;
  readonly #sender: Sender;
  readonly #figures: ForeignFigures = {
    heard: 0,
    published: 0,
    failed: 0,
    malformed: 0,
    ignored: 0,
    answered: 0,
    unanswered: 0,
    roomChannels: 0,
    roomsUnheard: 0,
    requestsOpen: 0,
  };
  #isClosed = false;

  /** @throws RangeError when the node's name is not one of a Holdfast node */
  constructor(options: ForeignBridgeOptions) {
    const { mode, prefix, uid, transport, log, home } = options;
    if (!uid.startsWith(HOLDFAST_UID) || uid.length > LIMITS.keyLength) {
      throw new RangeError(`the name of a node must begin with '${HOLDFAST_UID}', and be short`);
    }
    this.#options = options;
    this.#entries = mode === 'streams' ? new ClusterDialect(mode, prefix, uid) : undefined;
    this.#dialect =
      this.#entries ??
      (mode === 'sharded'
        ? new ClusterDialect('sharded', prefix, uid)
        : new PubsubDialect(prefix, uid));
    this.#isSharded =
      mode === 'sharded' || (mode === 'streams' && options.usesShardedChannels === true);
    this.#channels = new Channels({
      dialect: this.#dialect,
      transport,
      isSharded: this.#isSharded,
      maxRoomChannels: options.maxRoomChannels,
      sessionIdStart: options.sessionIdStart,
      isRoomHeard: (namespace, room) => options.isRoomHeard(namespace, room),
      log,
    });
    this.#complaints = new Complaints(log);
    const complain = (what: string, reason: string): void => this.#complaints.say(what, reason);
    this.#sender = new Sender({
      transport,
      isSharded: this.#isSharded,
      figures: this.#figures,
      maxPayloadBytes: options.maxPayloadBytes,
      complain: (reason) => complain(UNSAID, reason),
    });
    this.#questions = new ForeignQuestions({
      home,
      figures: this.#figures,
      reply: (namespace, reply) => this.#sender.send(this.#dialect.reply(namespace, reply)),
      complain,
    });
  }

  get figures(): Readonly<ForeignFigures> {
    const { roomChannels, unheard } = this.#channels;
    const requestsOpen = this.#requests.size;
    return { ...this.#figures, roomChannels, roomsUnheard: unheard, requestsOpen };
  }

  /** The namespaces that this node serves: it hears their channels, and no others. */
  setNamespaces(names: readonly string[]): void {
    if (!this.#isClosed) this.#channels.setNamespaces(names);
  }

  setRoom(namespace: string, room: string, isHeard: boolean): void {
    if (!this.#isClosed) this.#channels.setRoom(namespace, room, isHeard);
  }

  /** Rooms may have lost all their sessions unheard, as when a worker is gone. */
  look(): void {
    if (!this.#isClosed) this.#channels.look();
  }

  publish(namespace: string, target: Target, event: ForeignEvent): void {
    const chosen = foreignTarget(target);
    if (chosen !== undefined) this.#say(namespace, { kind: 'event', target: chosen, event });
  }

  command(namespace: string, target: Target, command: SessionCommand): void {
    try {
      if (command.kind === 'serverSideEmit') {
        const packet = encodeArguments([command.event, ...command.args], LIMITS.argumentDepth);
        this.#say(namespace, { kind: 'serverSideEmit', packet, requestId: undefined });
        return;
      }
      const chosen = foreignTarget(target);
      if (chosen !== undefined) this.#say(namespace, { ...command, target: chosen });
    } catch (error) {
      this.#unsaid(error);
    }
  }

  /**
   * Asks the foreign servers of a namespace, and nobody else. What they cannot be asked, they have
   * nothing of: there is no answer then. It never rejects.
   */
  async request(
    namespace: string,
    target: Target,
    request: NodeRequest,
    timeoutMs: number,
  ): Promise<ForeignAnswers> {
    try {
      switch (request.kind) {
        case 'sessions':
          return await this.#sessions(namespace, target, timeoutMs);
        case 'count': {
          const { items, ...rest } = await this.#sessions(namespace, target, timeoutMs);
          return { ...rest, items: [items.length] };
        }
        case 'disconnect': {
          const found = await this.#sessions(namespace, target, timeoutMs);
          const ids = (found.items as readonly SessionDescription[]).map(({ id }) => id);
          // Those that were counted and no others; without an answer those that are chosen.
          const counted = found.silent === 0 ? { rooms: ids, users: [], except: [] } : target;
          const { close } = request;
          if (ids.length > 0 || found.silent > 0) {
            this.command(namespace, counted, { kind: 'disconnect', close });
          }
          return { ...found, items: [ids.length] };
        }
        case 'emitWithAck': {
          const chosen = foreignTarget(target);
          if (chosen === undefined) return NO_ANSWERS;
          const packet = encodeArguments([request.event, ...request.args], LIMITS.argumentDepth);
          const times = { timeoutMs: timerMs(request.timeoutMs) };
          const saying = { kind: 'emitWithAck', target: chosen, packet, ...times } as const;
          return await this.#ask(namespace, 'emitWithAck', timeoutMs, (requestId) => ({
            ...saying,
            requestId,
          }));
        }
        case 'serverSideEmit': {
          const packet = encodeArguments([request.event, ...request.args], LIMITS.argumentDepth);
          return await this.#ask(namespace, 'serverSideEmit', timeoutMs, (requestId) => ({
            kind: 'serverSideEmit',
            packet,
            requestId,
          }));
        }
        case 'whereabouts':
        case 'rooms':
          return NO_ANSWERS;
      }
    } catch (error) {
      this.#unsaid(error);
      return { ...NO_ANSWERS, silent: 1 };
    }
  }

  /**
   * A message came. It never throws.
   *
   * @param isByPattern it came since a pattern fits its channel, and not by the channel's name
   */
  onMessage(channel: string, payload: Uint8Array, isByPattern = false): void {
    if (this.#isClosed) return;
    const isDouble = this.#channels.isDouble(channel, payload, isByPattern);
    const heading = isDouble ? undefined : this.#channels.find(channel);
    if (heading === undefined || isOfHoldfast(payload)) {
      this.#figures.ignored++;
      return;
    }
    const { namespace, purpose, room } = heading;
    if (purpose === 'answers' && this.#requests.size === 0) {
      this.#figures.ignored++;
      return;
    }
    try {
      if (payload.byteLength > this.#options.maxPayloadBytes) {
        throw new ForeignFault(`has more than ${this.#options.maxPayloadBytes} bytes`);
      }
      const heard = this.#dialect.read(namespace, purpose, payload, room);
      const said = this.#take(namespace, heard, payload.byteLength);
      if (said !== undefined) this.#hand(said);
    } catch (error) {
      this.#malformed(error, channel);
    }
  }

  /**
   * What an entry of the stream means for the sessions of this node; questions in it are answered
   * here. It never throws.
   *
   * @param isOfAny of whichever namespace, since it is not known yet which there are
   * @returns undefined where it means nothing: of a Holdfast node, of no namespace here, unreadable
   */
  onStreamEntry(id: string, fields: EntryFields, isOfAny = false): ForeignSaid | undefined {
    if (this.#isClosed || this.#entries === undefined) return undefined;
    try {
      const { uid, nsp, type, data } = namedFields(fields);
      const isServed = nsp !== undefined && (isOfAny || this.#channels.serves(nsp));
      if (!isServed || uid?.startsWith(HOLDFAST_UID) === true) {
        this.#figures.ignored++;
        return undefined;
      }
      const bytes = data?.length ?? 0;
      if (bytes > this.#options.maxPayloadBytes) {
        throw new ForeignFault(`has more than ${this.#options.maxPayloadBytes} bytes`);
      }
      const { namespace, heard } = this.#entries.readEntry({ uid, nsp, type, data });
      this.#greet(namespace, uid ?? '', heard);
      return this.#take(namespace, heard, bytes);
    } catch (error) {
      this.#malformed(error, `entry ${id}`);
      return undefined;
    }
  }

  /** Hears nothing more; what waits for answers gets none. */
  close(): void {
    if (this.#isClosed) return;
    this.#channels.close();
    this.#isClosed = true;
    this.#requests.close();
  }

  /** @returns what the sessions of this node are to be told */
  #take(namespace: string, heard: Heard, bytes: number): ForeignSaid | undefined {
    const figures = this.#figures;
    switch (heard.kind) {
      case 'event':
      case 'command':
        figures.heard++;
        return { ...heard, namespace };
      case 'question':
        figures.heard++;
        this.#questions.take(namespace, heard, bytes);
        return undefined;
      case 'answer': {
        const isTaken = this.#requests.take(heard.requestId, heard.uid, heard.answer, bytes);
        if (isTaken) figures.heard++;
        else figures.ignored++;
        return undefined;
      }
      case 'heartbeat':
      case 'farewell':
        figures.heard++;
        return undefined;
      case 'nothing':
        figures.ignored++;
        return undefined;
    }
  }

  #hand(said: ForeignSaid): void {
    const { home } = this.#options;
    const { namespace, target } = said;
    if (said.kind === 'event') home.event(namespace, target, said.event);
    else home.command(namespace, target, said.command);
  }

  /** Old streams servers are told that this node is there, while they are. */
  #greet(namespace: string, uid: string, heard: Heard): void {
    if (heard.kind === 'farewell') this.#oldServers.gone(uid);
    if (heard.kind === 'heartbeat') this.#oldServers.heartbeat(uid);
    const isFirst = heard.kind === 'heartbeat' && heard.isFirst;
    const isDue = this.#oldServers.isDue(namespace, uid, isFirst);
    if (isDue) this.#say(namespace, { kind: 'heartbeat' });
  }

  async #sessions(namespace: string, target: Target, timeoutMs: number): Promise<ForeignAnswers> {
    const chosen = foreignTarget(target);
    if (chosen === undefined) return NO_ANSWERS;
    return await this.#ask(namespace, 'sessions', timeoutMs, (requestId) => {
      return { kind: 'fetch', target: chosen, requestId };
    });
  }

  async #ask(
    namespace: string,
    kind: ForeignQuestion,
    timeoutMs: number,
    question: (requestId: string) => Saying,
  ): Promise<ForeignAnswers> {
    const { transport } = this.#options;
    const counted = this.#dialect.counted(namespace);
    const all = await transport.subscribers(counted, this.#isSharded);
    const isCounted = this.#channels.serves(namespace) ? 1 : 0;
    const expected = all - isCounted - this.#options.peers(namespace);
    if (!(expected > 0) || this.#isClosed) return NO_ANSWERS;
    const open = this.#requests.open(kind, expected, timeoutMs);
    if (open === undefined) {
      this.#complaints.say(UNSAID, 'is a question, and too many wait for answers');
      return { ...NO_ANSWERS, silent: expected };
    }
    if (!this.#say(namespace, question(open.id))) this.#requests.settle(open.id);
    return await open.answers;
  }

  /** @returns whether it was handed to the transport */
  #say(namespace: string, saying: Saying): boolean {
    if (this.#isClosed) return false;
    try {
      return this.#sender.send(this.#dialect.say(namespace, saying));
    } catch (error) {
      this.#unsaid(error);
      return false;
    }
  }

  #unsaid(error: unknown): void {
    this.#figures.failed++;
    this.#complaints.say(UNSAID, reasonOf(error));
  }

  #malformed(error: unknown, where: string): void {
    this.#figures.malformed++;
    this.#complaints.say(MALFORMED, reasonOf(error), where);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof ForeignFault ? error.message : describeError(error);
}

function namedFields(fields: EntryFields): Readonly<Record<string, string | undefined>> & {
  readonly uid: string | undefined;
  readonly nsp: string | undefined;
  readonly type: string | undefined;
  readonly data: string | undefined;
} {
  const get = (name: string): string | undefined => {
    const value: unknown = fields instanceof Map ? fields.get(name) : Reflect.get(fields, name);
    return typeof value === 'string' ? value : undefined;
  };
  return { uid: get('uid'), nsp: get('nsp'), type: get('type'), data: get('data') };
}
