/**
 * Starts a server file of `servers/` that follows one small convention: it prints one JSON
 * line `{"port":…,"controlPort":…}` when it listens, answers `POST /broadcast?count=N` on the
 * control port, and ends when its standard input does, so that it cannot outlive the benchmark.
 */

import { join } from 'node:path';
import type { Child, Children } from '../measure/children.ts';
import { START_TIMEOUT_MS } from '../measure/limits.ts';
import type { RunningContestant } from './contract.ts';

export interface ServerFile {
  /** The program that runs it; `bun` means the Bun that runs the benchmark. */
  readonly runtime: 'bun' | 'node';
  /** Its path in `bench/contestants/servers`. */
  readonly file: string;
  /** Path and query that clients ask for. */
  readonly path: string;
}

const SERVERS_FOLDER = join(import.meta.dir, 'servers');

interface Listening {
  readonly port: number;
  readonly controlPort: number;
}

export async function launch(server: ServerFile, children: Children): Promise<RunningContestant> {
  const program = server.runtime === 'bun' ? process.execPath : 'node';
  const child = children.add(
    Bun.spawn([program, join(SERVERS_FOLDER, server.file)], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
      env: { ...process.env, NODE_ENV: 'production' },
    }),
  );
  const stop = (): Promise<void> => children.stop(child);
  let listening: Listening;
  try {
    const line = await withinStart(firstLine(child.stdout), child, server.file);
    listening = JSON.parse(line) as Listening;
  } catch (error) {
    await stop();
    throw error;
  }
  const { port, controlPort } = listening;
  return {
    pid: child.pid,
    otherPids: [],
    url: `ws://127.0.0.1:${port}${server.path}`,
    broadcast: (count) => post(`http://127.0.0.1:${controlPort}/broadcast?count=${count}`),
    stop,
  };
}

/**
 * Waits for what a program says when it has started.
 * @throws Error when it ends before that, or takes over `START_TIMEOUT_MS`
 */
export function withinStart<T>(said: Promise<T>, child: Child, program: string): Promise<T> {
  return Promise.race([
    said,
    child.exited.then((code) => Promise.reject(new Error(`${program} ended with ${code}`))),
    Bun.sleep(START_TIMEOUT_MS).then(() =>
      Promise.reject(new Error(`${program} did not start in ${START_TIMEOUT_MS} ms`)),
    ),
  ]);
}

/** POSTs JSON, or nothing, and throws unless the answer is a success. */
export function post(
  url: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  return request(url, {
    method: 'POST',
    ...(body === undefined
      ? { headers }
      : {
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json', ...headers },
        }),
  });
}

/** POSTs a text and throws unless the answer is a success. */
export function publish(url: string, text: string): Promise<void> {
  return request(url, { method: 'POST', body: text, headers: { 'content-type': 'text/plain' } });
}

async function request(url: string, init: RequestInit): Promise<void> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${new URL(url).pathname}: ${response.status} ${text}`);
}

/** The bytes after the line are left unread: a server of this folder prints nothing more. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = '';
  while (!text.includes('\n')) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`a server ended before it listened: ${text}`);
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return text.slice(0, text.indexOf('\n'));
}
