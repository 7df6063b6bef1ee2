/**
 * The controller's end of seats: decides what workers ask, and has sessions end, also those of
 * other nodes, whose controllers it tells.
 */

import type { Cluster } from '../../core/contracts/cluster.ts';
import type { SeatLost, UserSeats } from '../../core/contracts/user-seats.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import type { Hub } from '../../links/bus/hub.ts';
import { STATE_SERVICE, type StateService } from '../../links/bus/state-service.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import {
  readLost,
  readReleases,
  readTakes,
  type SeatAsk,
  SeatsSay,
  writeAnswer,
  writeEnd,
  writeLost,
} from './seat-frames.ts';

/** The way to the other nodes. */
export type SeatCluster = Pick<Cluster, 'tell' | 'onTold'>;

export class SeatService implements StateService {
  readonly number: number = STATE_SERVICE.seats;
  readonly #seats: UserSeats;
  readonly #hub: Pick<Hub, 'say'>;
  readonly #log: Log;

  readonly #cluster: SeatCluster | undefined;

  /** @param cluster where the seats are counted over all nodes */
  constructor(seats: UserSeats, hub: Pick<Hub, 'say'>, log: Log, cluster?: SeatCluster) {
    this.#seats = seats;
    this.#hub = hub;
    this.#log = log;
    this.#cluster = cluster;
    cluster?.onTold(this.number, (_node, frame) => this.#end(readLost(frame)));
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
      for (const one of lost) this.#end(one);
    } catch (error) {
      this.#log.error('a seat could not be given', { error: describeError(error) });
    }
  }
  #end(lost: SeatLost): void {
    const { node, worker, namespace, id } = lost;
    if (node === undefined) {
      this.#hub.say(worker, this.number, (frame) => writeEnd(frame, namespace, id));
    } else this.#cluster?.tell(this.number, (frame) => writeLost(frame, lost), node);
  }
}
