/** Clients of each kind that come back after each cut, by what their kind has for it. */

import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { Socket } from 'socket.io-client';
import { connect } from '../../src/client/index.ts';

/** A client that counts what it hears. */
export interface Returning {
  readonly name: string;
  /** The numbers that it heard, in order. */
  heard(): Promise<readonly number[]>;
  /** How often it came back and was told that it had missed something. */
  unrecovered(): Promise<number>;
  close(): Promise<void>;
}

const PAGE_SCRIPT = join(import.meta.dir, 'returning-page.js');
const EVENT = 'number';

/** The unmodified client of Socket.IO. */
export function socketIoReturning(socket: Socket): Returning {
  const heard: number[] = [];
  let unrecovered = 0;
  socket.on(EVENT, (number: number) => void heard.push(number));
  socket.on('connect', () => {
    if (heard.length > 0 && !socket.recovered) unrecovered++;
  });
  return {
    name: 'socket.io-client',
    heard: async () => heard,
    unrecovered: async () => unrecovered,
    close: async () => void socket.disconnect(),
  };
}

/** The small client. */
export async function smallReturning(url: string, room: string): Promise<Returning> {
  const heard: number[] = [];
  let unrecovered = 0;
  const entered = Promise.withResolvers<void>();
  const client = connect(url, {
    rooms: [room],
    reconnectDelayMs: 100,
    maxReconnectDelayMs: 500,
    onState: (change) => {
      if (change.state !== 'open') return;
      if (heard.length > 0 && !change.recovered) unrecovered++;
      entered.resolve();
    },
  });
  client.on(EVENT, (number: number) => void heard.push(number));
  await entered.promise;
  return {
    name: 'holdfast/client',
    heard: async () => heard,
    unrecovered: async () => unrecovered,
    close: async () => client.close(),
  };
}

/** A page with a `WebSocket` or an `EventSource`. */
export async function pageReturning(
  browser: Browser,
  url: string,
  kind: 'websocket' | 'sse',
  room: string,
): Promise<Returning> {
  const page = await browser.newPage();
  await page.goto(`${url}/page`);
  await page.addScriptTag({ path: PAGE_SCRIPT });
  await page.evaluate(`enter(${JSON.stringify(kind)}, ${JSON.stringify(room)})`);
  return {
    name: kind === 'sse' ? 'EventSource' : 'WebSocket',
    heard: () => page.evaluate('heard'),
    unrecovered: () => page.evaluate('unrecovered'),
    close: () => page.close(),
  };
}

interface Said {
  readonly type: string;
  readonly args?: readonly number[];
  readonly recovered?: boolean;
  readonly position?: string;
}

/** A loop of `fetch`: polls, or streams that are opened again. */
export async function fetchReturning(
  url: string,
  kind: 'polling' | 'stream',
  room: string,
): Promise<Returning> {
  const heard: number[] = [];
  const stop = new AbortController();
  const entered = Promise.withResolvers<void>();
  let unrecovered = 0;
  let since = '';
  const take = (message: Said): void => {
    if (kind === 'stream') since = message.position ?? since;
    if (message.type === 'event') heard.push((message.args as readonly number[])[0] as number);
    if (message.type !== 'connect') return;
    if (heard.length > 0 && message.recovered !== true) unrecovered++;
    entered.resolve();
  };
  const once = async (): Promise<void> => {
    const stream = kind === 'stream' ? '&stream=1' : '';
    const place = since === '' ? '' : `&since=${since}`;
    const target = `${url}/poll?room=${encodeURIComponent(room)}${stream}${place}`;
    const answer = await fetch(target, { signal: stop.signal });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    if (kind === 'polling') {
      const said = (await answer.json()) as { position: string; messages: readonly Said[] };
      since = said.position;
      for (const message of said.messages) take(message);
    } else await eachLine(answer, (line) => take(JSON.parse(line) as Said));
  };
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await once();
      } catch {
        await Bun.sleep(50 + Math.random() * 200);
      }
    }
  };
  void run();
  await entered.promise;
  return {
    name: `fetch, ${kind}`,
    heard: async () => heard,
    unrecovered: async () => unrecovered,
    close: async () => stop.abort(),
  };
}

async function eachLine(answer: Response, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) if (line !== '') take(line);
  }
}
