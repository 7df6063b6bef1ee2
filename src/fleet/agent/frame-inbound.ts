/**
 * How received bytes become an upgrade answer and messages of WebSocket. Bytes of an unfinished
 * frame are kept with the connection until the rest comes. Messages that come in several frames are
 * rare, so what has come of them stands in a map beside the connections.
 */

import type { Client, Connection, Gate, Listener } from './connection.ts';
import type { HeldBytes, Unfinished } from './held-bytes.ts';
import type { AnswerHead } from './wire/answer-head.ts';
import {
  FRAME_BYTES_MAX,
  FrameCursor,
  OPCODE_BINARY,
  OPCODE_CONTINUATION,
} from './wire/client-frame.ts';
import { WEBSOCKET_ACCEPT } from './wire/opening.ts';

const SWITCHING = 101;

/** Reads for all connections; the cursor is shared since nothing here waits. */
export class FrameInbound {
  readonly #cursor = new FrameCursor();
  readonly #gate: Gate;
  readonly #listener: Listener;
  readonly #held: HeldBytes;
  readonly #head: AnswerHead;

  constructor(gate: Gate, listener: Listener, held: HeldBytes, head: AnswerHead) {
    this.#gate = gate;
    this.#listener = listener;
    this.#held = held;
    this.#head = head;
  }

  receive(client: Client, bytes: Buffer): void {
    const connection = client.data;
    let offset = 0;
    if (connection.phase === 'asking') {
      offset = this.#upgrade(client, bytes);
      if (offset === 0) return;
      this.#gate.accepted(client);
    }
    const cursor = this.#cursor;
    while (offset < bytes.length && connection.phase !== 'over') {
      const found = cursor.read(bytes, offset);
      if (found === 'invalid') {
        this.#gate.misunderstood(client, 'not the protocol');
        return;
      }
      if (found === 'incomplete') {
        this.#held.keep(connection, bytes.subarray(offset), cursor.neededBytes);
        return;
      }
      const wireBytes = cursor.payloadEnd - offset;
      offset = cursor.payloadEnd;
      if (this.#isWhole(connection)) this.#listener.frame(client, bytes, cursor, wireBytes);
      else if (!this.#collect(client, bytes, wireBytes)) {
        this.#gate.misunderstood(client, 'not the protocol');
        return;
      }
    }
  }

  /** Whether the frame at the cursor is a message, or no part of one. */
  #isWhole(connection: Connection): boolean {
    const { opcode, isFinal } = this.#cursor;
    if (opcode > OPCODE_BINARY) return true;
    if (!isFinal || opcode === OPCODE_CONTINUATION) return false;
    return this.#held.messageOf(connection) === undefined;
  }

  /** @returns whether the part at the cursor may come now (RFC 6455, 5.4) */
  #collect(client: Client, bytes: Buffer, wireBytes: number): boolean {
    const cursor = this.#cursor;
    const { opcode, isFinal, payloadStart, payloadEnd } = cursor;
    const known = this.#held.messageOf(client.data);
    if ((known !== undefined) !== (opcode === OPCODE_CONTINUATION)) return false;
    const message: Unfinished = known ?? { opcode, parts: [], wireBytes: 0 };
    message.wireBytes += wireBytes;
    if (message.wireBytes > FRAME_BYTES_MAX) return false;
    this.#held.addPart(client.data, message, bytes.subarray(payloadStart, payloadEnd));
    if (!isFinal) return true;
    const whole = this.#held.takeMessage(client.data, message);
    cursor.opcode = message.opcode;
    cursor.payloadStart = 0;
    cursor.payloadEnd = whole.length;
    this.#listener.frame(client, whole, cursor, message.wireBytes);
    return true;
  }

  /** @returns where the frames begin; 0 while the answer is incomplete, or when it refuses */
  #upgrade(client: Client, bytes: Buffer): number {
    const head = this.#head;
    const found = head.read(bytes, 0);
    if (found === 'incomplete') {
      this.#held.keep(client.data, bytes, 0);
      return 0;
    }
    const isSwitching = found === 'head' && head.status === SWITCHING;
    if (isSwitching && head.text.includes(WEBSOCKET_ACCEPT)) return head.end;
    const isRefusal = found === 'head' && !isSwitching;
    this.#gate.misunderstood(client, isRefusal ? `HTTP ${head.status}` : 'not the protocol');
    return 0;
  }
}
