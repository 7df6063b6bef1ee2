/**
 * What sockets receive, handed to who reads it: frames, streams or answers of polls. Whoever holds
 * more of unfinished things than there is room for is cut.
 */

import type { Client, Connection, Gate, Listener } from './connection.ts';
import { FrameInbound } from './frame-inbound.ts';
import { HELD_BYTES_MAX, HeldBytes } from './held-bytes.ts';
import { PollInbound } from './poll-inbound.ts';
import { StreamInbound } from './stream-inbound.ts';
import { AnswerHead } from './wire/answer-head.ts';

export class Inbound {
  readonly #frames: FrameInbound;
  readonly #streams: StreamInbound;
  readonly #polls: PollInbound;
  readonly #held: HeldBytes;
  readonly #gate: Gate;

  constructor(gate: Gate, listener: Listener, heldBytesMax: number = HELD_BYTES_MAX) {
    const held = new HeldBytes(heldBytesMax);
    const head = new AnswerHead();
    this.#gate = gate;
    this.#held = held;
    this.#frames = new FrameInbound(gate, listener, held, head);
    this.#streams = new StreamInbound(gate, listener, held, head);
    this.#polls = new PollInbound(gate, listener, held, head);
  }

  /** Of all that is not whole yet. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Messages of which only a part has come. */
  get unfinished(): number {
    return this.#held.unfinished;
  }

  /** Nothing more comes: drops what is kept for the rest. */
  forget(connection: Connection): void {
    this.#held.forget(connection);
    this.#streams.forget(connection);
  }

  receive(client: Client, received: Buffer): void {
    const connection = client.data;
    const bytes = this.#held.joined(connection, received);
    if (bytes !== undefined) this.#read(client, bytes);
    if (this.#held.isOver && connection.phase !== 'over') {
      this.#gate.misunderstood(client, 'unfinished messages');
    }
  }

  #read(client: Client, bytes: Buffer): void {
    switch (client.data.codec.cut) {
      case 'frames':
        this.#frames.receive(client, bytes);
        return;
      case 'answers':
        this.#polls.receive(client, bytes);
        return;
      case 'events':
      case 'lines':
        this.#streams.receive(client, bytes);
        return;
    }
  }
}
