/**
 * What `createAdapter` of `@socket.io/redis-adapter` and `@socket.io/redis-emitter` write.
 *
 *     <prefix>#<nsp>#, <prefix>#<nsp>#<room>#    msgpack [uid, packet, {rooms, except, flags}]
 *     <prefix>-request#<nsp>#                    JSON or msgpack {uid, requestId, type, …}
 *     <prefix>-response#<nsp>#, …#<uid>#         JSON or msgpack {requestId, …}
 *
 * Answers of this node go to the channel that all hear, as theirs do: those of older versions hear
 * no other.
 */

import type { SessionCommand } from '../../../core/contracts/node-link.ts';
import type { Dialect, Purpose } from './dialect.ts';
import { ForeignFault } from './foreign-fault.ts';
import {
  argumentsOf,
  checkPacketType,
  encoded,
  type Fields,
  fieldsOf,
  nameOf,
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
import { MessageText } from './message-text.ts';
import type { Outgoing, Reply, Saying } from './saying.ts';

/** Types of requests, and of answers to the last. */
const TYPE = {
  sockets: 0,
  allRooms: 1,
  join: 2,
  leave: 3,
  disconnect: 4,
  fetch: 5,
  serverSideEmit: 6,
  broadcast: 7,
  clientCount: 8,
  ack: 9,
} as const;

export class PubsubDialect implements Dialect {
  readonly hasPatterns = true;
  readonly hasRoomChannels = true;
  readonly #prefix: string;
  readonly #uid: string;
  readonly #uidJson: string;
  readonly #text: MessageText = new MessageText();

  constructor(prefix: string, uid: string) {
    this.#prefix = prefix;
    this.#uid = uid;
    this.#uidJson = JSON.stringify(uid);
  }

  base(namespace: string): string {
    return `${this.#prefix}#${namespace}#`;
  }

  counted(namespace: string): string {
    return `${this.#prefix}-request#${namespace}#`;
  }

  channels(namespace: string): readonly (readonly [channel: string, purpose: Purpose])[] {
    const answers = this.#answers(namespace);
    return [
      [this.base(namespace), 'said'],
      [this.counted(namespace), 'asked'],
      [answers, 'answers'],
      [`${answers}${this.#uid}#`, 'answers'],
    ];
  }

  read(namespace: string, purpose: Purpose, payload: Uint8Array, room: string | undefined): Heard {
    if (purpose === 'said') return this.#readBroadcast(namespace, payload, room);
    const { fields, attachments } = this.#text.read(payload);
    return purpose === 'asked' ? readRequest(fields, attachments) : readAnswer(fields, attachments);
  }

  say(namespace: string, saying: Saying): Outgoing {
    const base = this.base(namespace);
    switch (saying.kind) {
      case 'event': {
        const { target, event } = saying;
        const opts = optionsJson(target, event.volatile ? '{"volatile":true}' : '{}');
        const json = `[${this.#uidJson},${packetJson(namespace, event.json)},${opts}]`;
        const channel = target.rooms.length === 1 ? `${base}${target.rooms[0]}#` : base;
        return { channel, payload: this.#text.writeMsgpack(json, event.attachments) };
      }
      case 'join':
      case 'leave': {
        const opts = optionsJson(saying.target);
        const more = `"opts":${opts},"rooms":${JSON.stringify(saying.rooms)}`;
        return this.#request(namespace, TYPE[saying.kind], more);
      }
      case 'disconnect': {
        const more = `"opts":${optionsJson(saying.target)},"close":${saying.close}`;
        return this.#request(namespace, TYPE.disconnect, more);
      }
      case 'serverSideEmit': {
        const { packet, requestId } = saying;
        const asked = requestId === undefined ? '' : `"requestId":${JSON.stringify(requestId)},`;
        const more = `${asked}"data":${packet.json}`;
        return this.#request(namespace, TYPE.serverSideEmit, more, packet.attachments);
      }
      case 'fetch': {
        const more = `"requestId":${JSON.stringify(saying.requestId)}`;
        return this.#request(namespace, TYPE.fetch, `${more},"opts":${optionsJson(saying.target)}`);
      }
      case 'emitWithAck': {
        const { packet, target, requestId, timeoutMs } = saying;
        const opts = optionsJson(target, `{"timeout":${timeoutMs}}`);
        const what = `"packet":${packetJson(namespace, packet.json)},"opts":${opts}`;
        const more = `"requestId":${JSON.stringify(requestId)},${what}`;
        return this.#request(namespace, TYPE.broadcast, more, packet.attachments);
      }
      case 'heartbeat':
        throw new ForeignFault('is a heartbeat, which this dialect has not');
    }
  }

  reply(namespace: string, { kind, json, attachments, replyTo }: Reply): Outgoing {
    const value = {
      sessions: `,"sockets":${json}`,
      ids: `,"sockets":${json}`,
      rooms: `,"rooms":${json}`,
      serverSideEmit: `,"type":${TYPE.serverSideEmit},"data":${json}`,
      clientCount: `,"type":${TYPE.clientCount},"clientCount":${json}`,
      ack: `,"type":${TYPE.ack},"packet":${json}`,
      done: '',
    }[kind];
    const id = JSON.stringify(replyTo.requestId);
    const text = `{"uid":${this.#uidJson},"requestId":${id}${value}}`;
    return { channel: this.#answers(namespace), payload: this.#text.write(text, attachments) };
  }

  #answers(namespace: string): string {
    return `${this.#prefix}-response#${namespace}#`;
  }

  #request(
    namespace: string,
    type: number,
    more: string,
    attachments: readonly Uint8Array[] = [],
  ): Outgoing {
    const json = `{"uid":${this.#uidJson},"type":${type},${more}}`;
    return { channel: this.counted(namespace), payload: this.#text.write(json, attachments) };
  }

  #readBroadcast(namespace: string, payload: Uint8Array, room: string | undefined): Heard {
    const reader = this.#text.reader(payload);
    const parts = reader.array();
    if (parts < 2) throw new ForeignFault('has no packet');
    if (reader.text()?.startsWith(HOLDFAST_UID) === true) return NOTHING;
    let type = '';
    let json = '';
    let itsNamespace = '/';
    for (let left = reader.map(); left > 0; left--) {
      const name = reader.text();
      if (name === 'data') json = reader.jsonText();
      else if (name === 'type') type = reader.jsonText();
      else if (name === 'nsp') itsNamespace = reader.text() ?? itsNamespace;
      else reader.skip();
    }
    if (itsNamespace !== namespace) return NOTHING;
    checkPacketType(Number(type));
    const attachments = reader.attachments.slice();
    const opts = parts > 2 ? this.#text.parsed(reader.jsonText()) : undefined;
    const target = broadcastTarget(opts, room);
    if (target === undefined) return NOTHING;
    const event = { json: this.#withName(json), attachments };
    return { kind: 'event', target, event: { ...event, volatile: isVolatile(opts) } };
  }

  /** An event's JSON, its name a text. */
  #withName(json: string): string {
    if (json.startsWith('["')) return json;
    const values = this.#text.parsed(json === '' ? 'null' : json);
    const [name, ...args] = argumentsOf(values, []);
    return encoded([name, ...args]).json;
  }
}

function readRequest(fields: Fields, attachments: readonly Uint8Array[]): Heard {
  const uid = nameOf(fields['uid']) ?? '';
  if (uid.startsWith(HOLDFAST_UID)) return NOTHING;
  const { type, opts } = fields as { type?: unknown; opts?: unknown };
  const hasAnswer = isAsking(fields);
  const ask = (question: Question | undefined, timeoutMs?: number): Heard => {
    if (question === undefined) return NOTHING;
    const replyTo = { requestId: requestIdOf(fields['requestId']), uid, isInStream: false };
    return { kind: 'question', question, replyTo, timeoutMs };
  };
  switch (type) {
    case TYPE.sockets: {
      const target = targetOf({ rooms: fields['rooms'] });
      return ask(target && { kind: 'ids', target });
    }
    case TYPE.allRooms:
      return ask({ kind: 'rooms' });
    case TYPE.join:
    case TYPE.leave:
    case TYPE.disconnect: {
      const command = commandOf(type, fields);
      if (command === undefined) return NOTHING;
      const target = opts ? targetOf(opts) : ofOne(fields['sid']);
      if (target === undefined) return NOTHING;
      return opts || !hasAnswer
        ? { kind: 'command', target, command }
        : ask({ kind: 'command', target, command });
    }
    case TYPE.fetch: {
      const target = targetOf(opts);
      return ask(target ? { kind: 'sessions', target } : { kind: 'sessions', target: NOBODY });
    }
    case TYPE.serverSideEmit: {
      const [event, ...args] = argumentsOf(fields['data'], attachments);
      if (hasAnswer) return ask({ kind: 'serverSideEmit', event, args });
      return { kind: 'command', target: ALL, command: { kind: 'serverSideEmit', event, args } };
    }
    case TYPE.broadcast: {
      const packet = fieldsOf(fields['packet'], 'packet');
      checkPacketType(packet['type']);
      const [event, ...args] = argumentsOf(packet['data'], attachments);
      const target = targetOf(opts) ?? NOBODY;
      return ask({ kind: 'emitWithAck', target, event, args }, timeoutOf(opts));
    }
    default:
      throw new ForeignFault('is a request of an unknown type');
  }
}

/** The old form has one room in `room`, the new one several in `rooms`. */
function commandOf(type: 2 | 3 | 4, fields: Fields): SessionCommand | undefined {
  if (type === TYPE.disconnect) return { kind: 'disconnect', close: fields['close'] === true };
  const kind = type === TYPE.join ? 'join' : 'leave';
  const { room, rooms: several } = fields as { room?: unknown; rooms?: unknown };
  const rooms = namesOf(several ?? (room === undefined ? [] : [room]), 'rooms');
  return rooms.length === 0 ? undefined : { kind, rooms };
}

function ofOne(sid: unknown): ReturnType<typeof targetOf> {
  return targetOf({ rooms: [textOf(sid, 'session that it is for')] });
}

function readAnswer(fields: Fields, attachments: readonly Uint8Array[]): Heard {
  const requestId = textOf(fields['requestId'], 'id of what it answers');
  return { kind: 'answer', requestId, uid: undefined, answer: answerOf(fields, attachments) };
}

function answerOf(fields: Fields, attachments: readonly Uint8Array[]): Answer {
  const { type } = fields;
  if (type === TYPE.clientCount) return { kind: 'clientCount', count: fields['clientCount'] };
  if (type === TYPE.ack) return { kind: 'ack', value: valueOf(fields['packet'], attachments) };
  if (type === TYPE.serverSideEmit) {
    return { kind: 'serverSideEmit', value: valueOf(fields['data'], attachments) };
  }
  return { kind: 'sessions', sessions: valueOf(fields['sockets'], attachments) };
}
