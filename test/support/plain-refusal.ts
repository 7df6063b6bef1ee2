/** How the plain protocol refuses: by an answer over HTTP, by a last message over a WebSocket. */

import { expect } from 'bun:test';
import {
  type Opening,
  openingRequest,
  PATHS,
  type PlainKind,
  plainRequest,
  queryOf,
} from './plain-client.ts';
import type { Message } from './plain-messages.ts';
import type { RawResponse } from './raw-http.ts';
import { RawConnection, upgradeRequest } from './raw-http.ts';
import type { Answer, Endpoint } from './raw-polling.ts';
import { RawWebSocket } from './raw-websocket.ts';

export interface Expected {
  /** Of the answer over HTTP. */
  readonly status: number;
  readonly reason: string;
  /** What stands in the message beside reason and text. */
  readonly data?: unknown;
}

/**
 * An opening that must be refused. Over a WebSocket that is done once it is open, by 1008, unless
 * there is nothing in its query to open it by.
 */
export async function expectRefused(
  endpoint: Endpoint,
  kind: PlainKind,
  opening: Opening,
  expected: Expected,
): Promise<void> {
  if (kind === 'websocket' && expected.status === 400 && opening.by !== 'message') {
    const answer = await refusedUpgrade(endpoint, queryOf(kind, opening));
    expect(answer?.status).toBe(400);
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ type: 'error', reason: 'badRequest' });
    return;
  }
  if (kind === 'websocket') {
    await expectSocketRefused(endpoint, opening, expected);
    return;
  }
  const [path, init] = openingRequest(kind, opening);
  expectRefusal(await plainRequest(endpoint, path, init), expected);
}

/** An answer that refuses has an `error` message as its body, and is not cached. */
export function expectRefusal(answer: Answer, { status, reason, data }: Expected): Message {
  expect([answer.status, answer.body.slice(0, 300)]).toEqual([status, expect.any(String)]);
  const error = JSON.parse(answer.body) as Message;
  expect(error).toMatchObject({ type: 'error', reason, message: expect.stringMatching(/./) });
  if (data !== undefined) expect(error['data']).toEqual(data);
  expect(answer.headers.get('cache-control')).toContain('no-store');
  return error;
}

async function expectSocketRefused(
  { url }: Endpoint,
  opening: Opening,
  { reason, data }: Expected,
): Promise<void> {
  const { auth, by, headers = {} } = opening;
  const socket = new RawWebSocket(url, {
    path: PATHS.websocket,
    wholeQuery: queryOf('websocket', opening),
    headers: { ...headers },
    answerPings: false,
  });
  await socket.opened;
  if (by === 'message') socket.send(JSON.stringify({ type: 'connect', auth }));
  const error = JSON.parse(await socket.text('why a WebSocket is refused')) as Message;
  expect(error).toMatchObject({ type: 'error', reason, message: expect.stringMatching(/./) });
  if (data !== undefined) expect(error['data']).toEqual(data);
  expect((await socket.end()).code).toBe(1008);
  expect(socket.unread).toEqual([]);
}

/** The answer to a request for an upgrade, when it is none. */
export async function refusedUpgrade(
  { url }: Endpoint,
  query = '',
  headers: readonly string[] = [],
): Promise<RawResponse | undefined> {
  const connection = await RawConnection.open(url);
  connection.write(upgradeRequest(query, headers, PATHS.websocket));
  const response = await connection.response();
  connection.close();
  return response;
}
