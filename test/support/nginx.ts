/**
 * nginx in front of a node, with proxy buffering as it comes: started from a temporary folder with
 * a configuration written here; no service and no file of the system is touched.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { within } from './raw-deadline.ts';

const START_TIMEOUT_MS = 20_000;
const TRIES = 5;

export class Nginx implements AsyncDisposable {
  /** One for each server. */
  readonly urls: readonly string[];
  readonly #child: Bun.Subprocess<'ignore', 'inherit', 'inherit'>;
  readonly #folder: string;

  private constructor(path: string, servers: readonly string[]) {
    const ports = servers.map(() => freePort());
    this.urls = ports.map((port) => `http://127.0.0.1:${port}`);
    this.#folder = mkdtempSync(join(tmpdir(), 'holdfast-nginx-'));
    writeFileSync(join(this.#folder, 'nginx.conf'), configuration(servers, ports));
    const args = [path, '-p', this.#folder, '-c', 'nginx.conf', '-e', 'error.log'];
    this.#child = Bun.spawn(args, { stdin: 'ignore', stdout: 'inherit', stderr: 'inherit' });
  }

  /**
   * Starts it, and waits until it answers. A free port may be taken before nginx has it.
   *
   * @param path of the program
   * @param servers directives of each, beside its port
   */
  static async start(path: string, servers: readonly string[]): Promise<Nginx> {
    for (let left = TRIES; ; left--) {
      const nginx = new Nginx(path, servers);
      if (await within('nginx answers', nginx.#answers(), START_TIMEOUT_MS)) return nginx;
      await nginx[Symbol.asyncDispose]();
      if (left === 0) throw new Error('nginx does not start');
    }
  }

  async #answers(): Promise<boolean> {
    while (this.#child.exitCode === null) {
      try {
        await fetch(`${this.urls.at(-1)}/health`);
        return true;
      } catch {
        await Bun.sleep(20);
      }
    }
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configuration(servers: readonly string[], ports: readonly number[]): string {
  const blocks = servers.map(
    (directives, at) => `server {\n listen 127.0.0.1:${ports[at]};\n${directives}\n}`,
  );
  return `daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
${blocks.join('\n')}
}
`;
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
