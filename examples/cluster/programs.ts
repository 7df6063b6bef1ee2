/**
 * The programs of the example: found on this machine, started, and ended all together.
 *
 * They stand apart from the terminal, so that Ctrl-C reaches the example alone and it ends them in
 * order: what was started last goes first, and nodes can still say to others that they stop.
 */

import { createConnection } from 'node:net';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
/** Debian keeps servers in folders that are not on the `PATH` of a plain user. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin`;

type Child = Bun.Subprocess<'ignore', 'pipe' | 'ignore', 'inherit'>;

/**
 * Where a program is, by the first of its names that is installed.
 *
 * @throws Error that says what to install
 */
export function installed(...names: readonly string[]): string {
  for (const name of names) {
    const path = Bun.which(name, { PATH });
    if (path !== null) return path;
  }
  throw new Error(`Install ${names.join(' or ')} first, such as by: apt-get install ${names[0]}`);
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function free(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

export class Programs {
  readonly #children: Child[] = [];
  readonly #end = Promise.withResolvers<void>();
  #isStopping = false;

  constructor() {
    // What fails is told to whoever waits, now or later.
    this.#end.promise.catch(() => {});
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => this.#end.resolve());
    }
  }

  /** Resolves when the example is told to end; rejects when one of its programs ended before. */
  get over(): Promise<void> {
    return this.#end.promise;
  }

  start(command: readonly string[]): void {
    this.#add(command, 'ignore');
  }

  /** Starts one, and waits for the first line that it says. */
  async says(command: readonly string[]): Promise<string> {
    const child = this.#add(command, 'pipe');
    const decoder = new TextDecoder();
    let text = '';
    const read = async (): Promise<string> => {
      for await (const chunk of child.stdout as ReadableStream<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
        const end = text.indexOf('\n');
        if (end >= 0) return text.slice(0, end);
      }
      throw new Error(`${command.join(' ')} ended before it was ready; see its message above.`);
    };
    return await this.#within(read());
  }

  /** Runs one to its end. */
  async run(command: readonly string[]): Promise<void> {
    const child = Bun.spawn([...command], { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' });
    if ((await child.exited) !== 0) throw new Error(`${command.join(' ')} failed; see above.`);
  }

  /** Waits until something listens on a port of 127.0.0.1. */
  async listens(port: number): Promise<void> {
    await this.#until(
      () =>
        new Promise((resolve) => {
          const socket = createConnection(port, '127.0.0.1');
          socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
          socket.once('connect', () => socket.destroy());
        }),
    );
  }

  /** Waits until a URL answers with success. */
  async answers(url: string): Promise<void> {
    await this.#until(async () => {
      const answer = await fetch(url).catch(() => undefined);
      return answer?.ok ?? false;
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const child of this.#children.toReversed()) {
      child.kill('SIGTERM');
      const ended = await Promise.race([
        child.exited.then(() => true),
        Bun.sleep(STOP_TIMEOUT_MS).then(() => false),
      ]);
      if (!ended) child.kill('SIGKILL');
      await child.exited;
    }
  }

  #add(command: readonly string[], stdout: 'pipe' | 'ignore'): Child {
    const options = { stdin: 'ignore', stdout, stderr: 'inherit', detached: true } as const;
    const child = Bun.spawn([...command], options);
    this.#children.push(child);
    void child.exited.then((code) => {
      if (this.#isStopping) return;
      this.#end.reject(new Error(`${command[0]} ended with ${code}; see its message above.`));
    });
    return child;
  }

  async #until(condition: () => Promise<boolean>): Promise<void> {
    const look = async (): Promise<void> => {
      while (!(await condition())) await Bun.sleep(50);
    };
    await this.#within(look());
  }

  /** @throws Error when a program ends, it takes too long, or the example is told to end */
  async #within<T>(work: Promise<T>): Promise<T> {
    const told = this.#end.promise.then(() => Promise.reject(new Error('Ended.')));
    const late = Bun.sleep(START_TIMEOUT_MS).then(() =>
      Promise.reject(new Error('The programs did not start in a minute.')),
    );
    return await Promise.race([work, told, late]);
  }
}
