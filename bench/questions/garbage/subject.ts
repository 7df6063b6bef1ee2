/** A node with one worker and one schedule of collections, and all that it says of them. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRecord, ServerSample } from '../../../src/report/recording/record.ts';
import { withinStart } from '../../contestants/launch.ts';
import type { Children } from '../../measure/children.ts';
import { HOLDFAST_STOP_TIMEOUT_MS } from '../../measure/limits.ts';
import type { Collection } from './samples.ts';

const ROOT_FOLDER = join(import.meta.dir, '..', '..', '..');

export interface Ports {
  readonly publicPort: number;
  readonly adminPort: number;
}

export class Subject {
  readonly collections: Collection[] = [];
  readonly #children: Children;
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'holdfast-gc-'));
  readonly #ports = Promise.withResolvers<Ports>();
  #samples: readonly ServerSample[] = [];

  constructor(schedule: string, children: Children) {
    this.#children = children;
    this.#child = children.add(
      Bun.spawn(
        [
          ...[process.execPath, 'src/cli/main.ts', 'start', '--json', '--workers', '1'],
          ...['--port', '0', '--admin-port', '0', '--log-format', 'json'],
          ...['--app', 'bench/contestants/servers/holdfast-app.ts', '--gc', schedule],
          ...['--record-dir', join(this.#folder, 'record')],
        ],
        {
          cwd: ROOT_FOLDER,
          env: { ...process.env, BUN_JSC_logGC: '1' },
          stdin: 'ignore',
          stdout: 'pipe',
          stderr: 'pipe',
        },
      ),
      { stopTimeoutMs: HOLDFAST_STOP_TIMEOUT_MS, cleanUp: () => this.#keepRecord() },
    );
    void followLines(this.#child.stdout, (line) => {
      const ports = parsed(line) as Partial<Ports> | undefined;
      if (ports?.publicPort !== undefined) this.#ports.resolve(ports as Ports);
    });
    void followLines(this.#child.stderr, (line) => this.#logged(line));
  }

  /** Waits until the node listens. @throws Error when it ends first, or takes too long */
  ports(): Promise<Ports> {
    return withinStart(this.#ports.promise, this.#child, 'holdfast start');
  }

  get controllerPid(): number {
    return this.#child.pid;
  }

  /** Ends the node. @returns the samples of its record */
  async stop(): Promise<readonly ServerSample[]> {
    await this.#children.stop(this.#child);
    return this.#samples;
  }

  #keepRecord(): void {
    this.#samples = samplesIn(join(this.#folder, 'record/server.jsonl'));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The worker's lines come through the node's log, as JSON; the controller's come as they are. */
  #logged(line: string): void {
    const { msg } = (parsed(line) ?? {}) as { msg?: unknown };
    if (typeof msg === 'string') {
      if (!noteCollection(msg, Date.now(), this.collections)) console.error(msg);
    } else if (line.startsWith('holdfast:')) {
      console.error(line);
    }
  }
}

/**
 * Takes a line of JavaScriptCore's log of collections.
 * @param collections so far; the last one gets what the line says of it
 * @returns whether it was one
 */
export function noteCollection(text: string, atMs: number, collections: Collection[]): boolean {
  if (/^(GC END|Requesting GC)/.test(text)) return true;
  if (!text.startsWith('[GC<')) return false;
  const kind = /START .*=> (Full|Eden)Collection/.exec(text)?.[1];
  if (kind !== undefined) collections.push({ atMs, isFull: kind === 'Full', pauseMs: 0 });
  const current = collections.at(-1);
  if (current === undefined) return true;
  for (const [, pause] of text.matchAll(/\bp=([\d.]+)ms/g)) {
    current.pauseMs = Math.max(current.pauseMs, Number(pause));
  }
  return true;
}

/** Empty when the node did not come so far as to record anything. */
function samplesIn(path: string): readonly ServerSample[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .map((line) => parsed(line) as RunRecord | undefined)
    .filter((record): record is ServerSample => record?.record === 'server-sample');
}

/** Undefined when the line is no JSON object: a message of the runtime, or one that was cut. */
function parsed(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

async function followLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
}
