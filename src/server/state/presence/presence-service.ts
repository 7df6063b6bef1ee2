/** The controller's end of presence: takes what workers report, and answers what they ask. */

import type { PresenceStore } from '../../core/contracts/presence.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import { STATE_SERVICE, type StateService } from '../../links/bus/state-service.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import {
  type PresenceAsk,
  PresenceSays,
  readAsk,
  readReports,
  writeAnswer,
} from './presence-frames.ts';

/** The way to a worker's end of a service, as the hub has it. */
export interface SaysToWorkers {
  say(worker: number, service: number, write: (frame: FrameWriter) => void): boolean;
}

export class PresenceService implements StateService {
  readonly number: number = STATE_SERVICE.presence;
  readonly #store: PresenceStore;
  readonly #bus: SaysToWorkers;
  readonly #log: Log;
  #frames = 0;

  constructor(store: PresenceStore, bus: SaysToWorkers, log: Log) {
    this.#store = store;
    this.#bus = bus;
    this.#log = log;
  }

  /** Gathered reports of workers that came in. */
  get frames(): number {
    return this.#frames;
  }

  onSaid(worker: number, frame: FrameReader): void {
    switch (frame.u8()) {
      case PresenceSays.report:
        this.#frames++;
        this.#store.report(worker, readReports(frame));
        return;
      case PresenceSays.ask:
        void this.#answer(worker, readAsk(frame));
    }
  }

  workerGone(worker: number): void {
    this.#store.forgetWorker(worker);
  }

  /** A worker that gets no answer knows by the time. */
  async #answer(worker: number, { id, namespace, room, most }: PresenceAsk): Promise<void> {
    try {
      const bounded = Math.min(most, LIMITS.presenceListedToApp);
      const presence = await this.#store.list(namespace, room, bounded);
      this.#bus.say(worker, this.number, (frame) => writeAnswer(frame, id, presence));
    } catch (error) {
      this.#log.error('who is in a room could not be told', { error: describeError(error) });
    }
  }
}
