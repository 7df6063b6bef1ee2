/**
 * What the sharded adapter and the streams adapter write: cluster messages {uid, nsp, type, data}.
 *
 *     sharded    <prefix>#<nsp>#, …#<room>#, …#<uid>#    JSON, or msgpack where data is binary
 *     streams    entries of the stream: uid, nsp, type, data (JSON, or msgpack in base64)
 *                <prefix>#<nsp>#, …#<uid>#               msgpack, of what is not kept
 *
 * Their servers may have channels of single rooms or not (`subscriptionMode`), but all of them hear
 * the one of the namespace; so this node says everything there, and hears both.
 */

import type { SessionCommand } from '../../../core/contracts/node-link.ts';
import type { ForeignMode } from './contract.ts';
import type { Dialect, Purpose } from './dialect.ts';
import { ForeignFault } from './foreign-fault.ts';
import {
  argumentsOf,
  checkPacketType,
  eventOf,
  type Fields,
  fieldsOf,
  namesOf,
  targetOf,
  textOf,
  valueOf,
} from './foreign-values.ts';
import { type Answer, type Heard, HOLDFAST_UID, NOTHING, type Question } from './heard.ts';
import {
  ALL,
  broadcastTarget,
  isAsking,
  isVolatile,
  NOBODY,
  optionsJson,
  packetJson,
  requestIdOf,
  timeoutOf,
} from './message-parts.ts';
import { MessageText, type ReadMessage } from './message-text.ts';
import type { Outgoing, Reply, Saying } from './saying.ts';

const TYPE = {
  firstHeartbeat: 1,
  heartbeat: 2,
  event: 3,
  join: 4,
  leave: 5,
  disconnect: 6,
  fetch: 7,
  sessions: 8,
  serverSideEmit: 9,
  serverSideAnswer: 10,
  clientCount: 11,
  ack: 12,
  farewell: 13,
} as const;

/** The form of each kind of answer: its type, and where its value stands. */
const ANSWERS: Readonly<Partial<Record<Reply['kind'], { type: number; name: string }>>> = {
  sessions: { type: TYPE.sessions, name: 'sockets' },
  serverSideEmit: { type: TYPE.serverSideAnswer, name: 'packet' },
  clientCount: { type: TYPE.clientCount, name: 'clientCount' },
  ack: { type: TYPE.ack, name: 'packet' },
};

export class ClusterDialect implements Dialect {
  readonly hasPatterns = false;
  readonly hasRoomChannels: boolean;
  readonly #prefix: string;
  readonly #uid: string;
  readonly #uidJson: string;
  readonly #isStream: boolean;
  readonly #text: MessageText = new MessageText();

  constructor(mode: Exclude<ForeignMode, 'pubsub'>, prefix: string, uid: string) {
    this.#prefix = prefix;
    this.#uid = uid;
    this.#uidJson = JSON.stringify(uid);
    this.#isStream = mode === 'streams';
    this.hasRoomChannels = !this.#isStream;
  }

  base(namespace: string): string {
    return `${this.#prefix}#${namespace}#`;
  }

  counted(namespace: string): string {
    return this.base(namespace);
  }

  channels(namespace: string): readonly (readonly [channel: string, purpose: Purpose])[] {
    const base = this.base(namespace);
    return [
      [base, 'said'],
      [`${base}${this.#uid}#`, 'answers'],
    ];
  }

  read(namespace: string, _: Purpose, payload: Uint8Array, room: string | undefined): Heard {
    const { fields, attachments } = this.#text.read(payload);
    if (fields['nsp'] !== namespace) return NOTHING;
    const data = { fields: fields['data'], attachments };
    return readMessage(fields['uid'], fields['type'], data, room, false);
  }

  /** @throws ForeignFault for an entry that is of no namespace, or cannot be read */
  readEntry(fields: Fields): { readonly namespace: string; readonly heard: Heard } {
    const { uid, nsp, type, data } = fields as Readonly<
      Record<'uid' | 'nsp' | 'type' | 'data', unknown>
    >;
    const namespace = textOf(nsp, 'namespace');
    const read = typeof data === 'string' && data !== '' ? this.#readData(data) : EMPTY;
    return { namespace, heard: readMessage(uid, Number(type), read, undefined, true) };
  }

