/**
 * Questions of the controller to its workers, and their answers: where a user is, which rooms there
 * are. They go over the connection on which a worker tells of itself, so that messages which
 * pile up do not hold them up.
 *
 *     hub ─ number, namespace, rooms, users, request ─▶ worker
 *     hub ◀─ number, whole, items ─ worker
 */

import type { NodeAnswers, NodeRequest, Target } from '../../core/contracts/node-link.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import { roomKey, userKey } from '../../protocol/interest-key.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import type { BusClient, BusReceiver } from './bus-client.ts';
import { readData, readRequest, toData } from './bus-frame.ts';
import { BusFullError } from './bus-full-error.ts';
import type { Hub } from './hub.ts';
import { PendingRequests } from './pending-requests.ts';
import { STATE_SERVICE, type StateService } from './state-service.ts';

/** The number of no worker: it is not one of them that asks. */
const CONTROLLER = -1;

/** Whom a question is about: rooms, users, or all of a namespace. */
export type Asked = Pick<Target, 'rooms' | 'users'>;

/** The controller's end. */
export class WorkerQuestions implements StateService {
  readonly number: number = STATE_SERVICE.questions;
  readonly #hub: Hub;
  readonly #workerCount: number;
  readonly #pending: PendingRequests;
  /** Numbers of questions that each worker has not answered. */
  readonly #owed: Map<number, Set<number>> = new Map();
  #open = 0;

  constructor(hub: Hub, workerCount: number) {
    this.#hub = hub;
    this.#workerCount = workerCount;
    this.#pending = new PendingRequests(CONTROLLER, workerCount);
    hub.addService(this);
  }

  /**
   * Asks all workers that have whom the question is about. A worker that is not there has nobody.
   *
   * @throws BusFullError when too many questions are open
   */
  async ask(
    namespace: string,
    asked: Asked,
    request: NodeRequest,
    timeoutMs: number = LIMITS.busRequestMs,
  ): Promise<NodeAnswers> {
    if (this.#open >= LIMITS.openQuestions) throw new BusFullError();
    this.#open++;
    try {
      const { id, answers } = this.#pending.open(timeoutMs, undefined);
      const data = toData(request);
      const workers = this.#workersFor(namespace, asked).filter((worker) =>
        this.#hub.say(worker, this.number, (frame) => {
          frame.u32(id).text(namespace).texts(asked.rooms).texts(asked.users).raw(data);
        }),
      );
      for (const worker of workers) this.#owedBy(worker).add(id);
      this.#pending.asked(id, workers);
      const all = await answers;
      for (const worker of workers) this.#owedBy(worker).delete(id);
      return all;
    } finally {
      this.#open--;
    }
  }

  onSaid(worker: number, frame: FrameReader): void {
    const id = frame.u32();
    const isWhole = frame.u8() === 1;
    const items = readData(frame);
    const isRight = isWhole && Array.isArray(items);
    const piece = { items: isRight ? (items as unknown[]) : [], missing: 0, isLast: true };
    this.#pending.take(id, worker, { ...piece, isWhole: isRight });
  }

  workerGone(worker: number): void {
    for (const id of this.#owedBy(worker)) this.#pending.lost(id, worker);
    this.#owed.delete(worker);
  }

  #owedBy(worker: number): Set<number> {
    let owed = this.#owed.get(worker);
    if (owed === undefined) this.#owed.set(worker, (owed = new Set()));
    return owed;
  }

  #workersFor(namespace: string, { rooms, users }: Asked): number[] {
    const { interest } = this.#hub;
    if (rooms.length + users.length === 0) {
      return Array.from({ length: this.#workerCount }, (_, worker) => worker);
    }
    const workers = new Set<number>();
    for (const room of rooms) {
      interest.collect(roomKey(namespace, room), workers);
      // A session's own room is not registered: its id names the worker.
      const owner = decodeSessionId(room)?.worker;
      if (owner !== undefined && owner < this.#workerCount) workers.add(owner);
    }
    for (const user of users) interest.collect(userKey(namespace, user), workers);
    return [...workers];
  }
}

/** What a worker answers by. */
export interface Answering extends Pick<BusReceiver, 'receiveRequest'> {
  readonly namespaces: ReadonlyMap<string, unknown>;
}

/** A worker's end. @param core there is none while the app is being loaded */
export function answerQuestions(bus: BusClient, core: () => Answering | undefined, log: Log): void {
  const service = STATE_SERVICE.questions;
  const answer = (id: number, items: readonly unknown[], isWhole: boolean): void => {
    const data = toData(items);
    bus.say(service, (frame) =>
      frame
        .u32(id)
        .u8(isWhole ? 1 : 0)
        .raw(data),
    );
  };
  bus.onService(service, (frame) => {
    const id = frame.u32();
    const namespace = frame.text();
    const target = { rooms: frame.texts(), users: frame.texts(), except: [] };
    const request = readRequest(frame);
    const asked = core();
    // In a namespace that the app does not have there is nobody, and that is the whole.
    if (asked?.namespaces.has(namespace) !== true) {
      answer(id, request.kind === 'count' || request.kind === 'disconnect' ? [0] : [], true);
      return;
    }
    asked
      .receiveRequest(namespace, target, request)
      .then(({ items, isWhole }) => answer(id, items, isWhole))
      .catch((error: unknown) => {
        log.error(`the controller's '${request.kind}' failed`, { error: describeError(error) });
        answer(id, [], false);
      });
  });
}
