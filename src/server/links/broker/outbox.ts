/**
 * What this node says to others, on its way to Redis.
 *
 *     frames of a turn ─▶ one payload a channel ─▶ published in order ─▶ gone once Redis has it
 *
 * What a node is told alone and what all are told come to it in the order in which they were said:
 * a payload of the one kind leaves before one of the other is begun.
 *
 * What Redis has not confirmed stays: after a break it is published once more, and whoever has it
 * already knows it by its number. So much of it waits and no more.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import { FrameWriter } from '../../protocol/frame.ts';
import { NODE_FRAME_VERSION, NodeFrame } from './node-frame.ts';

/** To all nodes, or to the one of a number. */
export type Receiver = 'all' | number;

export interface OutboxOptions {
  readonly node: number;
  readonly boot: number;
  /** What may wait while Redis takes nothing. */
  readonly queueBytes: number;
  channelOf(receiver: Receiver): string;
  /** Resolves once Redis has it. */
  publish(channel: string, payload: Uint8Array): Promise<unknown>;
}

interface Channel {
  readonly name: string;
  readonly writer: FrameWriter;
  number: number;
  /** Events and commands so far, and of them those in payloads before the one at hand. */
  messages: number;
  messagesBefore: number;
  isOpen: boolean;
}

interface Payload {
  readonly channel: string;
  readonly bytes: Uint8Array;
  /** It is on its way, and not confirmed. */
  isSent: boolean;
}

export interface OutboxFigures {
  /** Payloads that Redis has, and their bytes. */
  payloads: number;
  bytes: number;
  /** Events and commands said, to all nodes or to one. */
  messages: number;
  /** Events and commands refused, since too much waited. */
  refused: number;
}

export class Outbox {
  readonly figures: OutboxFigures = { payloads: 0, bytes: 0, messages: 0, refused: 0 };
  readonly #options: OutboxOptions;
  readonly #channels: Map<Receiver, Channel> = new Map();
  /** Those with something in them, in the order in which they were begun. */
  #open: Channel[] = [];
  /** Not confirmed, the oldest first. */
  readonly #waiting: Set<Payload> = new Set();
  #waitingBytes = 0;
  /** Of those on their way. */
  #sentBytes = 0;
  #isConnected = true;
  #retry: Timer | undefined;
  #flushing: ReturnType<typeof setImmediate> | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** What is not confirmed yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether there is room for one more of so many bytes; for some while Redis takes them. */
  hasRoom(bytes: number): boolean {
    if (bytes === 0) return true;
    const { queueBytes } = this.#options;
    const most = this.#isConnected ? Math.max(queueBytes, LIMITS.nodeFlightBytes) : queueBytes;
    return this.#waitingBytes + bytes <= most;
  }

  /**
   * Begins a frame for some node or all; whoever begins one finishes it at once.
   *
   * @param isMessage an event or command: those who miss it shall know
   */
  frame(receiver: Receiver, type: number, isMessage = false): FrameWriter {
    const channel = this.#channelFor(receiver);
    const isFull = channel.isOpen && channel.writer.length > LIMITS.nodePayloadBytes;
    if (isFull || this.#isOvertaking(receiver)) this.flush();
    if (!channel.isOpen) this.#begin(channel);
    if (isMessage) {
      channel.messages++;
      this.figures.messages++;
    }
    return channel.writer.begin(type);
  }

  /** An event or command that is not sent to a node, since it is not there: it shall know later. */
  miss(node: number): void {
    const channel = this.#channelFor(node);
    if (channel.isOpen) this.flush();
    channel.number++;
    channel.messages++;
    channel.messagesBefore = channel.messages;
  }

  /** Has all that was said leave. */
  flush(): void {
    if (this.#flushing !== undefined) clearImmediate(this.#flushing);
    this.#flushing = undefined;
    const open = this.#open;
    this.#open = [];
    for (const channel of open) {
      channel.isOpen = false;
      const bytes = channel.writer.take();
      channel.messagesBefore = channel.messages;
      this.#waiting.add({ channel: channel.name, bytes, isSent: false });
      this.#waitingBytes += bytes.byteLength;
    }
    this.#pump();
  }

  /** Redis is there again, and all that it may not have is published once more. */
  connected(): void {
    this.#isConnected = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#sendAnew();
  }

  lost(): void {
    this.#isConnected = false;
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  /** A node is gone: what waits for it alone is for nobody. If it comes back, it knows the gap. */
  forget(node: number): void {
    const name = this.#channels.get(node)?.name;
    for (const payload of this.#waiting) if (payload.channel === name) this.#done(payload);
  }

  /** Resolves once Redis has all, or when it is known that it will not take it now. */
  async settled(): Promise<void> {
    this.flush();
    while (this.#waiting.size > 0 && this.#isConnected) await Bun.sleep(1);
  }

  #channelFor(receiver: Receiver): Channel {
    let channel = this.#channels.get(receiver);
    if (channel === undefined) {
      channel = {
        name: this.#options.channelOf(receiver),
        writer: new FrameWriter(LIMITS.ipcFrameBytes),
        number: 0,
        messages: 0,
        messagesBefore: 0,
        isOpen: false,
      };
      this.#channels.set(receiver, channel);
    }
    return channel;
  }

  /** Whether something that is begun has to leave first, for those who hear both. */
  #isOvertaking(receiver: Receiver): boolean {
    const isAllOpen = this.#channels.get('all')?.isOpen === true;
    return receiver === 'all' ? !isAllOpen && this.#open.length > 0 : isAllOpen;
  }

  #begin(channel: Channel): void {
    const { node, boot } = this.#options;
    channel.isOpen = true;
    channel.number++;
    this.#open.push(channel);
    channel.writer
      .begin(NodeFrame.batch)
      .u8(NODE_FRAME_VERSION)
      .u32(node)
      .u53(boot)
      .u53(channel.number)
      .u53(channel.messagesBefore)
      .finish();
    this.#flushing ??= setImmediate(() => this.flush());
  }

  /** Sends what waits, in order, as much as may be on its way at once. */
  #pump(): void {
    if (!this.#isConnected || this.#retry !== undefined) return;
    for (const payload of this.#waiting) {
      if (payload.isSent) continue;
      if (this.#sentBytes > 0 && this.#sentBytes >= LIMITS.nodeFlightBytes) return;
      this.#publish(payload);
    }
  }

  #publish(payload: Payload): void {
    const { channel, bytes } = payload;
    payload.isSent = true;
    this.#sentBytes += bytes.byteLength;
    this.#options.publish(channel, bytes).then(
      () => {
        if (!this.#waiting.has(payload)) return;
        this.figures.payloads++;
        this.figures.bytes += bytes.byteLength;
        this.#done(payload);
        this.#pump();
      },
      () => this.#failed(payload),
    );
  }

  /** It stays: it is sent once more when Redis is there again, or soon where it only refused. */
  #failed(payload: Payload): void {
    if (!this.#isConnected || !payload.isSent || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#sendAnew();
    }, LIMITS.streamRetryMs);
  }

  /** All that is not confirmed, from the oldest on: whoever has some of it knows. */
  #sendAnew(): void {
    for (const payload of this.#waiting) payload.isSent = false;
    this.#sentBytes = 0;
    this.#pump();
  }

  #done(payload: Payload): void {
    if (!this.#waiting.delete(payload)) return;
    this.#waitingBytes -= payload.bytes.byteLength;
    if (payload.isSent) this.#sentBytes = Math.max(0, this.#sentBytes - payload.bytes.byteLength);
  }
}