  say(namespace: string, saying: Saying): Outgoing {
    switch (saying.kind) {
      case 'event': {
        const { target, event } = saying;
        const opts = optionsJson(target, event.volatile ? '{"volatile":true}' : '{}');
        const data = `{"packet":${packetJson(namespace, event.json)},"opts":${opts}}`;
        return this.#message(namespace, TYPE.event, data, event.attachments, this.#isStream);
      }
      case 'join':
      case 'leave': {
        const opts = optionsJson(saying.target);
        const data = `{"opts":${opts},"rooms":${JSON.stringify(saying.rooms)}}`;
        return this.#message(namespace, TYPE[saying.kind], data, [], this.#isStream);
      }
      case 'disconnect': {
        const data = `{"opts":${optionsJson(saying.target)},"close":${saying.close}}`;
        return this.#message(namespace, TYPE.disconnect, data, [], this.#isStream);
      }
      case 'serverSideEmit': {
        const { packet, requestId } = saying;
        const asked = requestId === undefined ? '' : `"requestId":${JSON.stringify(requestId)},`;
        const data = `{${asked}"packet":${packet.json}}`;
        return this.#message(namespace, TYPE.serverSideEmit, data, packet.attachments, false);
      }
      case 'fetch': {
        const opts = optionsJson(saying.target);
        const data = `{"opts":${opts},"requestId":${JSON.stringify(saying.requestId)}}`;
        return this.#message(namespace, TYPE.fetch, data, [], false);
      }
      case 'emitWithAck': {
        const { packet, target, requestId, timeoutMs } = saying;
        const opts = optionsJson(target, `{"timeout":${timeoutMs}}`);
        const what = `"packet":${packetJson(namespace, packet.json)},"opts":${opts}`;
        const data = `{${what},"requestId":${JSON.stringify(requestId)}}`;
        return this.#message(namespace, TYPE.event, data, packet.attachments, false);
      }
      case 'heartbeat':
        return this.#message(namespace, TYPE.heartbeat, undefined, [], true);
    }
  }

  reply(namespace: string, { kind, json, attachments, replyTo }: Reply): Outgoing {
    const form = ANSWERS[kind];
    if (form === undefined) throw new ForeignFault(`is an answer of kind ${kind}`);
    const { type, name } = form;
    const data = `{"requestId":${JSON.stringify(replyTo.requestId)},"${name}":${json}}`;
    if (replyTo.isInStream) return this.#message(namespace, type, data, attachments, true);
    const channel = `${this.base(namespace)}${replyTo.uid}#`;
    return this.#message(namespace, type, data, attachments, false, channel);
  }

