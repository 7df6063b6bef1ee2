/** A request of a plain client, read and judged before anybody acts on it (docs/PROTOCOL.md). */

import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { ClientRequest } from '../../core/contracts/exchange.ts';
import { checkKey } from '../../core/rooms/key.ts';
import type { QueryParams } from '../../protocol/query-params.ts';
import type { JsonObject } from '../../protocol/socketio-packet.ts';

/** What the query says of the session that is to be opened. */
export interface Opening {
  readonly auth: JsonObject;
  /** `auth` comes with the first frame. */
  readonly isAuthAwaited: boolean;
  readonly isRaw: boolean;
  readonly isStream: boolean;
}

/** Why a query is not understood. */
export interface QueryFault {
  readonly fault: string;
}

const POSITION = /^[A-Za-z0-9_-]{24}\.\d{1,15}$/;

/** The place of a poll in what its session has said; `undefined` without one. */
export function readSince(params: QueryParams): string | undefined | QueryFault {
  const since = params.get('since') ?? '';
  if (since === '') return undefined;
  return POSITION.test(since) ? since : { fault: '`since` is no position of ours' };
}

/**
 * @param isSocket it is to be a WebSocket: others have no first frame, nor frames at all
 * @param body of a POST that opens a session: the message `connect`; `undefined` for a GET
 * @param json judges what is to be parsed
 */
export function readOpening(
  params: QueryParams,
  isSocket: boolean,
  body: string | undefined,
  json: ForeignJson,
): Opening | QueryFault {
  const auth = params.get('auth') ?? '';
  const isAuthAwaited = auth === 'message';
  const format = params.get('format') ?? '';
  if (format !== '' && format !== 'raw') return { fault: "`format` is 'raw' or left out" };
  if (format === 'raw' && isAuthAwaited) {
    return { fault: '`auth=message` needs messages, which `format=raw` has none of' };
  }
  if (format === 'raw' && !isSocket) return { fault: '`format=raw` is for WebSockets' };
  if (isAuthAwaited && !isSocket && body === undefined) {
    return { fault: '`auth=message` is for WebSockets, others bring `auth` by POST' };
  }
  const roomFault = faultInRooms(params.getAll('room'));
  if (roomFault !== undefined) return { fault: roomFault };
  const stream = params.get('stream') ?? '';
  if (!/^[01]?$/.test(stream)) return { fault: '`stream` is 1 or left out' };
  const given =
    body === undefined ? readAuth(isAuthAwaited ? '' : auth, json) : readBody(body, json);
  if ('fault' in given) return given;
  return { auth: given.auth, isAuthAwaited, isRaw: format === 'raw', isStream: stream === '1' };
}

function faultInRooms(rooms: readonly string[]): string | undefined {
  try {
    for (const room of rooms) checkKey(room);
    return undefined;
  } catch (fault) {
    return (fault as Error).message;
  }
}

function readAuth(text: string, json: ForeignJson): { auth: JsonObject } | QueryFault {
  if (text === '') return { auth: {} };
  const value = parsed(text, json);
  return isObject(value) ? { auth: value } : { fault: '`auth` is a JSON object' };
}

function readBody(body: string, json: ForeignJson): { auth: JsonObject } | QueryFault {
  const value = parsed(body, json);
  const auth = isObject(value) && value['type'] === 'connect' ? (value['auth'] ?? {}) : undefined;
  return isObject(auth) ? { auth } : { fault: 'the body is a message `connect`' };
}

function parsed(text: string, json: ForeignJson): unknown {
  try {
    return json.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isUpgrade({ headers }: ClientRequest): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket';
}
