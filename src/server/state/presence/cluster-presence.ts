/**
 * Presence over all nodes: each keeps all of it, and tells its own clients.
 *
 *     own workers ─reports─▶ store ◀─reports, gathered─ other nodes, of their workers
 *                    └─gathered─▶ other nodes
 *
 * Workers of other nodes have numbers that no worker of this one has. What is told says what is,
 * as the reports of workers do, so a node that begins, or may have missed something, is told all
 * that the workers of this one have, in pieces between a beginning and an end. At the beginning
 * it forgets what it knew, as of workers that died: who is named again in the grace time was never
 * away, and its rooms hear of nothing until the end.
 */

import type { RoomPresence } from '../../core/app/app.ts';
import type { Cluster } from '../../core/contracts/cluster.ts';
import type { PresenceFigures, PresenceStore, RoomReport } from '../../core/contracts/presence.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { STATE_SERVICE } from '../../links/bus/state-service.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import type { EmbeddedPresence } from './embedded-presence.ts';
import { readReports, writeReports } from './presence-frames.ts';

/** What nodes tell each other; `reports` with how many workers, and number and rooms of each. */
const NodeSays = { reports: 1, forgetWorker: 2, allBegins: 3, allEnds: 4 } as const;

/** Names in one piece, in characters: far below what a frame may hold. */
const PIECE_LENGTH = 262_144;
/** What a report takes beside names, in bytes. */
const REPORT_LENGTH = 24;
/** Users in a part of a room, so that a piece ends where it should. */
const PART_USERS = 1_000;
/** What one says after it is gone comes in seconds. */
const GONE_MAX = 64;
/** The end of what is told anew may be lost: rooms wait for it no longer. */
const HOLD_MS = 2_000;

export type PresenceCluster = Pick<Cluster, 'node' | 'peers' | 'tell' | 'onTold' | 'watch'>;

export class ClusterPresence implements PresenceStore {
  readonly #store: EmbeddedPresence;
  readonly #cluster: PresenceCluster;
  /** Reports that the other nodes are to have. */
  #gathered: (readonly [worker: number, rooms: readonly RoomReport[]])[] = [];
  #length = 0;
  #timer: Timer | undefined;
  /** Nodes that are gone, the last of them: what they still say is not to be kept. */
  readonly #gone: Set<number> = new Set();
  /** Nodes that are being told all, and the latest time of it. */
  readonly #telling: Map<number, object> = new Map();

  constructor(store: EmbeddedPresence, cluster: PresenceCluster) {
    this.#store = store;
    this.#cluster = cluster;
    cluster.onTold(STATE_SERVICE.presence, (from, frame) => this.#hear(from, frame));
    cluster.watch({
      onPeer: (node) => {
        this.#gone.delete(node);
        void this.#tellAll(node);
      },
      onResync: (node) => void this.#tellAll(node),
      onPeerGone: (node) => this.#forget(node),
    });
  }

  get figures(): PresenceFigures {
    return this.#store.figures;
  }

  report(worker: number, rooms: readonly RoomReport[]): void {
    this.#store.report(worker, rooms);
    if (this.#cluster.peers.length === 0) return;
    this.#gathered.push([worker, rooms]);
    for (const report of rooms) this.#length += lengthOf(report);
    if (this.#length >= PIECE_LENGTH) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), LIMITS.presenceGatherMs);
  }

  forgetWorker(worker: number): void {
    this.#store.forgetWorker(worker);
    this.flush();
    this.#say((frame) => frame.u8(NodeSays.forgetWorker).u32(worker));
  }

  list(namespace: string, room: string, most: number): Promise<RoomPresence> {
    return this.#store.list(namespace, room, most);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#telling.clear();
    this.#store.close();
  }

  /** Tells other nodes what has been gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#length = 0;
    if (gathered.length > 0) this.#say((frame) => writeGathered(frame, gathered));
  }

  #say(write: (frame: FrameWriter) => void, to?: number): void {
    this.#cluster.tell(STATE_SERVICE.presence, write, to);
  }

  /** Piece by piece, so that others have their turn; other reports come in between. */
  async #tellAll(node: number): Promise<void> {
    const telling = {};
    this.#telling.set(node, telling);
    this.#say((frame) => frame.u8(NodeSays.allBegins), node);
    let piece: (readonly [worker: number, rooms: readonly RoomReport[]])[] = [];
    let length = 0;
    for (const [worker, report] of this.#store.reportsOf(isOwn, PART_USERS)) {
      piece.push([worker, [report]]);
      length += lengthOf(report);
      if (length < PIECE_LENGTH) continue;
      const said = piece;
      this.#say((frame) => writeGathered(frame, said), node);
      piece = [];
      length = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
      // It is gone, or is told anew.
      if (this.#telling.get(node) !== telling) return;
    }
    this.#telling.delete(node);
    if (piece.length > 0) this.#say((frame) => writeGathered(frame, piece), node);
    this.#say((frame) => frame.u8(NodeSays.allEnds), node);
  }

  #forget(node: number): void {
    this.#telling.delete(node);
    this.#gone.delete(node);
    this.#gone.add(node);
    for (const oldest of this.#gone) {
      if (this.#gone.size <= GONE_MAX) break;
      this.#gone.delete(oldest);
    }
    this.#store.forgetWorkers((worker) => nodeOf(worker) === node);
  }

  #hear(from: number, frame: FrameReader): void {
    // One that is not known yet may be faster than the word that it is there.
    if (this.#gone.has(from)) return;
    switch (frame.u8()) {
      case NodeSays.reports:
        for (let left = frame.u32(); left > 0; left--) {
          const worker = numberOf(from, frame.u32());
          // What kind of word it is, as a worker says it.
          frame.u8();
          this.#store.report(worker, readReports(frame));
        }
        return;
      case NodeSays.forgetWorker:
        this.#store.forgetWorker(numberOf(from, frame.u32()));
        return;
      case NodeSays.allBegins:
        this.#store.hold(HOLD_MS);
        this.#store.forgetWorkers((worker) => nodeOf(worker) === from);
        return;
      case NodeSays.allEnds:
        this.#store.hold(0);
    }
  }
}

function isOwn(worker: number): boolean {
  return worker < LIMITS.workersPerNode;
}

/** @throws RangeError when a node cannot have such a worker */
function numberOf(node: number, worker: number): number {
  if (worker >= LIMITS.workersPerNode) throw new RangeError(`no node has a worker ${worker}`);
  return (node + 1) * LIMITS.workersPerNode + worker;
}

/** The node of a worker of another one; -1 for those of this one. */
function nodeOf(worker: number): number {
  return Math.floor(worker / LIMITS.workersPerNode) - 1;
}

function writeGathered(
  frame: FrameWriter,
  gathered: readonly (readonly [worker: number, rooms: readonly RoomReport[]])[],
): void {
  frame.u8(NodeSays.reports).u32(gathered.length);
  for (const [worker, rooms] of gathered) writeReports(frame.u32(worker), rooms);
}

function lengthOf({ namespace, room, users }: RoomReport): number {
  const own = REPORT_LENGTH + namespace.length + room.length;
  return users.reduce((sum, { user }) => sum + user.length, own);
}
