/** Reads what clients of the plain protocol send: one JSON object each (docs/PROTOCOL.md). */

import type { JsonFault } from '../../../host/runtime/foreign-json.ts';
import type { JsonObject, PayloadJudge } from '../socketio-packet.ts';
import { mayHoldBinary, restoreBinary } from './binary-values.ts';
import { compileSchema, type Judge } from './json-schema.ts';
import { CLIENT_MESSAGES } from './message-schema.ts';

export type ClientMessage =
  | {
      readonly type: 'event';
      readonly event: string;
      readonly args: unknown[];
      readonly id: number | undefined;
    }
  | {
      readonly type: 'publish';
      readonly room: string;
      readonly event: string;
      readonly args: unknown[];
      readonly id: number | undefined;
    }
  | { readonly type: 'join' | 'leave'; readonly room: string; readonly id: number | undefined }
  | { readonly type: 'presence'; readonly room: string; readonly id: number }
  | { readonly type: 'ack'; readonly id: number; readonly args: unknown[] }
  | {
      readonly type: 'connect';
      readonly auth: JsonObject;
      readonly recovery?: string | undefined;
      readonly since?: string | undefined;
    }
  | { readonly type: 'auth'; readonly auth: JsonObject; readonly id: number | undefined }
  | { readonly type: 'ping' | 'disconnect' };

/** A message that is not taken; `id` is there where it could be read. */
export type UnreadMessage =
  | { readonly type: 'harmful'; readonly fault: JsonFault }
  | { readonly type: 'fault'; readonly message: string; readonly id: number | undefined };

const JUDGES: ReadonlyMap<string, Judge> = new Map(
  Object.entries(CLIENT_MESSAGES).map(([type, schema]) => [type, compileSchema(schema)]),
);

/** What is read of every message before it is judged by its type. */
interface Read {
  readonly type: ClientMessage['type'];
  readonly event: string;
  readonly args?: unknown[];
  readonly room: string;
  readonly auth?: JsonObject;
  readonly recovery?: string;
  readonly since?: string;
  readonly id?: number;
}

/**
 * @param judge looks for what is not to be parsed
 * @param sender who is answerable for it to the judge
 */
export function readClientMessage(
  text: string,
  judge: PayloadJudge<JsonFault>,
  sender: object,
): ClientMessage | UnreadMessage {
  const harm = judge.faultIn(text, 0, sender);
  if (harm === 'malformed') return fault('it is no JSON');
  if (harm !== undefined) return { type: 'harmful', fault: harm };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fault('it is no JSON');
  }
  if (typeof value !== 'object' || value === null) return fault('it is no JSON object');
  const { type, id } = value as { type?: unknown; id?: unknown };
  const wrong = typeof type === 'string' ? JUDGES.get(type) : undefined;
  if (wrong === undefined) return fault("its 'type' is not known", id);
  const what = wrong(value);
  if (what !== undefined) return fault(`it is no '${type as string}': ${what}`, id);
  return messageOf(value as Read, text);
}

function messageOf(read: Read, text: string): ClientMessage | UnreadMessage {
  const { type, event, args = [], room, auth = {}, id } = read;
  const whole = mayHoldBinary(text) ? restoreBinary(args) : args;
  if (whole === undefined) return fault('a binary value is no base64', id);
  switch (type) {
    case 'event':
      return { type, event, args: whole, id };
    case 'ack':
      return { type, id: id as number, args: whole };
    case 'publish':
      return { type, room, event, args: whole, id };
    case 'join':
    case 'leave':
      return { type, room, id };
    case 'presence':
      return { type, room, id: id as number };
    case 'connect':
      return { type, auth, recovery: read.recovery, since: read.since };
    case 'auth':
      return { type, auth, id };
    case 'ping':
    case 'disconnect':
      return { type };
  }
}

function fault(message: string, id?: unknown): UnreadMessage {
  const isId = Number.isSafeInteger(id) && (id as number) >= 0;
  return { type: 'fault', message, id: isId ? (id as number) : undefined };
}

/** Whether a message looks like an ack, without a look inside; for limits alone. */
export function looksLikeAck(text: string): boolean {
  return text.startsWith('{"type":"ack"');
}
