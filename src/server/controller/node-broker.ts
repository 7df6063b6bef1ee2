/**
 * The broker of a node, as the config has it: connected before the node is made, since other nodes
 * say which number it may have and what it shares with them.
 */

import { EMBEDDED } from '../../host/config/broker.ts';
import type { Config } from '../../host/config/schema.ts';
import { hostAddress } from '../../host/machine/host-address.ts';
import type { Log } from '../core/log/log.ts';
import type { NodeCluster } from '../links/broker/cluster.ts';
import { Membership } from '../links/broker/membership.ts';
import { areNamespaces } from '../links/broker/node-facts.ts';
import type { NodeRelay } from '../links/broker/node-relay.ts';
import { ownPrefix, RedisBroker } from '../links/broker/redis-broker.ts';
import type { WorkerReady } from '../links/bus/bus-frame.ts';
import type { Hub } from '../links/bus/hub.ts';
import type { InterestTable } from '../links/bus/interest-table.ts';
import type { ClusterPlace } from '../links/bus/worker-settings.ts';
import { NodesService } from '../links/nodes/nodes-service.ts';
import type { RedisLink } from '../links/redis/redis-link.ts';
import { readAudienceKey } from '../protocol/interest-key.ts';
import { StreamHistory } from '../state/history/stream-history.ts';
import type { SharedBy } from './cluster-state.ts';
import type { NodeState } from './node-state.ts';
import type { BrokerView } from './node-view.ts';
import { StartError } from './start-error.ts';

/** Connected, and with a number: not yet at work. */
export interface JoinedBroker {
  readonly link: RedisLink;
  readonly membership: Membership;
  /** From now on it hears what Redis says. */
  hand(broker: RedisBroker): void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * @returns nothing for a node by itself
 * @throws StartError when Redis cannot be reached, or refuses
 */
export async function joinBroker(config: Config, log: Log): Promise<JoinedBroker | undefined> {
  if (config.broker === EMBEDDED) return undefined;
  // Only controllers with a broker load the library.
  const { openRedisLink } = await import('../links/redis/redis-link.ts');
  let broker: RedisBroker | undefined;
  const link = await openRedisLink(
    { url: config.broker, caFile: config.brokerCaFile, connectTimeoutMs: CONNECT_TIMEOUT_MS },
    {
      onMessage: (...said) => broker?.onMessage(...said),
      onConnected: (afterMs) => broker?.onConnected(afterMs),
      onLost: () => broker?.onLost(),
    },
    log,
  ).catch((error: unknown) => {
    throw startFault(error);
  });
  try {
    const membership = await Membership.join({
      prefix: ownPrefix(config),
      secret: config.clusterSecret,
      commands: link,
      log,
    });
    return {
      link,
      membership,
      hand: (given) => {
        broker = given;
      },
    };
  } catch (error) {
    await link.close();
    throw startFault(error);
  }
}

export interface NodeBrokerOptions {
  readonly config: Config;
  readonly joined: JoinedBroker;
  readonly state: NodeState;
  readonly interest: InterestTable;
  readonly publicPort: number;
  readonly workerCount: number;
  readonly log: Log;
}

/** The broker of a node at work. */
export class NodeBroker {
  readonly #joined: JoinedBroker;
  readonly #prefix: string;
  readonly #broker: RedisBroker;
  /** Under which workers of other nodes reach those of this one. */
  readonly host: string;
  readonly #config: Config;
  /** Of the workers, for those of other nodes; 0 where there is none yet. */
  readonly #ports: number[];
  #namespaces: readonly string[] = [];
  #relay: NodeRelay | undefined;

  constructor(options: NodeBrokerOptions) {
    const { config, joined, state, interest, publicPort, log } = options;
    this.#config = config;
    this.#joined = joined;
    this.host = config.clusterHost === 'auto' ? hostAddress() : config.clusterHost;
    this.#ports = Array.from({ length: options.workerCount }, () => 0);
    this.#prefix = ownPrefix(config);
    const history = state.settings.keepsHistory ? this.#createHistory(state) : undefined;
    if (history !== undefined) state.share(history);
    this.#broker = new RedisBroker({
      config,
      link: joined.link,
      membership: joined.membership,
      kept: history && {
        take: (entry, offset, how) => history.take(entry, offset, how),
        reached: (offset) => history.reached(offset),
        missed: (upTo) => history.missed(upTo),
        roomsOf: (route, body) => this.#relay?.kept.roomsOf(route, body) ?? [],
      },
      pastMs: state.keptMs,
      interest,
      log,
      facts: () => ({
        host: this.host,
        publicPort,
        ports: this.#ports,
        namespaces: this.#namespaces,
      }),
    });
    joined.hand(this.#broker);
  }

  get cluster(): NodeCluster {
    return this.#broker.cluster;
  }

  /** Where workers of this node listen for those of others, and what those have to know. */
  get place(): ClusterPlace {
    const secret = this.#joined.membership.keyFor('peers');
    return { secret, host: this.host, port: this.#config.clusterPort };
  }

  /** A worker is started, perhaps in the place of one that has died. */
  workerStarts(worker: number): void {
    this.#ports[worker] = 0;
  }

  workerReady(worker: number, { nodePort, namespaces }: WorkerReady): void {
    this.#ports[worker] = nodePort;
    // Workers run the app: what they say is judged.
    if (areNamespaces(namespaces)) {
      this.#namespaces = namespaces;
      this.#broker.setNamespaces(namespaces);
    }
    this.#broker.cluster.sayFacts();
  }

  /** By what state is shared with other nodes. */
  get sharedBy(): SharedBy {
    return { redis: this.#joined.link, prefix: this.#prefix, cluster: this.cluster };
  }

  /** How it stands. */
  get view(): BrokerView {
    const { link } = this.#joined;
    const isWhole = link.isConnected && link.fault === undefined;
    return {
      state: isWhole ? 'connected' : 'degraded',
      fault: link.fault ?? (link.isConnected ? undefined : 'unreachable'),
      cluster: this.#broker.cluster.figures,
      stream: this.#broker.streamFigures,
      foreign: this.#broker.foreignFigures,
      redis: link.figures,
    };
  }

  /** Reads what rooms keep already; from then on what others say reaches workers. */
  async start(hub: Hub): Promise<void> {
    const rememberMs = this.#config.recoveryWindowMs;
    hub.addService(new NodesService(this.cluster, hub, this.#ports.length, rememberMs));
    // What rooms keep is told by the hub, also of what was said before.
    this.#relay = hub.linkNodes(this.#broker);
    await this.#broker.load();
    this.#broker.start(this.#relay);
  }

  async close(): Promise<void> {
    await this.#broker.close();
    await this.#joined.link.close();
  }

  #createHistory({ copy, settings }: NodeState): StreamHistory {
    return new StreamHistory({
      epoch: this.#joined.membership.epoch,
      copy,
      nowMs: () => performance.now(),
      settingsOf: (key) => {
        const [, room] = readAudienceKey(key) ?? [];
        return room === undefined ? undefined : settings.of(room).history;
      },
      say: (rooms, body) => this.#broker.sayKept(rooms, body),
      onKept: (body, offset) => this.#relay?.kept.deliver(body, offset),
    });
  }
}

/** Of a node by itself. */
export const NO_BROKER: BrokerView = { state: 'embedded', fault: undefined };

function startFault(error: unknown): StartError {
  const reason = error instanceof Error ? error.message : String(error);
  return new StartError(`The broker cannot be used: ${reason}`, { cause: error });
}
