/** A request of a plain client, read and judged before anybody acts on it (docs/PROTOCOL.md). */

import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { ClientRequest } from '../../core/contracts/exchange.ts';
import { checkKey } from '../../core/rooms/key.ts';
import { type QueryParams, queryParams } from '../../protocol/query-params.ts';
import type { JsonObject } from '../../protocol/socketio-packet.ts';
import { type ComebackWish, NO_WISH } from '../session/comebacks.ts';
import type { HandshakeSource } from '../session/session-extras.ts';

/** What the query says of the session that is to be opened. */
export interface Opening {
  readonly auth: JsonObject;
  /** What the body said of the session that the client had before. */
  readonly wish: ComebackWish | undefined;
  /** `auth` comes with the first frame. */
  readonly isAuthAwaited: boolean;
  readonly isRaw: boolean;
  readonly isStream: boolean;
}

/** Why a query is not understood. */
export interface QueryFault {
  readonly fault: string;
}

/** Session, number of the batch, and perhaps a position in what rooms keep. */
const PLACE = /^[A-Za-z0-9_-]{24}\.(\d{1,15})(?:\.([0-9a-z]{1,16}-\d{1,15}))?$/;

/** The place of a poll in what its session has said; `undefined` without one. */
export function readSince(params: QueryParams): string | undefined | QueryFault {
  const since = params.get('since') ?? '';
  if (since === '' || params.get('stream') === '1') return undefined;
  return PLACE.test(since) ? since : { fault: '`since` is no position of ours' };
}

/** The number of the batch in such a place; of one that is none, what no batch has. */
export function batchOf(since: string): number {
  return Number(PLACE.exec(since)?.[1]);
}

/**
 * What a client presents of what it had before, in its first request. A poll whose session is not
 * there any more still says where its client stood.
 */
export function wishIn({ query, headers, transport }: HandshakeSource): ComebackWish {
  const last = transport === 'sse' ? headers.get('last-event-id') : null;
  // Mostly there is nothing of it, and the query need not be taken apart.
  if (last === null && !query.includes('since=') && !query.includes('recovery=')) return NO_WISH;
  const params = queryParams(query);
  const since = params.get('since') ?? '';
  const named = transport === 'polling' ? PLACE.exec(since)?.[2] : since;
  // What an `EventSource` has heard last is newer than what its URL says.
  return { token: params.get('recovery') || undefined, position: (last ?? named) || undefined };
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
  return { ...given, isAuthAwaited, isRaw: format === 'raw', isStream: stream === '1' };
}

function faultInRooms(rooms: readonly string[]): string | undefined {
  try {
    for (const room of rooms) checkKey(room);
    return undefined;
  } catch (fault) {
    return (fault as Error).message;
  }
}

type Presented = Pick<Opening, 'auth' | 'wish'>;

function readAuth(text: string, json: ForeignJson): Presented | QueryFault {
  if (text === '') return { auth: {}, wish: undefined };
  const value = parsed(text, json);
  if (!isObject(value)) return { fault: '`auth` is a JSON object' };
  return { auth: value, wish: undefined };
}

function readBody(body: string, json: ForeignJson): Presented | QueryFault {
  const value = parsed(body, json);
  const isConnect = isObject(value) && value['type'] === 'connect';
  const auth = isConnect ? (value['auth'] ?? {}) : undefined;
  if (!isConnect || !isObject(auth)) return { fault: 'the body is a message `connect`' };
  return { auth, wish: wishOf(value['recovery'], value['since']) };
}

/** @returns undefined when a message `connect` says nothing of a session before */
export function wishOf(token: unknown, position: unknown): ComebackWish | undefined {
  return token === undefined && position === undefined ? undefined : { token, position };
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
