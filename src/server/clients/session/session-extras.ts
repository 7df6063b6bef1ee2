/**
 * What a session holds only at times, apart from it: one that sits idle on a WebSocket
 * holds none of it.
 */

import type { TransportName } from '../../core/app/app.ts';
import type { RequestHeaders } from '../../core/contracts/exchange.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import type { JsonObject } from '../../protocol/socketio-packet.ts';
import type { RequestSource } from '../source/request-sources.ts';
import type { ComebackWish } from './comebacks.ts';
import type { PollingTransport } from './polling-transport.ts';

/** What the first request said. */
export interface HandshakeSource extends RequestSource {
  readonly headers: RequestHeaders;
  readonly query: string;
  readonly transport: TransportName;
}

/** What is left of it for joining again: what `authenticate` has read of it. */
export interface KeptHandshake {
  readonly address: string | undefined;
  readonly query: string | undefined;
  /** All that the first request had, and the values of those that were read. */
  readonly headerNames: readonly string[] | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/** Takes what a client presents instead of what it came in with. */
export type TakeAuth = (auth: JsonObject) => void;

/** A namespace whose `authenticate` is still running for this client. */
export interface Joining {
  readonly since: number;
  /** What its CONNECT holds, with what is under way for it. */
  readonly bytes: number;
  /** What the client has presented meanwhile: the last of it counts. */
  next: JsonObject | undefined;
  nextBytes: number;
}

export interface Extras {
  readonly polling?: PollingTransport | undefined;
  /** Until the client has joined; packed after that, where the app has more namespaces. */
  readonly handshake?: HandshakeSource | string | undefined;
  /** Once the client has joined the one namespace of an app, and only if it was read. */
  readonly kept?: KeptHandshake | undefined;
  /** By namespace. */
  readonly joining?: ReadonlyMap<string, Joining> | undefined;
  /** Sessions in namespaces beside the first. */
  readonly others?: readonly NamespaceSession[] | undefined;
  /** The client takes no binary frames (`b64`): it gets base64 text instead. */
  readonly isTextOnly?: true | undefined;
  /** What the client's message `connect` says of a session before. */
  readonly wish?: ComebackWish | undefined;
  /** The first frame of the client is to say who it is. */
  readonly isAwaited?: true | undefined;
}

/** @returns `undefined` when nothing is left */
export function changed(extras: Extras | undefined, change: Extras): Extras | undefined {
  const all = { ...extras, ...change };
  return Object.values(all).every((value) => value === undefined) ? undefined : all;
}

/** What a client that has joined its namespace holds. */
export function afterJoining(
  extras: Extras | undefined,
  kept: KeptHandshake | undefined,
): Extras | undefined {
  const { polling, isTextOnly, joining, others } = extras ?? {};
  const hasMore = (polling ?? isTextOnly ?? joining ?? others) !== undefined;
  const isPolling = polling !== undefined && (isTextOnly ?? joining ?? others) === undefined;
  if (isPolling && kept === undefined) return { polling };
  if (hasMore) return changed(extras, { handshake: undefined, kept });
  // So it is with nearly all, and nothing need be copied.
  return kept === undefined ? undefined : { kept };
}

/** Headers about the connection rather than the client: not worth keeping for its whole life. */
const CONNECTION_HEADERS = /^(connection|upgrade|pragma|cache-control|accept-encoding|sec-.*)$/;

/**
 * As lines of text, which neither headers nor queries can break, without what is of no use to a
 * namespace that the client joins later. JSON would have its short strings looked up in the
 * runtime's table each time it is read.
 */
export function packedHandshake(handshake: HandshakeSource): string {
  const { address, addressKey, connection, transport, query, headers } = handshake;
  const kept = [...headers].filter(([name]) => !CONNECTION_HEADERS.test(name));
  return [address, addressKey, connection, transport, query, ...kept.flat()].join('\n');
}

export function unpackedHandshake(packed: string): HandshakeSource {
  const [address = '', addressKey, connection, transport, query = '', ...rest] = packed.split('\n');
  const headers = Array.from({ length: rest.length / 2 }, (_, at): [string, string] => [
    rest[2 * at] as string,
    rest[2 * at + 1] as string,
  ]);
  return {
    address,
    addressKey: Number(addressKey),
    connection: Number(connection),
    transport: transport === 'websocket' ? 'websocket' : 'polling',
    query,
    headers: new Headers(headers),
  };
}
