/**
 * What a coordinator and an agent say to each other.
 *
 * An order is the whole state that the coordinator wants, not a step towards it: it may be sent
 * again, lost or overtaken without harm. Each `POST /order` is answered with a sample, so one
 * request a second and agent is all there is. Counters in a sample only grow within one run; the
 * coordinator subtracts.
 *
 *     POST /order   AgentOrder → AgentSample     Authorization: Bearer TOKEN
 *     GET  /sample  AgentSample                  Authorization: Bearer TOKEN
 *     GET  /health  the agent is alive           open to all
 *
 * What is refused is answered with `{"error": "<one sentence>"}`. An agent that hears nothing for
 * `ORDER_TIMEOUT_MS` drops its connections, so that no load outlives its coordinator.
 */

import type { HistogramData } from './histogram.ts';

export const ORDER_TIMEOUT_MS = 30_000;

/** An agent that rests for longer answers its coordinator late, and so do its sessions. */
export const COALESCE_MAX_MS = 100;

/** The environment variable that holds an agent's token. */
export const AGENT_TOKEN_VARIABLE = 'HOLDFAST_AGENT_TOKEN';

/**
 * Socket.IO v5 over Engine.IO v4 on WebSocket alone, or one of four ways on which a server speaks
 * the plain protocol of Holdfast (docs/PROTOCOL.md) or sends what it likes: WebSocket, Server-Sent
 * Events, an answer without an end with a message a line, long-polling. A server that likes to be
 * polled answers the first poll at once.
 */
export type ClientProtocol = (typeof CLIENT_PROTOCOLS)[number];

export const CLIENT_PROTOCOLS = ['socket-io', 'websocket', 'sse', 'stream', 'poll'] as const;

/** Whether sessions of a protocol can send: the others would need a second connection for it. */
export function hasEchoes(protocol: ClientProtocol): boolean {
  return protocol === 'socket-io' || protocol === 'websocket';
}

export interface AgentOrder {
  /** A new name begins a new run: counters start at nothing, connections of the old one leave. */
  readonly run: string;
  /** Connections to hold; reached at `rate`, upwards and downwards. */
  readonly connections: number;
  /** Connections opened, or closed, in one second by this agent; more than 0. */
  readonly rate: number;
  /**
   * `ws://host:port/path?query` (also `http:`), used in turn. When they change, the connections
   * move to the new ones, which takes two actions of `rate` each: one ends, one begins. Without a
   * path, the protocol's own is asked for (`/socket.io/`, `/ws`, `/sse`, `/poll`); what the
   * protocol wants in the query is added by the agent. With `wss:` or `https:` the certificate must
   * be one that the agent trusts; `NODE_EXTRA_CA_CERTS` in its environment names further
   * authorities.
   */
  readonly targets: readonly string[];
  /**
   * Local IP addresses, used in turn; without any, the kernel chooses. Each that is named has one
   * range of ports for all targets together.
   */
  readonly sources: readonly string[];
  readonly mix: readonly ProtocolWeight[];
  /** The number of this agent's first session; the others follow it. */
  readonly firstNumber: number;
  /**
   * JSON for Socket.IO's CONNECT packet, or the query parameter `auth` of the other protocols;
   * `{n}` in it becomes the session's number.
   */
  readonly auth?: string | undefined;
  readonly echo?: EchoOrder | undefined;
  /** Sessions that leave and come back in one minute; 0 for none. */
  readonly churnPerMinute: number;
  readonly jitter?: JitterOrder | undefined;
  /** Each time this number grows, all sessions are cut and come back as fast as they can. */
  readonly storms: number;
  /** How long messages may gather before the agent reads them; 0 for each at once. */
  readonly coalesceMs: number;
  /** Add it to the agent's clock to get the coordinator's, for latencies of broadcasts. */
  readonly clockOffsetMs: number;
}

export interface ProtocolWeight {
  readonly protocol: ClientProtocol;
  /** Relative to the other weights; more than 0. */
  readonly weight: number;
}

/**
 * Sessions in turn send a message; the ack answers, or where the server speaks no protocol over its
 * WebSocket, the next frame. No other protocol can: `hasEchoes`.
 */
export interface EchoOrder {
  /** Messages in one second by this agent. */
  readonly perSecond: number;
  /** The event's name, where there are events. */
  readonly event: string;
  readonly payloadBytes: number;
}

