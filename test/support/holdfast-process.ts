/**
 * The real command for every test that needs a running node. Its launcher, which costs as much CPU
 * as a whole command, is left out unless a test is about starting, signals or exit codes.
 *
 * What a test starts carries a mark in its environment, and so does everything started by that. The
 * mark tells which processes are still there, whoever their parent is by now: `stop` fails when
 * one is left, and none outlives the test process. Where there is no `/proc`, only the process
 * started here is known.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findToken } from '../../src/host/access/left-token.ts';
import type { Config } from '../../src/host/config/schema.ts';
import { ownCommand } from '../../src/host/foreign/bun-command.ts';
import type { LoadReport, ProcessReport } from '../../src/server/controller/admin-reports.ts';
import {
  killMarked,
  markedEnvironment,
  newMark,
  type ProcessMark,
  processesMarked,
} from './process-mark.ts';
import { within } from './raw-deadline.ts';

export const ROOT: string = join(import.meta.dir, '..', '..');
/** `holdfast` as its user starts it. */
export const LAUNCHER: readonly string[] = ['node', join(ROOT, 'bin', 'holdfast.js')];
/** `holdfast` as its launcher starts it. */
export const COMMAND: readonly string[] = ownCommand().words;
const MARK_NAME = 'TEST_PROCESS_MARK';

const START_TIMEOUT_MS = 45_000;
const STOP_TIMEOUT_MS = 15_000;
const LOG_TIMEOUT_MS = 10_000;

export interface StartOptions {
  /** Path of the app file; without one the demo runs. */
  readonly app?: string;
  readonly config?: Readonly<Partial<Config>>;
  readonly workers?: number | 'auto';
  /** Further flags of `holdfast start`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it is started; in the repository if not told. */
  readonly cwd?: string;
  /** Has bash start the command, which is `"$@"` to it, as in `exec "$@" 2>/dev/full`. */
  readonly bash?: string;
  /** Runs it in a terminal of its own, to which `type` writes. */
  readonly isInTerminal?: boolean;
  readonly withLauncher?: boolean;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly withLauncher?: boolean;
  /** Has bash run the command, which is `"$@"` to it, as in `"$@" | head -n 1`. */
  readonly bash?: string;
}

export interface StopOptions {
  readonly signal?: NodeJS.Signals;
  /** The exit code that is right. */
  readonly code?: number;
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Pids of processes that were left behind; they have been killed since. */
  readonly leftovers: readonly number[];
}

