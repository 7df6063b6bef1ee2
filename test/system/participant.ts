/** Clients of every kind in one room, as a test sees them: what they heard, and what they ask. */

import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { Socket } from 'socket.io-client';
import { openPlain, type PlainClient, type PlainKind } from '../support/plain-client.ts';
import { event, type Message } from '../support/plain-messages.ts';
import type { Endpoint } from '../support/raw-polling.ts';

/** A client may have to wait for this long between two messages. */
const QUIET_MS = 120_000;
const PAGE_SCRIPT = join(import.meta.dir, 'one-room-page.js');

export interface Answered {
  readonly args?: readonly unknown[];
  readonly error?: string;
}

export interface Participant {
  readonly name: string;
  /** Events so far, name first. */
  heard(): Promise<readonly (readonly unknown[])[]>;
  /** Sends an event that wants an answer. */
  ask(name: string, ...args: readonly unknown[]): Promise<Answered>;
  join(room: string): Promise<Answered>;
  leave(room: string): Promise<Answered>;
  close(): Promise<void>;
}

/** The unmodified client, connected; it joins and leaves by events of the app. */
export function socketIoParticipant(socket: Socket): Participant {
  const heard: unknown[][] = [];
  socket.onAny((...args: unknown[]) => heard.push(args));
  const ask = async (name: string, ...args: readonly unknown[]): Promise<Answered> => {
    const { promise, resolve } = Promise.withResolvers<unknown[]>();
    socket.emit(name, ...args, (...values: unknown[]) => resolve(values));
    const values = await promise;
    const error = (values[0] as { error?: string } | undefined)?.error;
    return error === undefined ? { args: values } : { error };
  };
  return {
    name: 'socket.io-client',
    heard: async () => heard,
    ask,
    join: (room) => ask('join', room),
    leave: (room) => ask('leave', room),
    close: async () => void socket.disconnect(),
  };
}

/** A client in a page of a browser. */
export async function pageParticipant(
  browser: Browser,
  url: string,
  kind: 'websocket' | 'sse',
  room: string,
): Promise<Participant> {
  const page = await browser.newPage();
  await page.goto(`${url}/page`);
  await page.addScriptTag({ path: PAGE_SCRIPT });
  await page.evaluate(`enter(${JSON.stringify(kind)}, ${JSON.stringify(room)})`);
  const ask = (message: Message): Promise<Answered> =>
    call(page, `ask(${JSON.stringify(message)})`);
  return {
    name: kind === 'sse' ? 'EventSource' : 'WebSocket',
    heard: () => call(page, 'heard()'),
    ask: (name, ...args) => ask(event(name, ...args)),
    join: (joined) => ask({ type: 'join', room: joined }),
    leave: (left) => ask({ type: 'leave', room: left }),
    close: () => page.close(),
  };
}

function call<T>(page: Page, expression: string): Promise<T> {
  return page.evaluate(`participant.${expression}`);
}

/** A client of the plain protocol in this process. */
export async function plainParticipant(
  endpoint: Endpoint,
  kind: PlainKind,
  room: string,
): Promise<Participant> {
  const client = await openPlain(endpoint, kind, { rooms: [room] });
  const heard: unknown[][] = [];
  const waiting = new Map<unknown, (answered: Answered) => void>();
  void follow(client, (message) => {
    const { type, id, args, message: error } = message;
    if (type === 'event') heard.push([message['event'], ...(args as unknown[])]);
    if (type === 'ack') waiting.get(id)?.({ args: args as unknown[] });
    if (type === 'error') waiting.get(id)?.({ error: String(error) });
  });
  let lastId = 0;
  const ask = async (message: Message): Promise<Answered> => {
    lastId += 1;
    const { promise, resolve } = Promise.withResolvers<Answered>();
    waiting.set(lastId, resolve);
    await client.send({ ...message, id: lastId });
    return await promise;
  };
  return {
    name: kind,
    heard: async () => heard,
    ask: (name, ...args) => ask(event(name, ...args)),
    join: (joined) => ask({ type: 'join', room: joined }),
    leave: (left) => ask({ type: 'leave', room: left }),
    close: () => client.close(),
  };
}

/** Hands out messages until there are no more. */
async function follow(client: PlainClient, take: (message: Message) => void): Promise<void> {
  try {
    for (;;) take(await client.next('the next message', QUIET_MS));
  } catch {
    // What is missing is seen by who asks for it.
  }
}
