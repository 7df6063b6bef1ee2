/**
 * A worker's end of the bus: the core's way to the other workers of the node.
 *
 * When the controller is gone the worker goes on serving its clients; messages then reach the
 * sessions of this worker only.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import type {
  NodeAnswers,
  NodeLink,
  NodeRequest,
  RequestAnswer,
  SessionCommand,
  Target,
} from '../../core/contracts/node-link.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import type { Counters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { readAudienceKey, roomKey } from '../../protocol/interest-key.ts';
import { formatPosition } from '../../protocol/position.ts';
import { connectFramed, FramedConnection } from '../ipc/framed-connection.ts';
import { BusAnswers } from './bus-answers.ts';
import {
  AnswerFlag,
  BusFrame,
  Channel,
  joinedRooms,
  type Route,
  readCommand,
  readData,
  readEvent,
  readRequest,
  readRoute,
  routeTo,
  toData,
  type WorkerReady,
  writeEvent,
  writeReady,
  writeRoute,
} from './bus-frame.ts';
import { BusFullError } from './bus-full-error.ts';
import { HistoryClient } from './history-client.ts';
import { InterestNews } from './interest-news.ts';
import { OutShares } from './out-shares.ts';
import { PendingRequests } from './pending-requests.ts';
import { answerProfile } from './profile-answer.ts';
import type { WorkerSample } from './sample.ts';
import type { WorkerProfile } from './worker-profile.ts';

/** What comes in over the bus; the core takes it. */
export interface BusReceiver {
  receiveEvent(namespace: string, target: Target, event: OutgoingEvent): void;
  /** One that its rooms keep: `event.mark` is its position. */
  receiveKept(namespace: string, target: Target, event: OutgoingEvent): void;
  receiveCommand(namespace: string, target: Target, command: SessionCommand): void;
  receiveRequest(namespace: string, target: Target, request: NodeRequest): Promise<RequestAnswer>;
  /** Whether a session of this worker is in a room. */
  hasRoom(namespace: string, room: string): boolean;
  /** All that rooms keep up to this position has been said to those who hear of it. */
  noteLatest(position: string): void;
}

export interface BusClientOptions {
  readonly path: string;
  readonly worker: number;
  /** Workers of the node, this one counted. */
  readonly workerCount: number;
  /** Names the history of the node. */
  readonly historyEpoch: string;
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly log: Log;
  /** Profiles this worker; rejects with a clause that says why it cannot. */
  profile(seconds: number): Promise<WorkerProfile>;
  /** The controller has closed the connection or is gone. */
  onLost(fault: Error | undefined): void;
}

export class BusClient implements NodeLink {
  readonly #options: BusClientOptions;
  /** What this worker tells of itself; what workers say to each other cannot hold it up. */
  readonly #control: FramedConnection;
  /** What workers say to each other; the hub may let it wait. */
  readonly #messages: FramedConnection;
  #isLost = false;
  readonly #interest: InterestNews;
  readonly #requests: PendingRequests;
  readonly #shares: OutShares;
  readonly #answers: BusAnswers;
  /** Ids, and no sessions: a handler that never ends must not keep its session. */
  readonly #speakers: AsyncLocalStorage<string> = new AsyncLocalStorage();
  readonly #history: HistoryClient;
  readonly #services: Map<number, (frame: FrameReader) => void> = new Map();
  #receiver: BusReceiver | undefined;

