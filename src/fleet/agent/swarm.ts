/**
 * The connections of one agent: brings them to what the order asks for and keeps them there.
 *
 *     order → tick: churn, jitter, storm, echoes → open or close at the rate → sockets
 *     sockets → Inbound → Conversation: heartbeats and polls are answered, messages counted
 *                       → here: connections become sessions, and end
 *
 * Nothing is kept for an idle connection but its socket and one `Connection`. Whatever ends a
 * connection counts once: as left, as lost, or, when it never became a session, as failed.
 */

import type { SocketHandler } from 'bun';
import { Coalescing } from './coalescing.ts';
import { type Client, Connection, type Gate, wayOf } from './connection.ts';
import type { AgentOrder } from './contract.ts';
import { Conversation, type Keeper } from './conversation.ts';
import { DueQueue } from './due-queue.ts';
import { failureName } from './failure-name.ts';
import { HandshakeWindow } from './handshake-window.ts';
import { Inbound } from './inbound.ts';
import { Itinerary } from './itinerary.ts';
import { Outbound } from './outbound.ts';
import { Pacer } from './pacer.ts';
import { Sessions } from './sessions.ts';
import { Silence } from './silence.ts';
import { Tally } from './tally.ts';
import { Turnover } from './turnover.ts';
import { encodeClientFrame, OPCODE_CLOSE } from './wire/client-frame.ts';

/** In a storm all come at once, as clients do: what the backlog cannot take is part of it. */
const HANDSHAKES_IN_STORM = 2_000;
/** A handshake that takes longer has failed. */
const HANDSHAKE_TIMEOUT_MS = 20_000;
/** A server that has not closed by then is cut off. */
const LEAVE_TIMEOUT_MS = 5_000;

/** 1000: the client has what it came for (RFC 6455, 7.4.1). */
const CLOSE_FRAME = encodeClientFrame(OPCODE_CLOSE, Uint8Array.of(0x03, 0xe8));

export class Swarm implements Gate, Keeper {
  readonly #handler: SocketHandler<Connection, 'buffer'>;
  /** Finds the sessions whose server pings them no more. */
  readonly silence: Silence = new Silence();
  readonly #sessions = new Sessions();
  readonly #handshakes = new DueQueue<Connection>(HANDSHAKE_TIMEOUT_MS);
  readonly #departures = new DueQueue<Client>(LEAVE_TIMEOUT_MS);
  /** Connections under way, with their sockets once the kernel has connected them. */
  readonly #opening = new Map<Connection, Client | undefined>();
  readonly #outbound = new Outbound();
  readonly #inbound = new Inbound(this, new Conversation(this, this.#outbound));
  readonly #coalescing = new Coalescing();
  readonly #capacity: number;
  #turnover = new Turnover();
  #tally = new Tally();
  #order: AgentOrder | undefined;
  #itinerary: Itinerary | undefined;
  #pacer = new Pacer(performance.now());
  #window = new HandshakeWindow();
  /** Files that connections take, those that are counted out already included. */
  #sockets = 0;
  #nextNumber = 0;
  /** Of sessions that ended: who comes back is who left. */
  #freeNumbers: number[] = [];
  /** How many have been cut by a storm and not begun to come back. */
  #returning = 0;
  /** The highest of the run; an order that was overtaken must not make the same storm twice. */
  #storms = 0;
  readonly #endTurn = { place: 0 };
  readonly #echoTurn = { place: 0 };

