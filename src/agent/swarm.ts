/**
 * The connections of one agent: brings them to what the order asks for and keeps them there.
 *
 *     order → tick: churn, jitter, storm, echoes → open or close at the rate → sockets
 *     sockets → Inbound → here: the handshake goes on, heartbeats are answered, messages counted
 *
 * Nothing is kept for an idle connection but its socket and one `Connection`. Whatever ends a
 * connection counts once: as left, as lost, or, when it never became a session, as failed.
 */

import type { SocketHandler } from 'bun';
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
import { type Client, Connection, Inbound, type Receiver } from './connection.ts';
import type { AgentOrder } from './contract.ts';
import { DueQueue } from './due-queue.ts';
import { Itinerary } from './itinerary.ts';
import { Pacer } from './pacer.ts';
import { Tally } from './tally.ts';
import { Turnover } from './turnover.ts';

/** Handshakes under way at once: well under every listen backlog (512 for Bun, 511 for Node). */
const HANDSHAKES_IN_FLIGHT = 200;
/** In a storm all come at once, as clients do: what the backlog cannot take is part of it. */
const HANDSHAKES_IN_STORM = 2_000;
/** A handshake that takes longer has failed. */
const HANDSHAKE_TIMEOUT_MS = 20_000;
/** A server that has not closed by then is cut off. */
const LEAVE_TIMEOUT_MS = 5_000;

/** 1000: the client has what it came for (RFC 6455, 7.4.1). */
const CLOSE_FRAME = encodeClientFrame(OPCODE_CLOSE, Uint8Array.of(0x03, 0xe8));
const PONG_FRAME = encodeClientFrame(OPCODE_PONG, '');

export class Swarm implements Receiver {
  readonly #handler: SocketHandler<Connection, 'buffer'>;
  readonly #established: Client[] = [];
  readonly #handshakes = new DueQueue<Connection>(HANDSHAKE_TIMEOUT_MS);
  readonly #departures = new DueQueue<Client>(LEAVE_TIMEOUT_MS);
  /** Connections under way, with their sockets once the kernel has connected them. */
  readonly #opening = new Map<Connection, Client | undefined>();
  readonly #mark = new MarkReader();
  readonly #turnover = new Turnover();
  readonly #capacity: number;
  #tally = new Tally();
  #order: AgentOrder | undefined;
  #itinerary: Itinerary | undefined;
  #pacer = new Pacer(performance.now());
  #nextNumber = 0;
  #isStorming = false;
  /** Where the next session in turn stands, for churn, jitter and echoes. */
  #turn = 0;

