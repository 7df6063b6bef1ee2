/**
 * The profiles that the hub has asked workers for: at most one of each worker at a time, and four
 * in all, since each may be `PROFILE_BYTES_MAX` that the controller holds until it is passed on.
 *
 * A profile that takes much too long is given up; what comes for it later is ignored.
 */

import type { FrameReader } from '../../protocol/frame.ts';
import { ProfileError } from './worker-profile.ts';

interface PendingProfile {
  readonly id: number;
  readonly timer: Timer;
  readonly resolve: (json: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (error: ProfileError) => void;
}

const PENDING_MAX = 4;

export class PendingProfiles {
  readonly #pending: Map<number, PendingProfile> = new Map();
  #lastId = 0;

  /**
   * @param ask sends the request, with the number that the answer has to carry
   * @returns the JSON of a `WorkerProfile`
   * @throws ProfileError when there is none
   */
  async ask(
    worker: number,
    timeoutMs: number,
    ask: (id: number) => void,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#pending.has(worker)) {
      const message = `Worker ${worker} is being profiled already; ask again when that is done.`;
      throw new ProfileError('busy', message);
    }
    if (this.#pending.size >= PENDING_MAX) {
      const message = `${PENDING_MAX} workers are being profiled already; ask again after one.`;
      throw new ProfileError('busy', message);
    }
    this.#lastId = (this.#lastId + 1) % 2 ** 32;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    const timer = setTimeout(
      () => this.#fail(worker, `Worker ${worker} was too busy to answer in time; ask again.`),
      timeoutMs,
    );
    this.#pending.set(worker, { id, timer, resolve, reject });
    ask(id);
    return await promise;
  }

  /** Takes the answer of a worker: number, whether it worked, JSON or the reason why not. */
  answered(worker: number, frame: FrameReader): void {
    if (frame.u32() !== this.#pending.get(worker)?.id) return;
    const isDone = frame.u8() === 1;
    if (!isDone) this.#fail(worker, `Worker ${worker} cannot be profiled: ${frame.text()}.`);
    // A copy, since the frame lies in a buffer that may hold others.
    else this.#take(worker)?.resolve(new Uint8Array(frame.rest()));
  }

  /** A worker is gone. */
  lost(worker: number): void {
    this.#fail(worker, `Worker ${worker} ended before its profile was done; ask again.`);
  }

  #fail(worker: number, message: string): void {
    this.#take(worker)?.reject(new ProfileError('failed', message));
  }

  #take(worker: number): PendingProfile | undefined {
    const pending = this.#pending.get(worker);
    clearTimeout(pending?.timer);
    this.#pending.delete(worker);
    return pending;
  }
}
