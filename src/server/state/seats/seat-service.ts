/** The controller's end of seats: decides what workers ask, and has sessions end. */

import type { UserSeats } from '../../core/contracts/user-seats.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import type { Hub } from '../../links/bus/hub.ts';
import { STATE_SERVICE, type StateService } from '../../links/bus/state-service.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import {
  readReleases,
  readTakes,
  type SeatAsk,
  SeatsSay,
  writeAnswer,
  writeEnd,
} from './seat-frames.ts';

export class SeatService implements StateService {
  readonly number: number = STATE_SERVICE.seats;
  readonly #seats: UserSeats;
  readonly #hub: Pick<Hub, 'say'>;
  readonly #log: Log;

  constructor(seats: UserSeats, hub: Pick<Hub, 'say'>, log: Log) {
    this.#seats = seats;
    this.#hub = hub;
    this.#log = log;
  }

  onSaid(worker: number, frame: FrameReader): void {
    switch (frame.u8()) {
      case SeatsSay.take:
        for (const ask of readTakes(frame)) void this.#decide(worker, ask);
        return;
      case SeatsSay.release:
        for (const session of readReleases(frame)) this.#seats.release(worker, session);
    }
  }

  workerGone(worker: number): void {
    this.#seats.forgetWorker(worker);
  }

  /** A worker that gets no answer decides by itself. */
  async #decide(worker: number, { id, session }: SeatAsk): Promise<void> {
    try {
      const { isGranted, lost } = await this.#seats.take(worker, session);
      const isTold = this.#hub.say(worker, this.number, (frame) =>
        writeAnswer(frame, id, isGranted),
      );
      if (!isTold && isGranted) this.#seats.release(worker, session);
      for (const one of lost) {
        this.#hub.say(one.worker, this.number, (frame) => writeEnd(frame, one.namespace, one.id));
      }
    } catch (error) {
      this.#log.error('a seat could not be given', { error: describeError(error) });
    }
  }
}
