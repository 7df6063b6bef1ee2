/** Clients of all transports that ask for rooms and publish, told apart by nothing but that. */

import { io, type Socket } from 'socket.io-client';
import { PlainClient, type PlainTransport } from '../support/plain-clients.ts';
import { within } from '../support/raw-deadline.ts';
import { type AnyTransport, isSocketIo } from './token-client.ts';

/** Why something was refused; `undefined` when it was not. */
export type Refusal = string | undefined;

export interface RulesClient {
  join(room: unknown): Promise<Refusal>;
  leave(room: unknown): Promise<Refusal>;
  publish(room: unknown, event: unknown, ...args: readonly unknown[]): Promise<Refusal>;
  /** Asks the app. */
  ask(event: string, ...args: readonly unknown[]): Promise<unknown>;
  /** What came of an event of this name since it was last asked. */
  heard(event: string): readonly unknown[];
  close(): void;
}

const TIMEOUT_MS = 10_000;

/** @throws Error with the refusal, when it may not come in */
export async function openRulesClient(
  url: string,
  transport: AnyTransport,
  auth: Readonly<Record<string, unknown>> = {},
  rooms: readonly string[] = [],
): Promise<RulesClient> {
  if (isSocketIo(transport)) return await openSocketIo(url, transport, auth);
  const query = new URLSearchParams({ auth: JSON.stringify(auth) });
  for (const room of rooms) query.append('room', room);
  return await openPlain(url, transport, query.toString());
}

class Heard {
  readonly #events: (readonly [string, unknown])[] = [];

  add(event: string, value: unknown): void {
    this.#events.push([event, value]);
  }

  take(event: string): readonly unknown[] {
    const values = this.#events.filter(([name]) => name === event).map(([, value]) => value);
    this.#events.splice(0);
    return values;
  }
}

async function openSocketIo(url: string, transport: string, auth: object): Promise<RulesClient> {
  const transports = [transport.slice('Socket.IO '.length) as 'polling' | 'websocket'];
  const socket: Socket = io(url, { forceNew: true, reconnection: false, transports, auth });
  const heard = new Heard();
  socket.onAny((event: string, value: unknown) => heard.add(event, value));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('connect', resolve);
  socket.once('connect_error', reject);
  await within('a client connects', promise, TIMEOUT_MS);
  const ask = (event: string, ...args: readonly unknown[]): Promise<unknown> =>
    socket.timeout(TIMEOUT_MS).emitWithAck(event, ...args);
  const done = async (event: string, ...args: readonly unknown[]): Promise<Refusal> =>
    ((await ask(event, ...args)) as { error?: string } | undefined)?.error;
  return {
    join: (room) => done('holdfast:join', room),
    leave: (room) => done('holdfast:leave', room),
    publish: (room, event, ...args) => done('holdfast:publish', room, event, ...args),
    ask,
    heard: (event) => heard.take(event),
    close: () => socket.disconnect(),
  };
}

async function openPlain(
  url: string,
  transport: PlainTransport,
  query: string,
): Promise<RulesClient> {
  const client = await PlainClient.open(url, transport, query);
  const heard = new Heard();
  const first = await client.next();
  if (first.type !== 'connect') throw new Error(JSON.stringify(first));
  const waiting = new Map<unknown, (answer: Readonly<Record<string, unknown>>) => void>();
  void (async () => {
    for (;;) {
      const message = await client.next().catch(() => undefined);
      if (message === undefined && client.isOver) return;
      if (message?.type === 'event') heard.add(String(message.event), message.args?.[0]);
      else if (message !== undefined) waiting.get(message.id)?.(message);
    }
  })();
  let lastId = 0;
  const say = async (message: object): Promise<Readonly<Record<string, unknown>>> => {
    const id = ++lastId;
    const { promise, resolve } = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    waiting.set(id, resolve);
    await client.send({ ...message, id });
    return await within(`an answer to ${JSON.stringify(message)}`, promise, TIMEOUT_MS);
  };
  const done = async (message: object): Promise<Refusal> => {
    const answer = await say(message);
    return answer['type'] === 'error' ? String(answer['message']) : undefined;
  };
  return {
    join: (room) => done({ type: 'join', room }),
    leave: (room) => done({ type: 'leave', room }),
    publish: (room, event, ...args) => done({ type: 'publish', room, event, args }),
    ask: async (event, ...args) =>
      ((await say({ type: 'event', event, args }))['args'] as readonly unknown[])[0],
    heard: (event) => heard.take(event),
    close: () => client.close(),
  };
}