  #message(
    namespace: string,
    type: number,
    data: string | undefined,
    attachments: readonly Uint8Array[],
    isEntry: boolean,
    channel: string = this.base(namespace),
  ): Outgoing {
    if (isEntry) {
      const fields = { uid: this.#uid, nsp: namespace, type: String(type) };
      if (data === undefined) return { fields };
      const isText = attachments.length === 0;
      const packed = isText ? data : this.#text.writeMsgpack(data, attachments).toString('base64');
      return { fields: { ...fields, data: packed } };
    }
    const head = `{"uid":${this.#uidJson},"nsp":${JSON.stringify(namespace)},"type":${type}`;
    const json = `${head},"data":${data ?? '{}'}}`;
    const payload = this.#isStream
      ? this.#text.writeMsgpack(json, attachments)
      : this.#text.write(json, attachments);
    return { channel, payload };
  }

  #readData(data: string): ReadMessage {
    if (data.startsWith('{')) {
      return { fields: fieldsOf(this.#text.parsed(data), 'data'), attachments: [] };
    }
    return this.#text.readMsgpack(Buffer.from(data, 'base64'));
  }
}

const EMPTY: ReadMessage = { fields: {}, attachments: [] };

/** The data of a message, placeholders in it for its binary values. */
interface MessageData {
  readonly fields: unknown;
  readonly attachments: readonly Uint8Array[];
}

function readMessage(
  sender: unknown,
  type: unknown,
  data: MessageData,
  room: string | undefined,
  isInStream: boolean,
): Heard {
  const uid = typeof sender === 'string' ? sender : '';
  if (uid.startsWith(HOLDFAST_UID)) return NOTHING;
  switch (type) {
    case TYPE.firstHeartbeat:
    case TYPE.heartbeat:
      return { kind: 'heartbeat', uid, isFirst: type === TYPE.firstHeartbeat };
    case TYPE.farewell:
      return { kind: 'farewell', uid };
    case TYPE.sessions:
    case TYPE.serverSideAnswer:
    case TYPE.clientCount:
    case TYPE.ack: {
      const fields = fieldsOf(data.fields, 'data');
      const requestId = textOf(fields['requestId'], 'id of what it answers');
      return { kind: 'answer', requestId, uid, answer: answerOf(type, fields, data.attachments) };
    }
    default:
      return readSaid(type, uid, data, room, isInStream);
  }
}

function readSaid(
  type: unknown,
  uid: string,
  data: MessageData,
  room: string | undefined,
  isInStream: boolean,
): Heard {
  const fields = fieldsOf(data.fields, 'data');
  const { opts } = fields;
  const ask = (question: Question): Heard => {
    const replyTo = { requestId: requestIdOf(fields['requestId']), uid, isInStream };
    if (textOf(uid, 'sender') === '') throw new ForeignFault('asks, but does not say who asks');
    return { kind: 'question', question, replyTo, timeoutMs: timeoutOf(opts) };
  };
  switch (type) {
    case TYPE.event: {
      const packet = fieldsOf(fields['packet'], 'packet');
      if (isAsking(fields)) {
        checkPacketType(packet['type']);
        const [event, ...args] = argumentsOf(packet['data'], data.attachments);
        return ask({ kind: 'emitWithAck', target: targetOf(opts) ?? NOBODY, event, args });
      }
      const target = broadcastTarget(opts, room);
      if (target === undefined) return NOTHING;
      return { kind: 'event', target, event: eventOf(packet, data.attachments, isVolatile(opts)) };
    }
    case TYPE.join:
    case TYPE.leave:
    case TYPE.disconnect: {
      const command = commandOf(type, fields);
      const target = targetOf(opts);
      return target && command ? { kind: 'command', target, command } : NOTHING;
    }
    case TYPE.fetch:
      return ask({ kind: 'sessions', target: targetOf(opts) ?? NOBODY });
    case TYPE.serverSideEmit: {
      const [event, ...args] = argumentsOf(fields['packet'], data.attachments);
      if (isAsking(fields)) return ask({ kind: 'serverSideEmit', event, args });
      return { kind: 'command', target: ALL, command: { kind: 'serverSideEmit', event, args } };
    }
    default:
      throw new ForeignFault('is a message of an unknown type');
  }
}

function commandOf(type: 4 | 5 | 6, fields: Fields): SessionCommand | undefined {
  if (type === TYPE.disconnect) return { kind: 'disconnect', close: fields['close'] === true };
  const rooms = namesOf(fields['rooms'], 'rooms');
  if (rooms.length === 0) return undefined;
  return { kind: type === TYPE.join ? 'join' : 'leave', rooms };
}

function answerOf(type: 8 | 10 | 11 | 12, fields: Fields, all: readonly Uint8Array[]): Answer {
  switch (type) {
    case TYPE.sessions:
      return { kind: 'sessions', sessions: valueOf(fields['sockets'], all) };
    case TYPE.serverSideAnswer:
      return { kind: 'serverSideEmit', value: valueOf(fields['packet'], all) };
    case TYPE.clientCount:
      return { kind: 'clientCount', count: fields['clientCount'] };
    case TYPE.ack:
      return { kind: 'ack', value: valueOf(fields['packet'], all) };
  }
}