  /** @param capacity the most connections this process can hold */
  constructor(capacity: number) {
    this.#capacity = capacity;
    const inbound = new Inbound(this);
    this.#handler = {
      binaryType: 'buffer',
      open: (client) => this.#opened(client),
      data: (client, bytes) => inbound.receive(client, bytes),
      error: (client, error) => this.#named(client.data, codeOf(error)),
      close: (client) => this.#closed(client),
      // Reaches the program as the rejection of `Bun.connect`.
      connectError: () => {},
    };
  }

  get tally(): Tally {
    return this.#tally;
  }

  get open(): number {
    return this.#established.length;
  }

  get connecting(): number {
    return this.#opening.size;
  }

  get order(): AgentOrder | undefined {
    return this.#order;
  }

  /** Takes what is wanted from now on; `tick` brings it about. */
  obey(order: AgentOrder): void {
    const previous = this.#order;
    const isNewRun = previous?.run !== order.run;
    if (isNewRun) {
      this.cut();
      this.#tally = new Tally();
      this.#nextNumber = order.firstNumber;
    }
    if (isNewRun || this.#itinerary?.isFor(order) !== true) this.#itinerary = new Itinerary(order);
    if (!isNewRun && order.storms > previous.storms) this.#storm();
    this.#order = order;
  }

  /** Ends every connection at once, counted as left. */
  cut(): void {
    for (const client of [...this.#established]) this.#terminate(client);
    for (const [connection, client] of this.#opening) {
      connection.phase = 'over';
      client?.terminate();
    }
    this.#opening.clear();
  }

  /** @returns whether the next tick should come soon */
  tick(nowMs: number): boolean {
    const order = this.#order;
    if (order === undefined) return false;
    this.#overdue(nowMs);
    this.#pacer.refill(order.rate, nowMs);
    const { leave, cut, away } = this.#turnover.due(order, this.open, nowMs);
    for (let i = 0; i < leave; i++) this.#leave(this.#inTurn());
    for (let i = 0; i < cut; i++) this.#terminate(this.#inTurn());
    this.#echo(this.#turnover.echoes(order, nowMs), nowMs);
    const wanted = Math.max(0, Math.min(order.connections, this.#capacity) - away);
    this.#converge(wanted, nowMs);
    const isAtRest = this.open === wanted && this.connecting === 0 && order.echo === undefined;
    return !isAtRest || order.churnPerMinute > 0 || order.jitter !== undefined;
  }

  /** One session after the other; new ones stand at the end of the list. */
  #inTurn(): Client | undefined {
    this.#turn = (this.#turn + 1) % Math.max(1, this.open);
    return this.#established[this.#turn];
  }

  /** Opens or closes what the rate allows. */
  #converge(wanted: number, nowMs: number): void {
    const missing = wanted - this.open - this.connecting;
    if (missing > 0) {
      const most = this.#isStorming ? HANDSHAKES_IN_STORM : HANDSHAKES_IN_FLIGHT;
      const room = Math.min(missing, Math.max(0, most - this.connecting));
      const granted = this.#isStorming ? room : this.#pacer.take(room);
      for (let i = 0; i < granted; i++) this.#connect(nowMs);
      return;
    }
    if (this.open >= wanted) this.#isStorming = false;
    const surplus = this.#pacer.take(Math.max(0, this.open - wanted));
    for (let i = 0; i < surplus; i++) this.#leave(this.#established.at(-1));
    this.#move();
  }

  /** Lets sessions go that are at targets no longer wanted; their places are filled again. */
  #move(): void {
    const itinerary = this.#itinerary;
    if (itinerary === undefined || itinerary.strangers === 0) return;
    const granted = this.#pacer.take(this.open);
    for (let i = 0, from = 0; i < granted && from < this.open; from++) {
      const client = this.#established[from];
      if (client === undefined || itinerary.has(client.data.target)) continue;
      this.#leave(client);
      i++;
      from--;
    }
    itinerary.strangers = this.#established.reduce(
      (count, client) => count + Number(!itinerary.has(client.data.target)),
      0,
    );
  }

  #connect(nowMs: number): void {
    const itinerary = this.#itinerary as Itinerary;
    const { target, codec, source } = itinerary.next();
    const connection = new Connection(this.#nextNumber, codec, target, nowMs);
    this.#nextNumber++;
    this.#opening.set(connection, undefined);
    this.#tally.attempts++;
    this.#handshakes.push(connection, nowMs);
    const options = {
      hostname: target.hostname,
      port: target.port,
      socket: this.#handler,
      data: connection,
      ...(target.isSecure ? { tls: { serverName: target.hostname } } : {}),
      // Bun binds to it before it connects, though its types do not name it.
      ...(source === undefined ? {} : { localAddress: source }),
    };
    Bun.connect<Connection>(options).catch((error: unknown) =>
      this.#failed(connection, codeOf(error)),
    );
  }

  /** Cuts what has been on its way for too long. */
  #overdue(nowMs: number): void {
    for (let next = this.#handshakes.take(nowMs); next; next = this.#handshakes.take(nowMs)) {
      if (!isUnderWay(next)) continue;
      const client = this.#opening.get(next);
      this.#failed(next, next.phase === 'connecting' ? 'ETIMEDOUT' : 'handshake timeout');
      client?.terminate();
    }
    for (let next = this.#departures.take(nowMs); next; next = this.#departures.take(nowMs)) {
      if (next.data.phase === 'leaving') next.terminate();
    }
  }

  #storm(): void {
    this.#isStorming = true;
    for (const client of [...this.#established]) this.#terminate(client);
  }

  #echo(count: number, nowMs: number): void {
    const { echo } = this.#order as AgentOrder;
    if (echo === undefined || this.open === 0) return;
    for (let i = 0; i < Math.min(count, this.open); i++) {
      const client = this.#inTurn();
      // One at a time and session: what is late shows as echoes that are not answered.
      if (client === undefined || client.data.echoAtMs !== 0) continue;
      client.data.echoAtMs = nowMs;
      this.#tally.echoesSent++;
      client.write((this.#itinerary as Itinerary).echoFrame(client.data.codec, echo));
    }
  }

  // What sockets report.

  #opened(client: Client): void {
    const connection = client.data;
    if (connection.phase !== 'connecting') {
      client.terminate();
      return;
    }
    connection.phase = 'upgrading';
    this.#opening.set(connection, client);
    client.write(connection.target.requests.get(connection.codec) as Uint8Array);
  }

  upgraded(client: Client): void {
    client.data.phase = 'joining';
    if (client.data.codec.isEstablishedByUpgrade) this.#joined(client);
  }

  misunderstood(client: Client, name: string): void {
    this.#named(client.data, name);
    client.terminate();
  }

  frame(client: Client, bytes: Buffer, at: FrameCursor, frameBytes: number): void {
    switch (at.opcode) {
      case OPCODE_PING:
        this.#tally.heartbeats++;
        client.write(PONG_FRAME);
        return;
      case OPCODE_CLOSE:
        this.#closeAsked(client, bytes, at);
        return;
      case OPCODE_BINARY:
        // Attachments of Socket.IO events belong to the text before them.
        if (client.data.codec.isEstablishedByUpgrade) this.#delivered(client, bytes, at);
        this.#tally.deliveryBytes += frameBytes;
        return;
      case OPCODE_TEXT:
        this.#text(client, bytes, at, frameBytes);
        return;
      default:
        return;
    }
  }

  #text(client: Client, bytes: Buffer, at: FrameCursor, frameBytes: number): void {
    const connection = client.data;
    switch (connection.codec.meaning(bytes, at.payloadStart, at.payloadEnd)) {
      case 'delivery':
        this.#tally.deliveryBytes += frameBytes;
        this.#delivered(client, bytes, at);
        return;
      case 'ping':
        this.#tally.heartbeats++;
        client.write(connection.codec.pongFrame);
        return;
      case 'answer':
        this.#answered(connection);
        return;
      case 'open':
        client.write(connection.codec.connectFrame(connection.number));
        return;
      case 'established':
        this.#joined(client);
        return;
      case 'refused':
        this.misunderstood(client, 'refused');
        return;
      case 'ended':
        this.misunderstood(client, 'closed');
        return;
      case 'other':
        return;
    }
  }

  #delivered(client: Client, bytes: Buffer, at: FrameCursor): void {
    this.#tally.deliveries++;
    const mark = this.#mark;
    if (!mark.read(bytes, at.payloadStart, at.payloadEnd)) return;
    const connection = client.data;
    if (mark.sequence <= connection.lastBroadcast) {
      this.#tally.duplicates++;
      return;
    }
    connection.lastBroadcast = mark.sequence;
    this.#tally.received(mark.sequence);
    const { clockOffsetMs } = this.#order as AgentOrder;
    const nowMicros = (performance.timeOrigin + performance.now() + clockOffsetMs) * 1000;
    this.#tally.deliveryLatency.record(nowMicros - mark.atMicros);
  }

  #answered(connection: Connection): void {
    if (connection.echoAtMs === 0) return;
    this.#tally.echoesAnswered++;
    this.#tally.echoLatency.record((performance.now() - connection.echoAtMs) * 1000);
    connection.echoAtMs = 0;
  }

  #joined(client: Client): void {
    const connection = client.data;
    if (connection.phase !== 'joining') return;
    connection.phase = 'established';
    this.#opening.delete(connection);
    connection.place = this.#established.length;
    this.#established.push(client);
    this.#tally.established++;
    this.#tally.connectLatency.record((performance.now() - connection.startedAtMs) * 1000);
  }

  #closeAsked(client: Client, bytes: Buffer, at: FrameCursor): void {
    const hasCode = at.payloadEnd - at.payloadStart >= 2;
    const code = hasCode ? bytes.readUInt16BE(at.payloadStart) : 1005;
    this.#named(client.data, `closed ${code}`);
    client.write(CLOSE_FRAME);
    client.end();
  }

  // How connections end.

  #leave(client: Client | undefined): void {
    if (client === undefined) return;
    this.#remove(client);
    client.data.phase = 'leaving';
    this.#tally.left++;
    client.write(CLOSE_FRAME);
    this.#departures.push(client, performance.now());
  }

  /** Cuts without a word, as a network does. */
  #terminate(client: Client | undefined): void {
    if (client === undefined) return;
    const connection = client.data;
    if (connection.phase === 'established') this.#remove(client);
    else this.#opening.delete(connection);
    connection.phase = 'over';
    this.#tally.left++;
    client.terminate();
  }

  #failed(connection: Connection, name: string): void {
    if (!isUnderWay(connection)) return;
    this.#opening.delete(connection);
    connection.phase = 'over';
    this.#tally.failed(connection.ending ?? name);
  }

  #closed(client: Client): void {
    const connection = client.data;
    connection.partial = undefined;
    if (connection.phase === 'established') {
      this.#remove(client);
      this.#tally.lost(connection.ending ?? 'closed');
    } else {
      this.#failed(connection, 'closed');
    }
    connection.phase = 'over';
  }

  /** The first cause is the one that counts. */
  #named(connection: Connection, name: string): void {
    connection.ending ??= name;
  }

  #remove(client: Client): void {
    const { place } = client.data;
    const last = this.#established.pop();
    if (last === undefined || last === client) return;
    this.#established[place] = last;
    last.data.place = place;
  }
}

function isUnderWay({ phase }: Connection): boolean {
  return phase === 'connecting' || phase === 'upgrading' || phase === 'joining';
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'closed';
}
