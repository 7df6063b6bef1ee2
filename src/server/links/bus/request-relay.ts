/**
 * Requests of a worker to the others, and their answers, as they pass through the hub. Whoever asks
 * is told of each worker that cannot answer.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import { AnswerFlag, BusFrame, type Route, readRoute } from './bus-frame.ts';
import type { Sender } from './outlet.ts';
import type { WorkerLink } from './worker-link.ts';

export interface RequestRelayOptions {
  linkOf(worker: number): WorkerLink | undefined;
  /** The workers that a route leads to, but the one that asks. */
  destinations(route: Route, from: WorkerLink): readonly WorkerLink[];
  /** Queues a frame. @returns false when there was no room for it */
  put(link: WorkerLink, sender: Sender, type: number, body: Uint8Array): boolean;
}

export class RequestRelay {
  readonly #options: RequestRelayOptions;

  constructor(options: RequestRelayOptions) {
    this.#options = options;
  }

  ask(from: WorkerLink, frame: FrameReader): void {
    const id = frame.u32();
    const body = numbered(from.worker, id, frame.rest());
    const destinations = this.#options.destinations(readRoute(frame), from);
    const asked = from.messages?.frame(BusFrame.asked).u32(id).u32(destinations.length);
    for (const { worker } of destinations) asked?.u32(worker);
    asked?.finish();
    from.messages?.send();
    for (const link of destinations) {
      // Eight bytes longer than it came, it may be too long.
      const isTooLong = body.byteLength >= LIMITS.ipcFrameBytes;
      const isSent = !isTooLong && link.outlet?.isStuck === false;
      if (isSent && this.#options.put(link, from, BusFrame.request, body)) {
        link.owed.set(`${from.worker}:${id}`, [from.worker, id]);
      } else sayUnanswered(from, id, link.worker);
    }
  }

  passAnswer(from: WorkerLink, frame: FrameReader): void {
    const worker = frame.u32();
    const id = frame.u32();
    const answer = frame.rest();
    const isLast = ((answer[0] ?? 0) & AnswerFlag.last) !== 0;
    if (isLast) from.owed.delete(`${worker}:${id}`);
    const asking = this.#options.linkOf(worker);
    if (asking === undefined) return;
    const body = numbered(id, from.worker, answer);
    // Without this piece what comes after it is not the whole, so that counts for nothing.
    if (!this.#options.put(asking, from, BusFrame.answer, body)) {
      sayUnanswered(asking, id, from.worker);
    }
  }

  /** A worker answers no more. */
  workerGone(link: WorkerLink): void {
    for (const [worker, id] of link.owed.values()) {
      const asking = this.#options.linkOf(worker);
      if (asking !== undefined) sayUnanswered(asking, id, link.worker);
    }
  }
}

function sayUnanswered(asking: WorkerLink, id: number, worker: number): void {
  asking.messages?.frame(BusFrame.unanswered).u32(id).u32(worker).finish();
  asking.messages?.send();
}

/** A body with two numbers before it, in a buffer of its own. */
function numbered(first: number, second: number, rest: Uint8Array): Uint8Array {
  const body = Buffer.allocUnsafe(8 + rest.byteLength);
  body.writeUInt32BE(first, 0);
  body.writeUInt32BE(second, 4);
  body.set(rest, 8);
  return body;
}
