/**
 * The chain behind `to(…).except(…).emit(…)`: who receives, then what is done to them.
 *
 * Every call returns a narrowed copy, so a chain may be kept and used many times. Sessions of this
 * worker are served directly, those of other workers through the node link; `local` stops at the
 * first.
 */

import { AckTimeoutError, PartialAnswerError } from '../app/answer-errors.ts';
import type { Broadcast, RemoteSession, RoomName } from '../app/app.ts';
import type {
  NodeAnswers,
  NodeRequest,
  RequestAnswer,
  SessionCommand,
  Target,
} from '../contracts/node-link.ts';
import { EncodedEvent } from '../delivery/encoded-event.ts';
import { LIMITS } from '../limits/limits.ts';
import { checkKey, NOBODY, toList } from '../rooms/key.ts';
import type { BroadcastHome } from './home.ts';
import {
  describeSession,
  type SessionDescription,
  toRemoteSession,
  withoutData,
} from './remote-session.ts';
import { placesOf, roomsAfter } from './whereabouts.ts';

interface Chosen extends Target {
  readonly volatile: boolean;
  readonly local: boolean;
  readonly timeoutMs: number | undefined;
  readonly speaker: string | undefined;
}

const EVERYONE: Chosen = {
  rooms: [],
  users: [],
  except: [],
  volatile: false,
  local: false,
  timeoutMs: undefined,
  speaker: undefined,
};

export class BroadcastOperator implements Broadcast {
  protected readonly home: BroadcastHome;
  readonly #chosen: Chosen;

  constructor(home: BroadcastHome, chosen: Chosen = EVERYONE) {
    this.home = home;
    this.#chosen = chosen;
  }

  /** What a session says to all but itself, also when its handler no longer runs. */
  static of(home: BroadcastHome, id: string): BroadcastOperator {
    return new BroadcastOperator(home, { ...EVERYONE, except: [id], speaker: id });
  }

  to(room: RoomName | readonly RoomName[]): Broadcast {
    const rooms = toList(room);
    // An empty list chooses nobody; without any room everyone would be chosen.
    return this.#narrow({ rooms: [...this.#chosen.rooms, ...(rooms.length > 0 ? rooms : NOBODY)] });
  }

  in(room: RoomName | readonly RoomName[]): Broadcast {
    return this.to(room);
  }

  user(id: string): Broadcast {
    return this.#narrow({ users: [...this.#chosen.users, checkKey(id)] });
  }

  except(room: RoomName | readonly RoomName[]): Broadcast {
    return this.#narrow({ except: [...this.#chosen.except, ...toList(room)] });
  }

  get volatile(): Broadcast {
    return this.#narrow({ volatile: true });
  }

  get local(): Broadcast {
    return this.#narrow({ local: true });
  }

  timeout(milliseconds: number): Broadcast {
    return this.#narrow({ timeoutMs: milliseconds });
  }

