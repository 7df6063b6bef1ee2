/**
 * The load client's connections: raw TCP from `Bun.connect`, one handler object for all, one
 * small record per connection and no closure that outlives its handshake.
 *
 *   connect ──► upgrading ──► joining ──► established ──► leaving ──► closed
 *                   └─ plain: the 101 answer ─▲
 *
 * A failed handshake is tried again with the same session number, up to a limit. Leaving sends
 * a close frame and lets the server close, as browsers do; what stays is cut after a while.
 */

import type { SocketHandler } from 'bun';
import * as limits from '../limits.ts';
import type { Client, Connection, Receiver } from './connection.ts';
import { Inbound, upgradeRequest } from './connection.ts';
import * as frames from './frames.ts';
import { Gate } from './gate.ts';
import type { LoadCounters } from './messages.ts';
import type { Protocol } from './protocol.ts';

const CLOSE_FRAME = frames.encodeFrame(frames.OPCODE_CLOSE, new Uint8Array([0x03, 0xe8]));
const PONG_FRAME = frames.encodeFrame(frames.OPCODE_PONG, '');

export class Swarm implements Receiver {
  readonly #port: number;
  readonly #protocol: Protocol;
  readonly #upgrade: Uint8Array;
  readonly #handler: SocketHandler<Connection>;
  readonly #clients = new Set<Client>();
  readonly #gate = new Gate();
  /** Session numbers still to be connected. */
  #waiting: number[] = [];
  #inFlight = 0;
  #failuresMax = 0;
  #established = 0;
  #deliveries = 0;
  #deliveryBytes = 0;
  #failures = 0;
  #lost = 0;

  constructor(url: URL, protocol: Protocol) {
    this.#port = Number(url.port);
    this.#protocol = protocol;
    this.#upgrade = upgradeRequest(url);
    const inbound = new Inbound(this);
    this.#handler = {
      open: (client) => {
        this.#clients.add(client);
        client.write(this.#upgrade);
      },
      data: (client, bytes) => inbound.receive(client, bytes),
      close: (client) => this.#closed(client),
      // Both reach the program again, as `close` and as the rejection of `Bun.connect`.
      error: () => {},
      connectError: () => {},
    };
  }

  counters(loopLagMs: number): LoadCounters {
    return {
      established: this.#established,
      deliveries: this.#deliveries,
      deliveryBytes: this.#deliveryBytes,
      failures: this.#failures,
      lost: this.#lost,
      loopLagMs,
    };
  }

  async fill(sessions: number): Promise<void> {
    this.#failuresMax = this.#failures + Math.ceil(sessions * limits.FAILURE_SHARE_MAX);
    this.#waiting = Array.from({ length: sessions }, (_, index) => sessions - 1 - index);
    this.#connectMore();
    const isFull = (): boolean => this.#established >= sessions;
    await this.#gate.until(isFull, limits.FILL_TIMEOUT_MS, 'handshakes');
  }

  async leave(): Promise<void> {
    const isEmpty = (): boolean => this.#clients.size === 0;
    let sent = 0;
    for (const client of this.#clients) {
      if (client.data.phase === 'established') this.#established -= 1;
      client.data.phase = 'leaving';
      client.write(CLOSE_FRAME);
      sent += 1;
      if (sent % limits.HANDSHAKES_IN_FLIGHT === 0) await Bun.sleep(1);
    }
    await this.#gate.until(isEmpty, limits.LEAVE_TIMEOUT_MS, 'leaving').catch(() => {
      for (const client of this.#clients) client.terminate();
      return this.#gate.until(isEmpty, limits.LEAVE_TIMEOUT_MS, 'cutting connections');
    });
  }

  async delivered(total: number): Promise<void> {
    const isDone = (): boolean => this.#deliveries >= total;
    await this.#gate.until(isDone, limits.DELIVERY_TIMEOUT_MS, 'a delivery to every session');
  }

  upgraded(client: Client): void {
    client.data.phase = 'joining';
    if (this.#protocol.establishedByUpgrade) this.#joined(client);
  }

  frame(client: Client, bytes: Uint8Array, at: frames.FrameCursor, frameBytes: number): void {
    if (at.opcode === frames.OPCODE_PING) client.write(PONG_FRAME);
    if (at.opcode === frames.OPCODE_CLOSE) client.end();
    if (at.opcode !== frames.OPCODE_TEXT) return;
    switch (this.#protocol.meaning(bytes, at.payloadStart, at.payloadEnd)) {
      case 'delivery':
        this.#deliveries += 1;
        this.#deliveryBytes += frameBytes;
        this.#gate.check();
        break;
      case 'ping':
        client.write(this.#protocol.pongFrame);
        break;
      case 'open':
        client.write(this.#protocol.connectFrame(client.data.number));
        break;
      case 'established':
        this.#joined(client);
        break;
      case 'refused':
        client.terminate();
        break;
      case 'other':
        break;
    }
  }

  #connectMore(): void {
    while (this.#inFlight < limits.HANDSHAKES_IN_FLIGHT) {
      const number = this.#waiting.pop();
      if (number === undefined) return;
      this.#inFlight += 1;
      Bun.connect<Connection>({
        hostname: `127.0.0.${1 + (number % limits.TARGET_ADDRESSES)}`,
        port: this.#port,
        socket: this.#handler,
        data: { number, phase: 'upgrading', partial: undefined },
      }).catch(() => this.#failed(number));
    }
  }

  #joined(client: Client): void {
    if (client.data.phase !== 'joining') return;
    client.data.phase = 'established';
    this.#established += 1;
    this.#inFlight -= 1;
    this.#connectMore();
    this.#gate.check();
  }

  #failed(number: number): void {
    this.#inFlight -= 1;
    this.#failures += 1;
    if (this.#failures > this.#failuresMax) {
      this.#waiting = [];
      this.#gate.fail(new Error(`too many handshakes failed (${this.#failures})`));
      return;
    }
    this.#waiting.push(number);
    this.#connectMore();
  }

  #closed(client: Client): void {
    this.#clients.delete(client);
    const { number, phase } = client.data;
    if (phase === 'established') {
      this.#established -= 1;
      this.#lost += 1;
    } else if (phase !== 'leaving') {
      this.#failed(number);
    }
    this.#gate.check();
  }
}
