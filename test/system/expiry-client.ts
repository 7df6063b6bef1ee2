/** A client whose session runs out, by each transport: what it is asked and told. */

import { io } from 'socket.io-client';
import { type Message, PlainClient, type PlainTransport } from '../support/plain-clients.ts';
import { within } from '../support/raw-deadline.ts';
import { type AnyTransport, isSocketIo } from './token-client.ts';

type Auth = Readonly<Record<string, unknown>>;

export interface ExpiringClient {
  /** How often it was asked for a new token. */
  asked: number;
  /** All that it was told of its end, in order. */
  readonly told: readonly unknown[];
  /** Settles when the server has ended it. */
  ended(): Promise<void>;
  join(room: string): Promise<boolean>;
  ask(event: string): Promise<unknown>;
  close(): void;
}

const TIMEOUT_MS = 15_000;

/** @param answer what it brings when it is asked; nothing for `undefined` */
export async function openExpiring(
  url: string,
  transport: AnyTransport,
  token: string,
  answer: (asked: number) => Auth | undefined = () => undefined,
): Promise<ExpiringClient> {
  return isSocketIo(transport)
    ? await openSocketIo(url, transport, token, answer)
    : await openPlain(url, transport, token, answer);
}

async function openSocketIo(
  url: string,
  transport: string,
  token: string,
  answer: (asked: number) => Auth | undefined,
): Promise<ExpiringClient> {
  const transports = [transport.slice('Socket.IO '.length) as 'polling' | 'websocket'];
  const socket = io(url, { forceNew: true, reconnection: false, transports, auth: { token } });
  const told: unknown[] = [];
  const end = Promise.withResolvers<void>();
  const begin = Promise.withResolvers<void>();
  const client = {
    asked: 0,
    told,
    ended: () => within('the session ends', end.promise, TIMEOUT_MS),
    ask: (event: string): Promise<unknown> => socket.timeout(TIMEOUT_MS).emitWithAck(event),
    async join(room: string): Promise<boolean> {
      return (await socket.timeout(TIMEOUT_MS).emitWithAck('holdfast:join', room)) === undefined;
    },
    close: () => void socket.disconnect(),
  };
  socket.on('holdfast:refresh', (_what: unknown, bring: (auth: Auth) => void) => {
    const given = answer(++client.asked);
    if (given !== undefined) bring(given);
  });
  socket.on('holdfast:expired', () => told.push('expired'));
  socket.on('disconnect', (reason) => {
    told.push(reason);
    end.resolve();
  });
  socket.once('connect', begin.resolve);
  socket.once('connect_error', begin.reject);
  await within('a client connects', begin.promise, TIMEOUT_MS);
  return client;
}

async function openPlain(
  url: string,
  transport: PlainTransport,
  token: string,
  answer: (asked: number) => Auth | undefined,
): Promise<ExpiringClient> {
  const query = new URLSearchParams({ auth: JSON.stringify({ token }) });
  const plain = await PlainClient.open(url, transport, query.toString());
  const first = await plain.next();
  if (first.type !== 'connect') throw new Error(JSON.stringify(first));
  const told: unknown[] = [];
  const end = Promise.withResolvers<void>();
  const answers = new Map<unknown, (message: Message) => void>();
  let lastId = 0;
  const say = async (message: object): Promise<Message> => {
    const id = ++lastId;
    const { promise, resolve } = Promise.withResolvers<Message>();
    answers.set(id, resolve);
    await plain.send({ ...message, id });
    return await within(`an answer to ${JSON.stringify(message)}`, promise, TIMEOUT_MS);
  };
  const client = {
    asked: 0,
    told,
    ended: () => within('the session ends', end.promise, TIMEOUT_MS),
    ask: async (event: string): Promise<unknown> => (await say({ type: 'event', event })).args?.[0],
    join: async (room: string): Promise<boolean> =>
      (await say({ type: 'join', room })).type === 'ack',
    close: () => plain.close(),
  };
  void (async () => {
    while (!plain.isOver) {
      const message = await plain.next().catch(() => undefined);
      if (message === undefined) continue;
      if (message.type === 'refresh') {
        const auth = answer(++client.asked);
        if (auth !== undefined) void plain.send({ type: 'auth', auth });
      } else if (message.type === 'disconnect') {
        told.push(message['reason'], typeof message['retry']);
        end.resolve();
        plain.close();
      } else answers.get(message.id)?.(message);
    }
  })();
  return client;
}
