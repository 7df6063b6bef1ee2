/**
 * One server process, Redis or Valkey, on a free port of 127.0.0.1, with a configuration and data
 * in a temporary folder. No service and no file of the system is touched; none outlives the test
 * process, and folders go with the servers.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificates.ts';
import { freePorts } from './free-ports.ts';
import { killMarked, markedEnvironment, newMark } from './process-mark.ts';
import { within } from './raw-deadline.ts';
import { requirement } from './requires.ts';
import { askRedis, RespError, type RespValue } from './resp.ts';

export interface RedisOptions {
  /** Path of the program; `redis-server` where it lies if not told. */
  readonly program?: string;
  /** Of the user `default`. */
  readonly password?: string;
  /** Further users, as in an ACL file without the word `user`: `alice on >secret ~* &* +@all`. */
  readonly users?: readonly string[];
  /** Speaks TLS and nothing else, with a certificate made for this server. */
  readonly tls?: boolean;
  /** Further lines of its configuration; they win over those written here. */
  readonly lines?: readonly string[];
}

export interface RestartOptions {
  /** Whether it knows what it knew before; it does if not told. */
  readonly keepsData?: boolean;
}

const START_TIMEOUT_MS = 20_000;
const TRIES = 5;
const mark = newMark('TEST_REDIS_MARK');
const folders: Set<string> = new Set();

process.on('exit', () => {
  if (folders.size > 0) killMarked(mark);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export class RedisServer implements AsyncDisposable {
  readonly port: number;
  /** Port of the bus of a Cluster. */
  readonly clusterPort: number;
  readonly folder: string = mkdtempSync(join(tmpdir(), 'holdfast-redis-'));
  readonly #options: RedisOptions;
  readonly #args: readonly string[];
  #child: Bun.Subprocess<'ignore', 'ignore', 'ignore'> | undefined;

  private constructor(options: RedisOptions, args: readonly string[]) {
    folders.add(this.folder);
    this.port = freePorts(2);
    this.clusterPort = this.port + 1;
    this.#options = options;
    this.#args = args;
    if (options.tls === true) {
      const { cert, key } = makeCertificate();
      writeFileSync(this.caFile, cert);
      writeFileSync(join(this.folder, 'key.pem'), key);
    }
  }

  /**
   * Starts one, and waits until it answers. A free port may be taken before it has it.
   *
   * @param args of the program, behind its configuration
   */
  static async start(
    options: RedisOptions = {},
    args: readonly string[] = [],
  ): Promise<RedisServer> {
    for (let left = TRIES; ; left--) {
      const server = new RedisServer(options, args);
      try {
        await server.start();
        return server;
      } catch (error) {
        await server[Symbol.asyncDispose]();
        if (left === 0) throw error;
      }
    }
  }

  /** The certificate that it shows, which signed itself. */
  get caFile(): string {
    return join(this.folder, 'cert.pem');
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** As a client writes it, password and all. */
  get url(): string {
    return this.urlOf('', this.#options.password ?? '');
  }

  urlOf(user: string, password: string): string {
    const scheme = this.#options.tls === true ? 'rediss' : 'redis';
    const who = `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
    return `${scheme}://${password === '' ? '' : who}${this.address}`;
  }

  get pid(): number {
    return this.#running().pid;
  }

  /** What it has logged since it was first started. */
  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** One command by a connection of its own, as the user `default`. */
  async command(...args: readonly (string | number)[]): Promise<RespValue> {
    const { password, tls = false } = this.#options;
    const secret = password === undefined ? {} : { password };
    return await askRedis({ port: this.port, isTls: tls, ...secret }, args);
  }

  /** A value of INFO, or of CLUSTER INFO; empty when there is none. */
  async info(field: string, ...command: readonly string[]): Promise<string> {
    const text = String(await this.command(...(command.length > 0 ? command : ['INFO'])));
    return new RegExp(`^${field}:(.*)\r$`, 'm').exec(text)?.[1] ?? '';
  }

  /** As when its host loses power. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** It is there, and its connections are, but it does nothing until `cont`. */
  stop(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  cont(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** On the same port; it is killed first when it runs. */
  async restart({ keepsData = true }: RestartOptions = {}): Promise<void> {
    await this.kill();
    if (!keepsData) rmSync(join(this.folder, 'data'), { recursive: true, force: true });
    await this.start();
  }

  /** After `kill`. */
  async start(): Promise<void> {
    mkdirSync(join(this.folder, 'data'), { recursive: true });
    const program = this.#options.program ?? requirement('redis').path;
    const file = join(this.folder, 'conf');
    writeFileSync(file, this.#configuration());
    this.#child = Bun.spawn([program, file, ...this.#args], {
      cwd: this.folder,
      env: markedEnvironment(process.env, mark),
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
    });
    await within(`${program} answers`, this.#answers(), START_TIMEOUT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
    folders.delete(this.folder);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.kill(signal);
    await child?.exited;
  }

  async #answers(): Promise<void> {
    for (;;) {
      const { exitCode } = this.#running();
      if (exitCode !== null) throw new Error(`the server ended with ${exitCode}: ${this.log}`);
      try {
        if ((await this.command('PING')) === 'PONG') return;
      } catch (error) {
        // What it says is an answer too, save that its data is not all there yet.
        if (error instanceof RespError && !error.message.startsWith('LOADING')) return;
      }
      await Bun.sleep(10);
    }
  }

  #running(): Bun.Subprocess {
    if (this.#child === undefined) throw new Error('the server does not run');
    return this.#child;
  }

  #configuration(): string {
    const { password, users = [], tls = false, lines = [] } = this.#options;
    const key = join(this.folder, 'key.pem');
    return [
      'bind 127.0.0.1',
      ...(tls
        ? ['port 0', `tls-port ${this.port}`, `tls-cert-file ${this.caFile}`]
        : [`port ${this.port}`]),
      ...(tls ? [`tls-key-file ${key}`, `tls-ca-cert-file ${this.caFile}`] : []),
      ...(tls ? ['tls-auth-clients no', 'tls-replication yes', 'tls-cluster yes'] : []),
      'daemonize no',
      // With its title it would write over the mark in its environment.
      'set-proc-title no',
      `logfile ${join(this.folder, 'log')}`,
      // A sentinel writes into its configuration, and has nothing else to keep.
      ...(this.#args.includes('--sentinel') ? [] : this.#dataLines()),
      ...(password === undefined ? [] : [`requirepass ${password}`]),
      ...users.map((user) => `user ${user}`),
      ...lines.map((line) => line.replaceAll('{clusterPort}', String(this.clusterPort))),
      '',
    ].join('\n');
  }

  /** What is written survives a kill: the kernel has it before the client has its answer. */
  #dataLines(): readonly string[] {
    const { password } = this.#options;
    return [
      `dir ${join(this.folder, 'data')}`,
      'save ""',
      'appendonly yes',
      'appendfsync no',
      'enable-debug-command yes',
      'repl-diskless-sync-delay 0',
      ...(password === undefined ? [] : [`masterauth ${password}`]),
    ];
  }
}
