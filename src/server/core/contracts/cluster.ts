/**
 * The other nodes, as the controller of one sees them: who is there, and ways to tell and to ask
 * them. What is said to sessions goes by the broker (`links/bus/other-nodes.ts`); this is for what
 * nodes keep.
 *
 *     tell ─▶ all other nodes, or one: in order, at most once
 *     call ─▶ one node, which answers in time or has not answered
 *
 * Implementations: `links/broker/cluster.ts`, over Redis. A single node has none.
 */

import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';

/** Where another node takes requests of clients whose session it has. */
export interface NodePlace {
  /** Its number, as session ids name it. */
  readonly node: number;
  /** Host or address under which other hosts reach it. */
  readonly host: string;
  /** Port of each worker for other nodes, by the worker's number; 0 where there is none yet. */
  readonly ports: readonly number[];
}

/** Who is told about other nodes. */
export interface ClusterEvents {
  /** A node is there that was not, or began anew. What it holds is not known yet. */
  onPeer?(node: number): void;
  /** It has stopped, or has not been heard of for `nodeGoneMs`. */
  onPeerGone?(node: number): void;
  /** What was told may have been lost since: to be told anew, by whoever knows. */
  onResync?(node: number): void;
  /** What nodes keep for each other is there again after a break, perhaps without what it had. */
  onReconnected?(): void;
  /** Nodes or their places have changed. */
  onPlaces?(places: readonly NodePlace[]): void;
}

export interface Cluster {
  /** The number of this node. */
  readonly node: number;
  /** Numbers of the other nodes that are there. */
  readonly peers: readonly number[];
  readonly places: readonly NodePlace[];
  /**
   * Says something to the other ends of a service (`STATE_SERVICE`). Those who are not there do not
   * hear it; `onPeer` and `onResync` say when it is to be said anew.
   *
   * @param to one node; all others without it
   */
  tell(service: number, write: (frame: FrameWriter) => void, to?: number): void;
  /** From now on `onTold` hears what other nodes tell the service. What it throws is logged. */
  onTold(service: number, hear: (from: number, frame: FrameReader) => void): void;
  /**
   * Asks a node. Arguments and answers are plain JSON.
   *
   * @throws Error when it is not there, fails, or does not answer in time
   */
  call(to: number, method: string, args: unknown, timeoutMs?: number): Promise<unknown>;
  /** From now on others may ask for it. The arguments come from another node: judge them. */
  onCall(method: string, answer: (args: unknown, from: number) => Promise<unknown>): void;
  watch(events: ClusterEvents): void;
}