/** Each session is cut after `everyMs` and comes back `awayMs` later. */
export interface JitterOrder {
  readonly everyMs: number;
  readonly awayMs: number;
}

/** What an agent answers to whoever only looks. */
export interface AgentBrief {
  readonly open: number;
  readonly connecting: number;
  /** Connections that it can hold. */
  readonly capacity: number;
}

export interface AgentSample {
  readonly run: string;
  /**
   * Random, and another one each time the agent begins a run; empty before the first. When it
   * changes within a run, the agent was started again or obeyed another coordinator meanwhile.
   */
  readonly beginning: string;
  readonly pid: number;
  /** By the agent's own clock, in milliseconds since 1970. */
  readonly atMs: number;
  /** Sessions that are established. */
  readonly open: number;
  /** Connections on the way to a session. */
  readonly connecting: number;
  readonly counters: AgentCounters;
  /** The broadcasts heard last, oldest first, at most `BROADCASTS_KEPT`. */
  readonly broadcasts: readonly BroadcastReceipts[];
  /** All of the run so far, in microseconds. */
  readonly latencies: AgentLatencies;
  readonly usage: AgentUsage;
}

export interface AgentCounters {
  /** Connections begun. */
  readonly attempts: number;
  /** Sessions established. */
  readonly established: number;
  /** Sessions ended by the agent: told to hold fewer, churn, jitter, storm, or dropped. */
  readonly left: number;
  /** Those of them that were dropped since no order came for `ORDER_TIMEOUT_MS`. */
  readonly dropped: number;
  /** Connections that never became a session, by `FailureName`. */
  readonly failures: Readonly<Record<string, number>>;
  /** Sessions that ended without being asked to, by `FailureName`. */
  readonly losses: Readonly<Record<string, number>>;
  /** Messages received that are neither heartbeats nor answers to echoes. */
  readonly deliveries: number;
  /** Their bytes on the wire, with the heads of frames, chunks and answers. */
  readonly deliveryBytes: number;
  /** Marked broadcasts that one session got a second time, or after a later one. */
  readonly duplicates: number;
  /** Heartbeats of the server: pings answered, signs of life on streams, polls asked again. */
  readonly heartbeats: number;
  readonly echoesSent: number;
  readonly echoesAnswered: number;
}

/**
 * How a connection failed or a session was lost: a code of the system (`ECONNREFUSED`) or of TLS
 * (`DEPTH_ZERO_SELF_SIGNED_CERT`), `HTTP 503` for a refused request, `closed 1012` for a close
 * frame, `closed` for an end without one, `refused` for a session that the app refused, `handshake
 * timeout`, `ping timeout` for a server that sent no heartbeat for its own `pingInterval` and
 * `pingTimeout` together, `poll timeout` for a poll that it did not answer, `stream ended` for an
 * answer without an end that ended, `disconnected` for a session of the plain protocol that the
 * server ended, `session forgotten` for one whose poll began another, `unfinished messages` when an
 * agent has no room for them, `not the protocol`, or `other names` from the hundredth name on.
 */
export type FailureName = string;

/** How many sessions of this agent got the broadcast with this number. */
export interface BroadcastReceipts {
  readonly sequence: number;
  readonly received: number;
}

export const BROADCASTS_KEPT = 32;

export interface AgentLatencies {
  /** From the beginning of the TCP connection to the session. */
  readonly connect: HistogramData;
  /** From the time in the broadcast's mark to its arrival, by the coordinator's clock. */
  readonly delivery: HistogramData;
  /** From a message to its ack. */
  readonly echo: HistogramData;
}

export interface AgentUsage {
  /** User and system time of the process since it started. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** The longest delay of its event loop since the last sample. */
  readonly loopLagMs: number;
  /** The open-file limit of the process. */
  readonly openFileLimit: number;
  /** Connections that the agent can hold under that limit. */
  readonly capacity: number;
}

/**
 * The mark of a broadcast, found anywhere in the text of a message: its number, from 1 on, and the
 * coordinator's clock in microseconds since 1970.
 */
export function broadcastMark(sequence: number, atMicros: number): string {
  return `fleet:${sequence}:${Math.round(atMicros)};`;
}
