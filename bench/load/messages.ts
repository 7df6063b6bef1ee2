/**
 * What the benchmark and its load client say to each other over IPC: one answer per request, by
 * id, and a count of progress now and then. Counters only grow; the benchmark subtracts.
 */

import type { ClientProtocol } from '../contestants/contract.ts';

/** How the client process is told what to connect to; its only argument, as JSON. */
export interface LoadSettings {
  readonly url: string;
  readonly protocol: ClientProtocol;
  /** What sessions present; nothing unless given. */
  readonly auth?: string | undefined;
}

export type LoadCommand =
  /**
   * Establish this many sessions, so many in a second, or as fast as it goes; answers when all
   * are.
   */
  | { readonly kind: 'fill'; readonly sessions: number; readonly perSecond?: number }
  /** Close every session; answers when all connections are gone. */
  | { readonly kind: 'leave' }
  /** Answers when this many deliveries have come since the start of the process. */
  | { readonly kind: 'await'; readonly deliveries: number }
  | { readonly kind: 'counters' };

export type LoadRequest = LoadCommand & { readonly id: number };

export interface LoadCounters {
  readonly established: number;
  readonly deliveries: number;
  /** Bytes on the wire of the deliveries, frame headers included. */
  readonly deliveryBytes: number;
  /** Handshakes that failed and were tried again. */
  readonly failures: number;
  /** Established sessions that ended without being asked to. */
  readonly lost: number;
  /** Connections that the server did not close when they left, and that were cut off. */
  readonly cut: number;
  /** Longest delay of the client's event loop since the last answer. */
  readonly loopLagMs: number;
}

export type LoadAnswer =
  | { readonly kind: 'progress'; readonly established: number }
  | { readonly kind: 'done'; readonly id: number; readonly counters: LoadCounters }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };
