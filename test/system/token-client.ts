/** One try to get in with a token, by each transport there is, and all that the client was told. */

import { io } from 'socket.io-client';
import type { Message, PlainTransport } from '../support/plain-clients.ts';
import { within } from '../support/raw-deadline.ts';

export const ALL_TRANSPORTS = [
  'Socket.IO polling',
  'Socket.IO websocket',
  'websocket',
  'sse',
  'stream',
  'polling',
] as const;
export type AnyTransport = (typeof ALL_TRANSPORTS)[number];

/** Where a client puts what it presents. */
export interface Presented {
  readonly auth?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

export interface Told {
  readonly isIn: boolean;
  /** Whatever it was told: of the user when it is in, of the refusal when not. */
  readonly user?: unknown;
  readonly rooms?: unknown;
  readonly refusal?: unknown;
}

const TIMEOUT_MS = 10_000;
const PATHS = { websocket: '/ws', sse: '/sse', stream: '/poll', polling: '/poll' } as const;

/** Comes in, is told, and goes. */
export function present(url: string, transport: AnyTransport, what: Presented): Promise<Told> {
  const told = isSocketIo(transport)
    ? presentBySocketIo(url, transport, what)
    : transport === 'websocket'
      ? presentByWebSocket(url, what)
      : presentByHttp(url, transport, what);
  return within(`an answer over ${transport}`, told, TIMEOUT_MS);
}

export function isSocketIo(
  transport: AnyTransport,
): transport is 'Socket.IO polling' | 'Socket.IO websocket' {
  return transport.startsWith('Socket.IO');
}

function presentBySocketIo(url: string, transport: string, what: Presented): Promise<Told> {
  const { auth = {}, headers = {}, query = {} } = what;
  const { promise, resolve } = Promise.withResolvers<Told>();
  const name = transport.slice('Socket.IO '.length) as 'polling' | 'websocket';
  const options = { auth, extraHeaders: headers, query, transports: [name], reconnection: false };
  const socket = io(url, { forceNew: true, ...options });
  socket.once('connect_error', (error: Error & { data?: unknown }) => {
    resolve({ isIn: false, refusal: [error.message, error.data] });
    socket.close();
  });
  socket.once('connect', async () => {
    const who = (await socket.emitWithAck('who')) as { user: unknown; rooms: unknown };
    resolve({ isIn: true, user: who.user, rooms: who.rooms });
    socket.close();
  });
  return promise;
}

function addressOf(url: string, transport: PlainTransport, what: Presented): string {
  const query = new URLSearchParams(what.query);
  if (what.auth !== undefined) query.set('auth', JSON.stringify(what.auth));
  if (transport === 'stream') query.set('stream', '1');
  return `${url}${PATHS[transport]}?${query.toString()}`;
}

function presentByWebSocket(url: string, what: Presented): Promise<Told> {
  const { promise, resolve } = Promise.withResolvers<Told>();
  const address = addressOf(url, 'websocket', what).replace(/^http/, 'ws');
  const socket = new WebSocket(address, { headers: what.headers ?? {} });
  let error: unknown;
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.type === 'error') error = message;
    if (message.type !== 'connect') return;
    resolve(inAs(message));
    socket.close();
  });
  socket.addEventListener('close', ({ code, reason }) => {
    resolve({ isIn: false, refusal: [error, code, reason] });
  });
  return promise;
}

async function presentByHttp(
  url: string,
  transport: Exclude<PlainTransport, 'websocket'>,
  what: Presented,
): Promise<Told> {
  const gone = new AbortController();
  const answer = await fetch(addressOf(url, transport, what), {
    headers: { ...what.headers, connection: 'close' },
    signal: gone.signal,
  });
  if (answer.status !== 200) {
    const names = [...answer.headers.keys()].filter((name) => name !== 'date').sort();
    return { isIn: false, refusal: [answer.status, names, await answer.text()] };
  }
  const first = await firstMessage(answer);
  gone.abort();
  return inAs(first);
}

async function firstMessage(answer: Response): Promise<Message> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const found = /\{"type":"connect".*?\}/.exec(text);
    if (found !== null) return JSON.parse(found[0]) as Message;
  }
  throw new Error(`no first message in ${text}`);
}

function inAs({ user, rooms }: Message): Told {
  return { isIn: true, user, rooms };
}