  /** @param capacity the most connections this process can hold */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#handler = {
      binaryType: 'buffer',
      open: (client) => this.#opened(client),
      handshake: (client, isTrusted, error) => this.#secured(client, isTrusted, error),
      data: (client, bytes) => {
        this.#coalescing.noted();
        this.#inbound.receive(client, bytes);
      },
      drain: (client) => this.#outbound.drained(client),
      error: (client, error) => {
        client.data.ending ??= failureName(error);
      },
      close: (client, error) => this.#closed(client, error),
      // Reaches the program as the rejection of `Bun.connect`.
      connectError: () => {},
    };
  }

  get tally(): Tally {
    return this.#tally;
  }

  get open(): number {
    return this.#sessions.count;
  }

  get connecting(): number {
    return this.#opening.size;
  }

  /** Sockets that are not closed yet, also those of sessions that have left. */
  get sockets(): number {
    return this.#sockets;
  }

  get clockOffsetMs(): number {
    return this.#order?.clockOffsetMs ?? 0;
  }

  get order(): AgentOrder | undefined {
    return this.#order;
  }

  /** Takes what is wanted from now on; `tick` brings it about. */
  obey(order: AgentOrder): void {
    const isNewRun = this.#order?.run !== order.run;
    if (isNewRun) this.#begin(order);
    else if (order.storms > this.#storms) this.#storm();
    this.#storms = Math.max(this.#storms, order.storms);
    if (this.#itinerary?.isFor(order) !== true) this.#itinerary = new Itinerary(order);
    this.#order = order;
    this.#coalescing.ms = order.coalesceMs;
  }

  /** Ends every connection at once, since no order came; its sessions are counted as left. */
  drop(): void {
    this.#tally.dropped += this.open;
    this.cut();
  }

  /** Ends every connection at once, counted as left. */
  cut(): void {
    for (const client of this.#sessions.all()) this.#terminate(client);
    for (const [connection, client] of this.#opening) {
      this.#release(connection, 'over');
      client?.terminate();
    }
    this.#cutDepartures(Number.POSITIVE_INFINITY);
    this.#handshakes.clear();
  }

  /** @returns whether the next tick should come soon */
  tick(nowMs: number): boolean {
    const order = this.#order;
    if (order === undefined) return false;
    this.silence.turn(nowMs);
    for (const client of this.silence.sweep(this.#sessions)) this.#giveUp(client);
    this.#overdue(nowMs);
    this.#pacer.refill(order.rate, nowMs);
    const { leave, cut, away } = this.#turnover.due(order, this.open, nowMs);
    for (let i = 0; i < leave; i++) this.#leave(this.#sessions.next(this.#endTurn));
    for (let i = 0; i < cut; i++) this.#terminate(this.#sessions.next(this.#endTurn));
    this.#echo(this.#turnover.echoes(order, nowMs), nowMs);
    const wanted = Math.max(0, Math.min(order.connections, this.#capacity) - away);
    this.#converge(wanted, order.rate, nowMs);
    const isAtRest = this.open === wanted && this.connecting === 0 && order.echo === undefined;
    return !isAtRest || order.churnPerMinute > 0 || order.jitter !== undefined;
  }

  /** Nothing of the run before may reach into this one. */
  #begin(order: AgentOrder): void {
    this.cut();
    this.#tally = new Tally();
    this.#turnover = new Turnover();
    this.#window = new HandshakeWindow();
    this.#itinerary = undefined;
    this.#nextNumber = order.firstNumber;
    this.#freeNumbers = [];
    this.#returning = 0;
    this.#storms = 0;
  }

  /** Opens or closes what the rate allows. */
  #converge(wanted: number, rate: number, nowMs: number): void {
    const missing = wanted - this.open - this.connecting;
    if (missing > 0) {
      const most = this.#returning > 0 ? HANDSHAKES_IN_STORM : this.#window.size(rate);
      const free = Math.min(most - this.connecting, this.#capacity - this.#sockets);
      const room = Math.max(0, Math.min(missing, free));
      // Those of a storm come back at once; whoever fails then tries again at the rate.
      const returning = Math.min(room, this.#returning);
      this.#returning -= returning;
      const granted = returning + this.#pacer.take(room - returning);
      for (let i = 0; i < granted; i++) this.#connect(nowMs);
      return;
    }
    this.#returning = 0;
    const surplus = this.#pacer.take(Math.max(0, this.open - wanted));
    for (let i = 0; i < surplus; i++) this.#leave(this.#sessions.at(this.open - 1));
    this.#move();
  }

  /** Lets sessions go that are at targets no longer wanted; their places are filled again. */
  #move(): void {
    const itinerary = this.#itinerary;
    if (itinerary === undefined || !itinerary.hasStrangers) return;
    for (let place = 0; place < this.open; ) {
      const client = this.#sessions.at(place) as Client;
      if (itinerary.has(client.data.target)) place++;
      else if (this.#pacer.take(1) === 1) this.#leave(client);
      else return;
    }
    itinerary.hasStrangers = false;
  }

  #connect(nowMs: number): void {
    const itinerary = this.#itinerary as Itinerary;
    const { target, codec, source } = itinerary.next();
    const number = this.#freeNumbers.pop() ?? this.#nextNumber++;
    const connection = new Connection(number, codec, target, nowMs);
    this.#opening.set(connection, undefined);
    this.#tally.attempts++;
    this.#handshakes.push(connection, nowMs);
    const options = {
      hostname: target.hostname,
      port: target.port,
      socket: this.#handler,
      data: connection,
      // The certificate is verified, as other clients do.
      ...(target.isSecure ? { tls: { serverName: target.hostname } } : {}),
      // Bun binds to it before it connects, though its types do not name it.
      ...(source === undefined ? {} : { localAddress: source }),
    };
    this.#sockets++;
    Bun.connect<Connection>(options).catch((error: unknown) => {
      this.#sockets--;
      this.#failed(connection, failureName(error));
    });
  }

  /** Cuts what has been on its way for too long. */
  #overdue(nowMs: number): void {
    for (let next = this.#handshakes.take(nowMs); next; next = this.#handshakes.take(nowMs)) {
      if (!isUnderWay(next)) continue;
      const client = this.#opening.get(next);
      this.#failed(next, next.phase === 'connecting' ? 'ETIMEDOUT' : 'handshake timeout');
      client?.terminate();
    }
    this.#cutDepartures(nowMs);
  }

  /** Cuts what was asked to close and has not, in its time. */
  #cutDepartures(nowMs: number): void {
    for (let next = this.#departures.take(nowMs); next; next = this.#departures.take(nowMs)) {
      if (next.data.phase === 'leaving') next.terminate();
    }
  }

  #storm(): void {
    this.#returning += this.open;
    for (const client of this.#sessions.all()) this.#terminate(client);
  }

  #echo(count: number, nowMs: number): void {
    const { echo } = this.#order as AgentOrder;
    if (echo === undefined) return;
    for (let i = 0; i < Math.min(count, this.open); i++) {
      const client = this.#sessions.next(this.#echoTurn);
      // One at a time and session: what is late shows as echoes that are not answered.
      if (client === undefined || client.data.echoAtMs !== 0) continue;
      client.data.echoAtMs = nowMs;
      this.#tally.echoesSent++;
      const frame = (this.#itinerary as Itinerary).echoFrame(client.data, echo);
      this.#outbound.write(client, frame);
    }
  }

  // What sockets report.

  #opened(client: Client): void {
    const connection = client.data;
    if (connection.phase !== 'connecting') {
      client.terminate();
      return;
    }
    connection.phase = 'asking';
    this.#opening.set(connection, client);
    if (!connection.target.isSecure) this.#ask(client);
  }

  /** TLS is agreed upon, or refused by one side. */
  #secured(client: Client, isTrusted: boolean, error: unknown): void {
    if (isTrusted) this.#ask(client);
    else this.misunderstood(client, failureName(error));
  }

  #ask(client: Client): void {
    this.#outbound.write(client, wayOf(client.data).requests.first(client.data.number));
  }

  accepted(client: Client): void {
    client.data.phase = 'joining';
    if (client.data.codec.isEstablishedByAnswer) this.joined(client);
  }

  misunderstood(client: Client, name: string): void {
    client.data.ending = name;
    client.terminate();
  }

  joined(client: Client): void {
    const connection = client.data;
    if (connection.phase !== 'joining') return;
    connection.phase = 'established';
    this.#opening.delete(connection);
    this.#sessions.add(client);
    this.#tally.established++;
    const tookMs = performance.now() - connection.startedAtMs;
    this.#tally.connectLatency.record(tookMs * 1000);
    this.#window.record(tookMs);
    // It may have set out under an earlier order.
    const itinerary = this.#itinerary as Itinerary;
    if (!itinerary.has(connection.target)) itinerary.hasStrangers = true;
  }

  closeAsked(client: Client, name: string): void {
    const connection = client.data;
    if (connection.phase !== 'leaving') {
      // Counted at once: over TLS the connection stays until the server ends it, or is cut here.
      connection.ending = name;
      this.#over(connection, name);
      connection.phase = 'leaving';
      this.#outbound.write(client, CLOSE_FRAME);
      this.#departures.push(client, performance.now());
    }
    client.end();
  }

  // How connections end.

  #leave(client: Client | undefined): void {
    if (client === undefined) return;
    this.#release(client.data, 'leaving');
    this.#tally.left++;
    if (client.data.codec.cut === 'frames') this.#outbound.write(client, CLOSE_FRAME);
    // Of an answer that has no end, or has not come, there is nothing to say but this.
    else client.end();
    this.#departures.push(client, performance.now());
  }

  /** Cuts without a word, as a network does. */
  #terminate(client: Client | undefined): void {
    if (client === undefined) return;
    this.#release(client.data, 'over');
    this.#tally.left++;
    client.terminate();
  }

  /** The server is silent. */
  #giveUp(client: Client): void {
    this.#over(client.data, client.data.codec.cut === 'answers' ? 'poll timeout' : 'ping timeout');
    client.terminate();
  }

  #failed(connection: Connection, name: string): void {
    if (isUnderWay(connection)) this.#over(connection, name);
  }

  /** Counts one that is under way or established as failed or lost. */
  #over(connection: Connection, name: string): void {
    const isSession = connection.phase === 'established';
    this.#release(connection, 'over');
    if (isSession) this.#tally.lost(connection.ending ?? name);
    else this.#tally.failed(connection.ending ?? name);
  }

  #closed(client: Client, error: unknown): void {
    const connection = client.data;
    this.#sockets--;
    this.#inbound.forget(connection);
    this.#outbound.forget(connection);
    if (connection.phase === 'established' || isUnderWay(connection)) {
      this.#over(connection, failureName(error));
    }
    connection.phase = 'over';
  }

  /** Takes a connection that is under way or established off the books. */
  #release(connection: Connection, phase: 'leaving' | 'over'): void {
    if (connection.phase === 'established') this.#sessions.remove(connection.place);
    else this.#opening.delete(connection);
    connection.phase = phase;
    this.#freeNumbers.push(connection.number);
  }
}

function isUnderWay({ phase }: Connection): boolean {
  return phase === 'connecting' || phase === 'asking' || phase === 'joining';
}
