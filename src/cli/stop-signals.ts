/** Turns SIGTERM and SIGINT into two promises: asked to stop, and asked to stop at once. */

/** The part of `process` that is needed. */
export interface SignalSource {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
}

type Signal = 'SIGTERM' | 'SIGINT';

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
  #firstAtMs: number | undefined;

  constructor(source: SignalSource, nowMs: () => number) {
    this.#source = source;
    this.#nowMs = nowMs;
    source.on('SIGTERM', this.#onTerminate);
    source.on('SIGINT', this.#onInterrupt);
  }

  get isStopAsked(): boolean {
    return this.#firstAtMs !== undefined;
  }

  /** Resolves at the first SIGTERM or SIGINT. */
  get stop(): Promise<void> {
    return this.#stop.promise;
  }

  /** Resolves at a SIGINT after that. */
  get force(): Promise<void> {
    return this.#force.promise;
  }

  dispose(): void {
    this.#source.off('SIGTERM', this.#onTerminate);
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