/** One line of the node's log. */
export interface LogEntry {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Runs a command of `holdfast` to its end. */
export async function runHoldfast(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const mark = newMark(MARK_NAME);
  // As another user; the package may lie out of that one's reach.
  const asUser = options.uid === undefined ? [] : ['setpriv', `--reuid=${options.uid}`];
  const command = options.withLauncher ? LAUNCHER : COMMAND;
  const bash = options.bash === undefined ? [] : ['bash', '-c', options.bash, 'bash'];
  const child = Bun.spawn([...asUser, ...bash, ...command, ...args], {
    cwd: ROOT,
    env: environment(mark, options.env),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  try {
    const [code, out, err] = await within(
      `holdfast ${args.join(' ')} ends`,
      Promise.all([child.exited, child.stdout.text(), child.stderr.text()]),
      START_TIMEOUT_MS,
    );
    return { code, out, err, leftovers: processesMarked(mark) };
  } finally {
    killMarked(mark);
  }
}

/** A server that says in its first line of output, as JSON, on which ports it listens. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #mark: ProcessMark;
  readonly #out = new Lines();
  readonly #err = new Lines();
  readonly #killAtExit = (): void => killMarked(this.#mark);
  #ready: Readonly<Record<string, number>> = {};
  /** Its output has been read to the end. */
  #followed: Promise<unknown> = Promise.resolve();

  protected constructor(command: readonly string[], options: StartOptions = {}) {
    this.#mark = newMark(MARK_NAME);
    process.on('exit', this.#killAtExit);
    const common = { cwd: options.cwd ?? ROOT, env: environment(this.#mark, options.env) };
    if (options.isInTerminal) {
      const decoder = new TextDecoder();
      const data = (_terminal: unknown, bytes: Uint8Array): void =>
        this.#out.push(decoder.decode(bytes, { stream: true }));
      this.#child = Bun.spawn([...command], { ...common, terminal: { data } });
    } else {
      const child = Bun.spawn([...command], {
        ...common,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      });
      this.#followed = Promise.all([
        this.#out.follow(child.stdout),
        this.#err.follow(child.stderr),
      ]);
      this.#child = child;
    }
  }

  /** Starts any such server; `stop` fails unless it ends cleanly on SIGTERM. */
  static async launch(
    command: readonly string[],
    options: StartOptions = {},
  ): Promise<ServerProcess> {
    const server = new ServerProcess(command, options);
    await server.becomeReady();
    return server;
  }

  get publicPort(): number {
    return this.port('publicPort');
  }

  get url(): string {
    return `http://127.0.0.1:${this.publicPort}`;
  }

  /** The process that the test started. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Everything the server logged so far. */
  get logText(): string {
    return [...this.#out.all, ...this.#err.all].join('\n');
  }

  get log(): readonly LogEntry[] {
    return this.#err.all.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  }

  /** The first entry of the log that matches, as soon as it is there. */
  async logged(what: string, matches: (entry: LogEntry) => boolean): Promise<LogEntry> {
    const find = (): LogEntry | undefined => this.log.find(matches);
    await this.#err.until(`the log says ${what}`, () => find() !== undefined, LOG_TIMEOUT_MS);
    return find() as LogEntry;
  }

  /** Resolves with the exit code. */
  get exited(): Promise<number> {
    return within('the server ends', this.#child.exited, STOP_TIMEOUT_MS);
  }

  /** The pids of the server's processes that are alive, a launcher's included. */
  get processes(): readonly number[] {
    return processesMarked(this.#mark);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Writes to the terminal; `\x03` is Ctrl-C. */
  type(text: string): void {
    this.#child.terminal?.write(text);
  }

  /** Ends the server, and fails when it ends in another way than it should or leaves a process. */
  async stop({ signal = 'SIGTERM', code = 0 }: StopOptions = {}): Promise<void> {
    this.kill(signal);
    await this.ended(code);
  }

  /** Waits for the end, with the same conditions. */
  async ended(expectedCode: number): Promise<void> {
    try {
      const code = await this.exited;
      const left = this.processes;
      if (code !== expectedCode) throw new Error(`the exit code is ${code}: ${this.logText}`);
      if (left.length > 0) throw new Error(`processes are left: ${left.join(', ')}`);
    } finally {
      await this[Symbol.asyncDispose]();
    }
    await within('its output ends', this.#followed, STOP_TIMEOUT_MS);
  }

  /** Kills whatever is left; harmless after `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    killMarked(this.#mark);
    this.#child.kill('SIGKILL');
    await this.#child.exited;
    process.off('exit', this.#killAtExit);
  }

  protected port(name: string): number {
    const port = this.#ready[name];
    if (port === undefined) throw new Error(`the server did not say its ${name}`);
    return port;
  }

  protected async becomeReady(): Promise<void> {
    try {
      const line = await Promise.race([
        this.#out.until(
          'the server is ready',
          () => this.#out.all.find((text) => text.startsWith('{"publicPort"')),
          START_TIMEOUT_MS,
        ),
        this.#child.exited.then((code) => Promise.reject(new Error(`it ended with ${code}`))),
      ]);
      this.#ready = JSON.parse(line) as Record<string, number>;
    } catch (cause) {
      await this[Symbol.asyncDispose]();
      throw new Error(`the server did not start: ${this.logText}`, { cause });
    }
  }
}

/** `holdfast start` on free ports. */
export class HoldfastProcess extends ServerProcess {
  readonly #folder: string;

  private constructor(options: StartOptions, folder: string, config: string) {
    const { app, workers = 4, args = [] } = options;
    super(
      [
        ...(options.bash === undefined ? [] : ['bash', '-c', options.bash, 'bash']),
        ...(options.withLauncher ? LAUNCHER : COMMAND),
        ...['start', '--json', '--port', '0', '--admin-port', '0'],
        ...['--workers', String(workers), '--config', config],
        ...(app === undefined ? [] : ['--app', app]),
        ...args,
      ],
      options,
    );
    this.#folder = folder;
  }

  /** Starts a node, and waits until it takes sessions. */
  static async start(options: StartOptions = {}): Promise<HoldfastProcess> {
    const node = await HoldfastProcess.spawn(options);
    await node.becomeReady();
    return node;
  }

  /** Starts a node that may never get so far. */
  static async spawn(options: StartOptions = {}): Promise<HoldfastProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-process-'));
    const config = join(folder, 'config.json');
    await Bun.write(config, JSON.stringify(options.config ?? {}));
    return new HoldfastProcess(options, folder, config);
  }

  get adminPort(): number {
    return this.port('adminPort');
  }

  get controllerPid(): number {
    return this.port('pid');
  }

  get workerCount(): number {
    return this.port('workers');
  }

  admin(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.adminPort}${path}`, init);
  }

  /** A POST with the token that the node has left for its user. */
  post(
    path: string,
    body: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const authorization = `Bearer ${findToken({ of: 'admin', port: this.adminPort })}`;
    const all = { authorization, 'content-type': 'application/json', ...headers };
    return this.admin(path, { method: 'POST', headers: all, body });
  }

  async process(): Promise<ProcessReport> {
    return (await (await this.admin('/process')).json()) as ProcessReport;
  }

  async load(): Promise<LoadReport> {
    return (await (await this.admin('/load')).json()) as LoadReport;
  }

  /** The pid of each worker, by its index; undefined for one that is not running. */
  async workerPids(): Promise<readonly (number | undefined)[]> {
    const { workers } = await this.process();
    return workers.map(({ pid, state }) => (state === 'running' ? (pid ?? undefined) : undefined));
  }

  /** Runs another command of `holdfast` against this node. */
  command(...args: readonly string[]): Promise<Ended> {
    return runHoldfast([...args, '--admin-port', String(this.adminPort)]);
  }

  /** `holdfast send`, which must succeed. */
  async send(...args: readonly string[]): Promise<void> {
    const { code, err } = await this.command('send', ...args);
    if (code !== 0) throw new Error(`holdfast send failed: ${err}`);
  }

  /** `POST /send`, for when there is no time to start a command. */
  publish(message: object): Promise<Response> {
    return this.post('/send', JSON.stringify(message));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What a process writes, read all along so that a full pipe never blocks it. */
class Lines {
  readonly all: string[] = [];
  readonly #watchers: Set<() => void> = new Set();
  #rest = '';

  async follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.push(decoder.decode(chunk, { stream: true }));
    if (this.#rest !== '') this.push('\n');
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? '';
    this.all.push(...lines);
    for (const watch of this.#watchers) watch();
  }

  /** Waits until the lines so far give something. */
  async until<T>(what: string, find: () => T | undefined | false, timeoutMs: number): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const look = (): void => {
      const found = find();
      if (found !== undefined && found !== false) resolve(found);
    };
    this.#watchers.add(look);
    try {
      look();
      return await within(what, promise, timeoutMs);
    } finally {
      this.#watchers.delete(look);
    }
  }
}

/** The variable by which `bun test --no-orphans` makes every Bun below it end with its parent. */
const NO_ORPHANS = 'BUN_FEATURE_FLAG_NO_ORPHANS';

/** The variables of this process, but none that would configure Holdfast or the end of workers. */
function environment(mark: ProcessMark, given: Readonly<Record<string, string>> = {}) {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('HOLDFAST_') && name !== NO_ORPHANS,
  );
  return markedEnvironment({ ...Object.fromEntries(own), ...given }, mark);
}
