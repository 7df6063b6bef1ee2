/**
 * What messages mean to a swarm: heartbeats are answered, deliveries and answers to echoes counted,
 * and what changes the state of a connection is told to its keeper. One for all connections.
 */

import { MarkReader } from './broadcast-mark.ts';
import { timesIn } from './client-protocol.ts';
import { type Client, type Connection, type Found, type Listener, wayOf } from './connection.ts';
import type { Outbound } from './outbound.ts';
import type { Silence } from './silence.ts';
import type { Tally } from './tally.ts';
import {
  encodeClientFrame,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
} from './wire/client-frame.ts';

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

export class Conversation implements Listener {
  readonly #mark = new MarkReader();
  readonly #keeper: Keeper;
  readonly #outbound: Outbound;

  constructor(keeper: Keeper, outbound: Outbound) {
    this.#keeper = keeper;
    this.#outbound = outbound;
  }

  frame(client: Client, bytes: Buffer, at: Found, wireBytes: number): void {
    const { codec } = client.data;
    switch (at.opcode) {
      case OPCODE_PING:
        if (codec.isEstablishedByAnswer) this.#heard(client.data);
        this.#pinged(client, pongFor(bytes, at));
        return;
      case OPCODE_CLOSE:
        this.#keeper.closeAsked(client, `closed ${closeCode(bytes, at)}`);
        return;
      case OPCODE_BINARY:
        // Attachments of Socket.IO events belong to the text before them.
        if (codec.isEstablishedByAnswer) this.#delivered(client, bytes, at, wireBytes);
        else if (isSession(client.data)) this.#keeper.tally.deliveryBytes += wireBytes;
        return;
      case OPCODE_TEXT:
        if (codec.isEstablishedByAnswer) this.#plainText(client, bytes, at, wireBytes);
        else this.#text(client, bytes, at, wireBytes);
        return;
      default:
        return;
    }
  }

  beat(client: Client): void {
    this.#heard(client.data);
    if (isSession(client.data)) this.#keeper.tally.heartbeats++;
  }

  polled(client: Client, next: Uint8Array, isEmpty: boolean): void {
    const connection = client.data;
    if (!isSession(connection)) return;
    if (isEmpty && connection.heardAtMs >= 0) {
      wayOf(connection).times.held(this.#keeper.silence.nowMs - connection.heardAtMs);
    }
    this.#heard(connection);
    this.#keeper.tally.heartbeats++;
    this.#outbound.write(client, next);
  }

  /** Socket.IO's. */
  #text(client: Client, bytes: Buffer, at: Found, wireBytes: number): void {
    const connection = client.data;
    const { codec } = connection;
    switch (codec.meaning(bytes, at.payloadStart, at.payloadEnd)) {
      case 'delivery':
        this.#message(client, bytes, at, wireBytes);
        return;
      case 'ping':
        connection.heardAtMs = this.#keeper.silence.nowMs;
        if (codec.pongFrame !== undefined) this.#pinged(client, codec.pongFrame);
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
      case 'welcome':
        return;
    }
  }

  #opened(client: Client, bytes: Buffer, at: Found): void {
    const { codec, number, heardAtMs } = client.data;
    // It comes once; each more would be answered with another CONNECT.
    if (heardAtMs >= 0) {
      this.#keeper.misunderstood(client, 'not the protocol');
      return;
    }
    this.#learn(client, bytes, at, 1);
    client.data.heardAtMs = this.#keeper.silence.nowMs;
    if (codec.connectFrame !== undefined) this.#outbound.write(client, codec.connectFrame(number));
  }

  /**
   * @param skip bytes before the JSON
   * @returns whether it tells times, as who speaks the protocol does
   */
  #learn(client: Client, bytes: Buffer, at: Found, skip: number): boolean {
    const told = timesIn(bytes, at.payloadStart + skip, at.payloadEnd);
    const { pingIntervalMs, pingTimeoutMs } = told;
    if (Number.isNaN(pingIntervalMs + pingTimeoutMs)) return false;
    wayOf(client.data).times.told(pingIntervalMs, pingTimeoutMs);
    client.data.heardAtMs = this.#keeper.silence.nowMs;
    return true;
  }

  /**
   * Of a server that is known to speak the plain protocol a message is what it says. Of any other
   * only the first one may say that it does, and all are deliveries.
   */
  #plainText(client: Client, bytes: Buffer, at: Found, wireBytes: number): void {
    const connection = client.data;
    const { isTold } = wayOf(connection).times;
    const isFirst = connection.heardAtMs < 0;
    const meaning =
      isFirst || isTold
        ? connection.codec.meaning(bytes, at.payloadStart, at.payloadEnd)
        : 'delivery';
    if (meaning === 'welcome' && isFirst && this.#learn(client, bytes, at, 0)) return;
    if (meaning === 'refused' && isFirst) {
      this.#keeper.misunderstood(client, 'refused');
      return;
    }
    connection.heardAtMs = this.#keeper.silence.nowMs;
    if (meaning === 'delivery' || !isTold) this.#message(client, bytes, at, wireBytes);
    else if (meaning === 'answer') this.#answered(connection);
    else if (meaning === 'ended') this.#keeper.misunderstood(client, 'disconnected');
    // The server does not know the session any more and has begun another one.
    else if (meaning === 'welcome') this.#keeper.misunderstood(client, 'session forgotten');
  }

  #delivered(client: Client, bytes: Buffer, at: Found, wireBytes: number): void {
    client.data.heardAtMs = this.#keeper.silence.nowMs;
    this.#message(client, bytes, at, wireBytes);
  }

  /** Before the first message nothing counts: that one tells what the server speaks. */
  #heard(connection: Connection): void {
    if (connection.heardAtMs >= 0) connection.heardAtMs = this.#keeper.silence.nowMs;
  }

  /** A broadcast has a mark; without a protocol above, the next other message answers an echo. */
  #message(client: Client, bytes: Buffer, at: Found, wireBytes: number): void {
    const connection = client.data;
    const isMarked = this.#mark.read(bytes, at.payloadStart, at.payloadEnd);
    if (!isMarked && connection.echoAtMs !== 0 && isBare(connection)) {
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

/** Whether nothing is known of a protocol above. */
function isBare(connection: Connection): boolean {
  return connection.codec.isEstablishedByAnswer && !wayOf(connection).times.isTold;
}

function isSession({ phase }: Connection): boolean {
  return phase === 'established';
}

function closeCode(bytes: Buffer, { payloadStart, payloadEnd }: Found): number {
  return payloadEnd - payloadStart >= 2 ? bytes.readUInt16BE(payloadStart) : NO_STATUS;
}

/** A pong says what the ping said (RFC 6455, 5.5.3). */
function pongFor(bytes: Buffer, { payloadStart, payloadEnd }: Found): Uint8Array {
  if (payloadStart === payloadEnd) return PONG_FRAME;
  return encodeClientFrame(OPCODE_PONG, bytes.subarray(payloadStart, payloadEnd));
}