  constructor(options: BusClientOptions) {
    this.#options = options;
    this.#requests = new PendingRequests(options.worker, options.workerCount);
    this.#control = this.#newConnection();
    this.#messages = this.#newConnection();
    this.#interest = new InterestNews(this.#control);
    this.#shares = new OutShares(this.#messages);
    this.#answers = new BusAnswers(this.#messages, options.log);
    this.#history = new HistoryClient({
      epoch: options.historyEpoch,
      begin: () => this.#beginControl(BusFrame.missed),
      send: () => this.#control.send(),
      onLatest: (position) => this.#receiver?.noteLatest(position),
      onAnswered: (keys) => this.#forgetUnheard(keys),
    });
  }

  /** Whether the controller is there. */
  get isConnected(): boolean {
    return this.#control.open;
  }

  get queuedBytes(): number {
    return this.#messages.queuedBytes;
  }

  /** Connects to the hub; rejects when it is not there. */
  async connect(): Promise<void> {
    await this.#open(this.#control, Channel.control);
    await this.#open(this.#messages, Channel.messages);
  }

  #newConnection(): FramedConnection {
    const { log } = this.#options;
    return new FramedConnection(
      {
        onFrame: (_link, frame) => this.#onFrame(frame),
        onFault: (_link, fault) =>
          log.error('a message of the bus was refused', { error: describeError(fault) }),
        onClose: (_link, fault) => this.#lost(fault),
      },
      LIMITS.ipcFrameBytes,
    );
  }

  async #open(connection: FramedConnection, channel: number): Promise<void> {
    await connectFramed(this.#options.path, connection);
    const hello = connection.frame(BusFrame.hello).u32(this.#options.worker).u32(process.pid);
    hello.u8(channel).finish();
    connection.send();
  }

  /** One connection without the other is of no use. */
  #lost(fault: Error | undefined): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.close();
    this.#requests.lostAll();
    this.#history.lost();
    this.#options.onLost(fault);
  }

  /** From now on messages are taken. */
  join(receiver: BusReceiver): void {
    this.#receiver = receiver;
    this.#messages.frame(BusFrame.joined).finish();
    this.#messages.send();
  }

  /** Says that the worker takes sessions, on which ports and in which namespaces. */
  sayReady(ready: WorkerReady): void {
    writeReady(this.#control.frame(BusFrame.ready), ready);
    this.#control.send();
  }

  sayFailed(reason: string): void {
    this.#control.frame(BusFrame.failed).text(reason).finish();
    this.#control.send();
  }

  sendSample(sample: WorkerSample): void {
    this.#control.frame(BusFrame.sample).text(JSON.stringify(sample)).finish();
    this.#control.send();
  }

  /** The way to what rooms keep. */
  get history(): HistoryClient {
    return this.#history;
  }

  get isLinked(): boolean {
    return this.#messages.open;
  }

  /** From now on `onSaid` takes what the controller's end of a service says. */
  onService(service: number, onSaid: (frame: FrameReader) => void): void {
    this.#services.set(service, onSaid);
  }

  /** Says something to the controller's end of a service, behind the interest of this worker. */
  say(service: number, write: (frame: FrameWriter) => void): void {
    const frame = this.#beginControl(BusFrame.state);
    if (frame === undefined) return;
    write(frame.u8(service));
    frame.finish();
    this.#control.send();
  }

  #beginControl(type: number): FrameWriter | undefined {
    if (!this.#control.open) return undefined;
    this.announceInterest();
    return this.#control.frame(type);
  }

  /** The hub counts on an interest in what was asked for: that nobody has is taken back. */
  #forgetUnheard(keys: Iterable<string>): void {
    for (const key of keys) {
      const [namespace, room] = readAudienceKey(key) ?? [];
      if (namespace === undefined || room === undefined) continue;
      if (this.#receiver?.hasRoom(namespace, room) !== true) this.setInterest(key, false);
    }
  }

  close(): void {
    this.#control.close();
    this.#messages.close();
  }

  // NodeLink: what the core sends.

  setInterest(key: string, interested: boolean): void {
    // Who is answered next counts on it; if nobody stays, it is taken back then.
    if (!interested && this.#history.isAsking(key)) return;
    this.#interest.set(key, interested);
  }

  announceInterest(): void {
    this.#interest.announce();
  }

  publish(namespace: string, target: Target, event: OutgoingEvent): void {
    const writer = this.#begin(BusFrame.event, target, event.volatile);
    if (writer === undefined) return;
    writeRoute(writer, { ...routeTo(target), namespace });
    writeEvent(writer, event);
    this.#finish(writer, target);
  }

  command(namespace: string, target: Target, command: SessionCommand): void {
    const isForWorkers = command.kind === 'serverSideEmit';
    // Before the frame is begun, since what cannot be cloned throws here.
    const data = toData(command);
    const writer = this.#begin(BusFrame.command, target);
    if (writer === undefined) return;
    writeRoute(writer, { ...routeTo(target, isForWorkers), namespace });
    writer.texts(joinedRooms(command)).raw(data);
    this.#finish(writer, target);
  }

  async request(
    namespace: string,
    target: Target,
    request: NodeRequest,
    timeoutMs: number,
  ): Promise<NodeAnswers> {
    const isForWorkers = request.kind === 'serverSideEmit';
    if (!this.#messages.open) return this.#requests.nobody;
    const speaker = this.#speakerOf(target);
    if (!this.#requests.admits(speaker)) {
      this.#options.refusals.count('requestsOpen');
      throw new BusFullError();
    }
    const data = toData(request);
    const writer = this.#begin(BusFrame.request, target);
    if (writer === undefined) return this.#requests.nobody;
    const { id, answers } = this.#requests.open(timeoutMs, speaker);
    writer.u32(id);
    writeRoute(writer, { ...routeTo(target, isForWorkers), namespace });
    writer.raw(data);
    this.#finish(writer, target);
    return await answers;
  }

  runAs<Args extends readonly unknown[], Result>(
    speaker: string,
    call: (...args: Args) => Result,
    ...args: Args
  ): Result {
    return this.#speakers.run(speaker, call, ...args);
  }

  get isCrowded(): boolean {
    return !this.#shares.isLittle;
  }

  isFlooding(speaker: string): boolean {
    return this.#shares.isFlooding(speaker);
  }

  /** @throws BusFullError when there is no room for it and the message matters */
  #begin(type: number, target: Target, isVolatile = false): FrameWriter | undefined {
    if (!this.#messages.open) return undefined;
    if (!this.#shares.isLittle && !this.#shares.admits(this.#speakerOf(target))) {
      this.#options.counters.busDropped++;
      this.#options.refusals.count('busFull');
      if (isVolatile) return undefined;
      throw new BusFullError();
    }
    this.announceInterest();
    return this.#messages.frame(type);
  }

  #speakerOf({ speaker }: Target): string | undefined {
    return speaker ?? this.#speakers.getStore();
  }

  #finish(writer: FrameWriter, target: Target): void {
    const before = this.#messages.queuedBytes;
    writer.finish();
    this.#messages.send();
    const bytes = this.#messages.queuedBytes - before;
    if (!this.#shares.isLittle) this.#shares.note(this.#speakerOf(target), bytes);
  }

  // What comes in.

  #onFrame(frame: FrameReader): void {
    this.#options.counters.busFramesReceived++;
    switch (frame.type) {
      case BusFrame.event: {
        const route = readRoute(frame);
        this.#receiver?.receiveEvent(route.namespace, route, readEvent(frame, route.namespace));
        return;
      }
      case BusFrame.command: {
        this.#takeCommand(readRoute(frame), frame.texts(), readCommand(frame));
        return;
      }
      case BusFrame.request: {
        const asking = frame.u32();
        const id = frame.u32();
        const route = readRoute(frame);
        const request = readRequest(frame);
        void this.#answers.answer({ asking, id, request }, () =>
          this.#receiver?.receiveRequest(route.namespace, route, request),
        );
        return;
      }
      case BusFrame.asked:
        this.#requests.asked(frame.u32(), readNumbers(frame));
        return;
      case BusFrame.unanswered:
        this.#requests.lost(frame.u32(), frame.u32());
        return;
      case BusFrame.answer:
        this.#takeAnswer(frame);
        return;
      case BusFrame.kept: {
        const position = formatPosition({ epoch: this.#history.epoch, offset: frame.u53() });
        const route = readRoute(frame);
        const event = readEvent(frame, route.namespace, position);
        this.#receiver?.receiveKept(route.namespace, route, event);
        return;
      }
      case BusFrame.missed:
        this.#history.onMissed(frame);
        return;
      case BusFrame.state:
        this.#services.get(frame.u8())?.(frame);
        return;
      case BusFrame.profile:
        void answerProfile(this.#control, frame.u32(), frame.u32(), this.#options);
        return;
    }
  }

  /** The hub counts on an interest in rooms joined; where nobody joined, it is taken back. */
  #takeCommand({ namespace, ...target }: Route, joined: string[], command: SessionCommand): void {
    this.#receiver?.receiveCommand(namespace, target, command);
    for (const room of joined) {
      const hasRoom = this.#receiver?.hasRoom(namespace, room) === true;
      this.setInterest(roomKey(namespace, room), hasRoom);
    }
  }

  #takeAnswer(frame: FrameReader): void {
    const id = frame.u32();
    const worker = frame.u32();
    const flags = frame.u8();
    this.#requests.take(id, worker, {
      missing: frame.u32(),
      items: readData(frame) as readonly unknown[],
      isLast: (flags & AnswerFlag.last) !== 0,
      isWhole: (flags & AnswerFlag.whole) !== 0,
    });
  }
}

function readNumbers(frame: FrameReader): number[] {
  return Array.from({ length: frame.u32() }, () => frame.u32());
}
