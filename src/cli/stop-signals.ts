/**
 * Turns what asks a command to stop into two promises: asked to stop, and asked to stop at once.
 *
 * A closed terminal (SIGHUP), Ctrl-\\ (SIGQUIT) and a launcher that is gone ask as SIGTERM does.
 * SIGUSR1 and SIGUSR2, which end a process that does not listen, ask for nothing.
 */

import { whenLauncherIsGone } from './launcher.ts';

/** The part of `process` that is needed. */
export interface SignalSource {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
}

const ORDERLY = ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const IDLE = ['SIGUSR1', 'SIGUSR2'] as const;

type Signal = (typeof ORDERLY)[number] | (typeof IDLE)[number] | 'SIGINT';

/**
 * One Ctrl-C can arrive twice: from the terminal, which signals the whole process group, and from
 * the launcher, which passes it on. A person who means it again takes longer than this.
 */
const ECHO_MS = 300;

export class StopSignals {
  readonly #source: SignalSource;
  readonly #nowMs: () => number;
  readonly #stop = Promise.withResolvers<void>();
  readonly #force = Promise.withResolvers<void>();
  readonly #unwatch: () => void;
  #firstAtMs: number | undefined;

  /** @param watch calls back when the launcher is gone, and returns what ends the watch */
  constructor(
    source: SignalSource,
    nowMs: () => number,
    watch: (onGone: () => void) => () => void = () => () => {},
  ) {
    this.#source = source;
    this.#nowMs = nowMs;
    this.#unwatch = watch(this.#onTerminate);
    for (const signal of ORDERLY) source.on(signal, this.#onTerminate);
    for (const signal of IDLE) source.on(signal, ignore);
    source.on('SIGINT', this.#onInterrupt);
  }

  /** Those of this process. */
  static ofProcess(): StopSignals {
    return new StopSignals(process, () => performance.now(), whenLauncherIsGone);
  }

  get isStopAsked(): boolean {
    return this.#firstAtMs !== undefined;
  }

  /** Resolves at the first that asks. */
  get stop(): Promise<void> {
    return this.#stop.promise;
  }

  /** Resolves at a SIGINT after that. */
  get force(): Promise<void> {
    return this.#force.promise;
  }

  dispose(): void {
    this.#unwatch();
    for (const signal of ORDERLY) this.#source.off(signal, this.#onTerminate);
    for (const signal of IDLE) this.#source.off(signal, ignore);
    this.#source.off('SIGINT', this.#onInterrupt);
  }

  readonly #onTerminate = (): void => {
    this.#firstAtMs ??= this.#nowMs();
    this.#stop.resolve();
  };

  readonly #onInterrupt = (): void => {
    const isEcho = this.#nowMs() - (this.#firstAtMs ?? this.#nowMs()) < ECHO_MS;
    if (isEcho) this.#onTerminate();
    else this.#force.resolve();
  };
}

function ignore(): void {}