  emit(event: string, ...args: readonly unknown[]): void {
    const { home } = this;
    const outgoing = EncodedEvent.create(home.name, event, args, this.#chosen);
    const { local, volatile } = this.#chosen;
    // First where it may be refused, so that all have it or none.
    if (!local) home.link.publish(home.name, this.#chosen, outgoing);
    home.counters.broadcasts++;
    // What rooms keep comes back with its position, behind what others have said before it.
    if (!local && !volatile && home.link.isLinked && home.keeps(this.#chosen)) return;
    home.deliver(this.#chosen, outgoing);
  }

  async emitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown[]> {
    const timeoutMs = this.#chosen.timeoutMs ?? this.home.ackTimeoutMs;
    const request: NodeRequest = { kind: 'emitWithAck', event, args, timeoutMs };
    // Other workers count their own timeout; the bus waits a little longer for their answers.
    const { items, missing, silent } = await this.#ask(request, timeoutMs + LIMITS.busGraceMs);
    const values = [...items];
    if (missing > 0 || silent.length > 0) throw new AckTimeoutError({ values, missing }, silent);
    return values;
  }

  async fetchSessions(): Promise<RemoteSession[]> {
    const { items, silent } = await this.#ask({ kind: 'sessions' });
    const all = new BroadcastOperator(this.home);
    const sessions = (items as readonly SessionDescription[]).map((found) =>
      toRemoteSession(found, all.to(found.id)),
    );
    return whole(sessions, silent);
  }

  async count(): Promise<number> {
    const { items, silent } = await this.#ask({ kind: 'count' });
    const count = (items as readonly number[]).reduce((sum, one) => sum + one, 0);
    return whole(count, silent);
  }

  join(room: RoomName | readonly RoomName[]): void {
    this.#command({ kind: 'join', rooms: toList(room) });
  }

  leave(room: RoomName | readonly RoomName[]): void {
    this.#command({ kind: 'leave', rooms: toList(room) });
  }

  disconnect(close = false): void {
    this.#command({ kind: 'disconnect', close });
  }

  /** This worker's answer and those of the others. */
  async #ask(request: NodeRequest, timeoutMs: number = LIMITS.busRequestMs): Promise<NodeAnswers> {
    const { home } = this;
    if (this.#chosen.local) {
      return { ...(await answerRequest(home, this.#chosen, request)), silent: [] };
    }
    const others = home.link.request(home.name, this.#chosen, request, timeoutMs);
    const mine = answerRequest(home, this.#chosen, request);
    const [own, { items, missing, silent }] = await Promise.all([mine, others]);
    return { items: [...own.items, ...items], missing: own.missing + missing, silent };
  }

  #command(command: SessionCommand): void {
    if (!this.#chosen.local) this.home.link.command(this.home.name, this.#chosen, command);
    runCommand(this.home, this.#chosen, command);
  }

  #narrow(change: Partial<Chosen>): Broadcast {
    return new BroadcastOperator(this.home, { ...this.#chosen, ...change });
  }
}

/** Does to this worker's sessions what a command says. */
export function runCommand(home: BroadcastHome, target: Target, command: SessionCommand): void {
  switch (command.kind) {
    case 'join':
      for (const session of home.choose(target)) home.tryJoin(session, command.rooms);
      return;
    case 'leave':
      for (const session of home.choose(target)) home.leave(session, command.rooms);
      return;
    case 'disconnect':
      for (const session of home.choose(target)) session.disconnect(command.close);
      return;
    case 'serverSideEmit':
      void home.runServerHandler(command.event, command.args);
      return;
  }
}

/** This worker's answer to a request from itself or another worker. */
export async function answerRequest(
  home: BroadcastHome,
  target: Target,
  request: NodeRequest,
): Promise<RequestAnswer> {
  switch (request.kind) {
    case 'sessions': {
      const items = home.choose(target).map(describeSession);
      return { items, missing: 0, isWhole: true, standIn: withoutData };
    }
    case 'count':
      return { items: [home.countChosen(target)], missing: 0, isWhole: true };
    case 'whereabouts':
      return { items: [placesOf(home, target, request.most)], missing: 0, isWhole: true };
    case 'rooms':
      return { items: roomsAfter(home, request.after, request.most), missing: 0, isWhole: true };
    case 'disconnect': {
      const sessions = home.choose(target);
      for (const session of sessions) session.disconnect(request.close);
      return { items: [sessions.length], missing: 0, isWhole: true };
    }
    case 'serverSideEmit': {
      const answers = await home.runServerHandler(request.event, request.args);
      return { items: answers, missing: 0, isWhole: answers.length > 0 };
    }
    case 'emitWithAck': {
      const outgoing = EncodedEvent.create(home.name, request.event, request.args);
      const sessions = home.choose(target);
      const { ackId, result } = home.acks.open(sessions, request.timeoutMs);
      home.delivery.toChosen(new Set(sessions), outgoing.asking(ackId));
      const { values, missing } = await result;
      return { items: values, missing, isWhole: true };
    }
  }
}

/** @throws PartialAnswerError with the answer, when workers are missing from it */
export function whole<Answer>(answer: Answer, silent: readonly number[]): Answer {
  if (silent.length > 0) throw new PartialAnswerError(answer, silent);
  return answer;
}
