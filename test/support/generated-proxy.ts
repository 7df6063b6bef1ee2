/**
 * HAProxy and nginx as an operator runs them: with the file that `holdfast generate` writes. They
 * run from a temporary folder; no service and no file of the system is touched.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';
import { runHoldfast } from './holdfast-process.ts';
import { within } from './raw-deadline.ts';

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

export type ProxyKind = 'haproxy' | 'nginx';

interface Ways {
  /** Stays in the foreground, and its children with it. */
  readonly start: (path: string, folder: string, file: string) => readonly string[];
  /** Has the process read its file again and keep its clients. */
  readonly reload: NodeJS.Signals;
  /** What a plain user cannot use of the text, or root not with a folder of its own. */
  readonly adapted: (text: string) => string;
}

const WAYS: Readonly<Record<ProxyKind, Ways>> = {
  haproxy: {
    start: (path, _folder, file) => [path, '-W', '-f', file],
    reload: 'SIGUSR2',
    adapted: (text) => text,
  },
  nginx: {
    start: (path, folder, file) => [path, '-p', folder, '-c', file, '-e', 'stderr'],
    reload: 'SIGHUP',
    adapted(text) {
      const user = process.getuid?.() === 0 ? 'user root;\n' : '';
      const folders = ['fastcgi', 'uwsgi', 'scgi', 'proxy'].map((name) => `${name}_temp_path t;`);
      const own = ['client_body_temp_path t;', ...folders].join('\n');
      const http = text.replace('\nhttp {\n', `\nhttp {\n${own}\n`);
      return `daemon off;\npid nginx.pid;\n${user}${http}`;
    },
  },
};

export class GeneratedProxy implements AsyncDisposable {
  readonly url: string;
  readonly #ways: Ways;
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-proxy-'));
  #child: Bun.Subprocess | undefined;

  private constructor(kind: ProxyKind, port: number, isTls: boolean) {
    this.url = `${isTls ? 'https' : 'http'}://127.0.0.1:${port}`;
    this.#ways = WAYS[kind];
  }

  /**
   * Generates the file and starts the proxy with it; resolves when it answers.
   *
   * @param args of `holdfast generate`: the config of the node, and options of the kind
   */
  static async start(
    kind: ProxyKind,
    path: string,
    args: readonly string[],
  ): Promise<GeneratedProxy> {
    const port = freePorts(1);
    const proxy = new GeneratedProxy(kind, port, args.includes('--certificate'));
    try {
      await proxy.#start(kind, path, [...args, '--listen', `127.0.0.1:${port}`]);
      return proxy;
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(kind: ProxyKind, path: string, args: readonly string[]): Promise<void> {
    const file = join(this.#folder, 'proxy.conf');
    const { code, err } = await runHoldfast(['generate', kind, ...args, '--out', file]);
    if (code !== 0) throw new Error(err);
    writeFileSync(file, this.#ways.adapted(readFileSync(file, 'utf8')));
    const command = this.#ways.start(path, this.#folder, file);
    const log = Bun.file(join(this.#folder, 'log'));
    const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'ignore', stderr: log });
    this.#child = child;
    await within(`${kind} answers`, this.#answers(child), START_TIMEOUT_MS);
  }

  async #answers(child: Bun.Subprocess): Promise<void> {
    while (child.exitCode === null) {
      const asked = fetch(`${this.url}/health`, { tls: { rejectUnauthorized: false } });
      const answer = await asked.catch(() => undefined);
      if (answer?.ok) return;
      await Bun.sleep(50);
    }
    const log = readFileSync(join(this.#folder, 'log'), 'utf8');
    throw new Error(`the proxy ended with ${child.exitCode}: ${log}`);
  }

  /** As an operator does after a change of the file. */
  reload(): void {
    this.#child?.kill(this.#ways.reload);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child !== undefined) {
      child.kill('SIGTERM');
      await within('the proxy ends', child.exited, STOP_TIMEOUT_MS);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
