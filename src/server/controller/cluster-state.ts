/** What of a node's state is shared with the other nodes of its cluster, put together. */

import type { Config } from '../../host/config/schema.ts';
import type { Cluster } from '../core/contracts/cluster.ts';
import type { SessionClaim, SessionsElsewhere } from '../core/contracts/snapshots.ts';
import type { UserSeats } from '../core/contracts/user-seats.ts';
import type { Log } from '../core/log/log.ts';
import type { RedisCommands } from '../state/redis/redis-commands.ts';
import { SeenNodes } from '../state/redis/seen-nodes.ts';
import type { SeatOptions } from '../state/seats/embedded-seats.ts';
import { RedisSeats } from '../state/seats/redis-seats.ts';
import { ClusterSessions } from '../state/snapshots/cluster-sessions.ts';
import type { EmbeddedSnapshots } from '../state/snapshots/embedded-snapshots.ts';
import { AFTER_WINDOW_MS, SessionMirror } from '../state/snapshots/session-mirror.ts';
import type { HandedOver } from '../state/snapshots/session-service.ts';
import type { SharedView } from './node-view.ts';

/** By what it is shared. */
export interface SharedBy {
  readonly redis: RedisCommands;
  /** Begins all keys. */
  readonly prefix: string;
  readonly cluster: Cluster;
}

export interface OwnSessions {
  readonly snapshots: EmbeddedSnapshots;
  readonly handOver: (claim: SessionClaim) => Promise<HandedOver>;
}

export class ClusterState {
  readonly #by: SharedBy;
  readonly #log: Log;
  readonly #ends: (() => unknown)[] = [];
  #mirror: SessionMirror | undefined;
  #seats: RedisSeats | undefined;

  constructor(by: SharedBy, log: Log) {
    this.#by = by;
    this.#log = log;
  }

  get view(): SharedView {
    return { sessions: this.#mirror?.view, seats: this.#seats?.view };
  }

  /** Those of this node can be recovered on others from now on. */
  sessions(
    { recoveryWindowMs: windowMs }: Pick<Config, 'recoveryWindowMs'>,
    { snapshots, handOver }: OwnSessions,
  ): SessionsElsewhere {
    const { redis, prefix, cluster } = this.#by;
    const log = this.#log;
    const ours = { redis, prefix, node: cluster.node };
    const mirror = new SessionMirror({ ...ours, windowMs, snapshots, log });
    snapshots.watch(mirror);
    cluster.watch({ onReconnected: () => mirror.reconnected() });
    this.#mirror = mirror;
    const seen = new SeenNodes({ ...ours, keepMs: windowMs + AFTER_WINDOW_MS });
    const note = (node: number): void => seen.note(node);
    cluster.watch({ onPeer: note, onPeerGone: note });
    this.#ends.push(
      () => mirror.close(),
      () => seen.close(),
    );
    return new ClusterSessions({
      redis,
      prefix,
      cluster,
      lately: () => seen.nodes,
      handOver,
      endHere: (namespace, whom) => snapshots.end(namespace, whom),
      log,
    });
  }

  seats(options: SeatOptions): UserSeats {
    const { redis, prefix, cluster } = this.#by;
    const { node } = cluster;
    const peers = (): readonly number[] => cluster.peers;
    const seats = new RedisSeats({ ...options, redis, prefix, node, peers, log: this.#log });
    this.#ends.push(() => seats.close());
    this.#seats = seats;
    return seats;
  }

  /** Afterwards all that can be recovered has been written, if Redis answers in time. */
  async close(): Promise<void> {
    for (const end of this.#ends) await end();
  }
}
