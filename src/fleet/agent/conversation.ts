/**
 * What frames mean to a swarm: heartbeats are answered, deliveries and answers to echoes counted,
 * and what changes the state of a connection is told to its keeper. One for all connections.
 */

import { MarkReader } from './broadcast-mark.ts';
import {
  encodeClientFrame,
  type FrameCursor,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
} from './client-frame.ts';
import type { Client, Connection } from './connection.ts';
import type { Outbound } from './outbound.ts';
import type { Silence } from './silence.ts';
import type { Tally } from './tally.ts';

/** No status code came with the close frame (RFC 6455, 7.4.1). */
const NO_STATUS = 1005;
const PONG_FRAME = encodeClientFrame(OPCODE_PONG, '');

/** Who keeps the connections. */
export interface Keeper {
  readonly tally: Tally;
  readonly clockOffsetMs: number;
  /** Whose clock says when a server was heard. */
  readonly silence: Silence;
  /** The session is established. */
  joined(client: Client): void;
  /** The server closes, for a reason with this name, or as it was asked to. */
  closeAsked(client: Client, name: string): void;
  /** It is to be cut; `name` says why. */
  misunderstood(client: Client, name: string): void;
}

export class Conversation {
  readonly #mark = new MarkReader();
  readonly #keeper: Keeper;
  readonly #outbound: Outbound;

  constructor(keeper: Keeper, outbound: Outbound) {
    this.#keeper = keeper;
    this.#outbound = outbound;
  }

  /** As `Receiver.frame`. */
  frame(client: Client, bytes: Buffer, at: FrameCursor, wireBytes: number): void {
    switch (at.opcode) {
      case OPCODE_PING:
        this.#pinged(client, pongFor(bytes, at));
        return;
      case OPCODE_CLOSE:
        this.#keeper.closeAsked(client, `closed ${closeCode(bytes, at)}`);
        return;
      case OPCODE_BINARY:
        // Attachments of Socket.IO events belong to the text before them.
        if (client.data.codec.isEstablishedByUpgrade) this.#message(client, bytes, at, wireBytes);
        else if (isSession(client.data)) this.#keeper.tally.deliveryBytes += wireBytes;
        return;
      case OPCODE_TEXT:
        this.#text(client, bytes, at, wireBytes);
        return;
      default:
        return;
    }
  }

  #text(client: Client, bytes: Buffer, at: FrameCursor, wireBytes: number): void {
    const connection = client.data;
    switch (connection.codec.meaning(bytes, at.payloadStart, at.payloadEnd)) {
      case 'delivery':
        this.#message(client, bytes, at, wireBytes);
        return;
      case 'ping':
        connection.pingedAtMs = this.#keeper.silence.nowMs;
        this.#pinged(client, connection.codec.pongFrame);
        return;
      case 'answer':
        this.#answered(connection);
        return;
      case 'open':
        this.#opened(client, bytes, at);
        return;
      case 'established':
        this.#keeper.joined(client);
        return;
      case 'refused':
        this.#keeper.misunderstood(client, 'refused');
        return;
      case 'ended':
        this.#keeper.misunderstood(client, 'closed');
        return;
      case 'invalid':
        this.#keeper.misunderstood(client, 'not the protocol');
        return;
      case 'other':
        return;
    }
  }

  #opened(client: Client, bytes: Buffer, { payloadStart, payloadEnd }: FrameCursor): void {
    const { codec, target, number, pingedAtMs } = client.data;
    // It comes once; each more would be answered with another CONNECT.
    if (pingedAtMs >= 0) {
      this.#keeper.misunderstood(client, 'not the protocol');
      return;
    }
    target.pingWithinMs = codec.pingWithinMs(bytes, payloadStart, payloadEnd);
    client.data.pingedAtMs = this.#keeper.silence.nowMs;
    this.#outbound.write(client, codec.connectFrame(number));
  }

  /** A broadcast has a mark; without a protocol above, the next other message answers an echo. */
  #message(client: Client, bytes: Buffer, at: FrameCursor, wireBytes: number): void {
    const connection = client.data;
    const isMarked = this.#mark.read(bytes, at.payloadStart, at.payloadEnd);
    if (!isMarked && connection.codec.isEstablishedByUpgrade && connection.echoAtMs !== 0) {
      this.#answered(connection);
      return;
    }
    // Who has left is counted out: its receipt would stand for a session that is not there.
    if (!isSession(connection)) return;
    const { tally } = this.#keeper;
    tally.deliveries++;
    tally.deliveryBytes += wireBytes;
    if (isMarked) this.#broadcast(connection);
  }

  #broadcast(connection: Connection): void {
    const { sequence, atMicros } = this.#mark;
    const { tally, clockOffsetMs } = this.#keeper;
    if (sequence <= connection.lastBroadcast) {
      tally.duplicates++;
      return;
    }
    connection.lastBroadcast = sequence;
    tally.received(sequence);
    const nowMicros = (performance.timeOrigin + performance.now() + clockOffsetMs) * 1000;
    tally.deliveryLatency.record(nowMicros - atMicros);
  }

  #pinged(client: Client, pong: Uint8Array): void {
    // After a close frame nothing may follow (RFC 6455, 5.5.1).
    if (client.data.phase === 'leaving') return;
    this.#keeper.tally.heartbeats++;
    this.#outbound.write(client, pong);
  }

  #answered(connection: Connection): void {
    if (connection.echoAtMs === 0) return;
    const { tally } = this.#keeper;
    tally.echoesAnswered++;
    tally.echoLatency.record((performance.now() - connection.echoAtMs) * 1000);
    connection.echoAtMs = 0;
  }
}

function isSession({ phase }: Connection): boolean {
  return phase === 'established';
}

function closeCode(bytes: Buffer, { payloadStart, payloadEnd }: FrameCursor): number {
  return payloadEnd - payloadStart >= 2 ? bytes.readUInt16BE(payloadStart) : NO_STATUS;
}

/** A pong says what the ping said (RFC 6455, 5.5.3). */
function pongFor(bytes: Buffer, { payloadStart, payloadEnd }: FrameCursor): Uint8Array {
  if (payloadStart === payloadEnd) return PONG_FRAME;
  return encodeClientFrame(OPCODE_PONG, bytes.subarray(payloadStart, payloadEnd));
}
