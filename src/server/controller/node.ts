/**
 * One node, put together: supervisor, hub of the bus, admin API.
 *
 *     claim the port → hub → admin API → workers → all ready
 *
 * What fails on the way is undone, so that nothing half-started stays behind.
 */

import { rmSync } from 'node:fs';
import { type LeftToken, leaveToken } from '../../host/access/left-token.ts';
import { tlsPaths } from '../../host/access/tls-files.ts';
import { EMBEDDED } from '../../host/config/broker.ts';
import type { Config } from '../../host/config/schema.ts';
import { memoryOfHost } from '../../host/machine/host-memory.ts';
import { ownOpenFileLimit } from '../../host/machine/process-limits.ts';

import { EncodedEvent } from '../core/delivery/encoded-event.ts';
import type { Log, LossyLog } from '../core/log/log.ts';
import { nodeId } from '../links/broker/node-facts.ts';
import { RouteScope } from '../links/bus/bus-frame.ts';
import { Hub } from '../links/bus/hub.ts';
import { InterestTable } from '../links/bus/interest-table.ts';
import type { WorkerSample } from '../links/bus/sample.ts';
import {
  busSocketPath,
  type WorkerPlaces,
  type WorkerSettings,
} from '../links/bus/worker-settings.ts';
import { MAIN_NAMESPACE } from '../protocol/socketio-packet.ts';
import { type Admin, startAdmin } from './admin.ts';
import { processReport } from './admin-reports.ts';
import { capacityOf, memoryBudget, workerCount, workerPlaces } from './capacity.ts';
import { otherNodesOf } from './cluster-reports.ts';
import { ClusterSessionsView } from './cluster-sessions-view.ts';
import { ControllerCollector } from './controller-collector.ts';
import { HttpError } from './http-error.ts';
import { type JoinedBroker, joinBroker, NO_BROKER, NodeBroker } from './node-broker.ts';
import { identityOf } from './node-identity.ts';
import { NodeLog } from './node-log.ts';
import { appPath, checkCertificate, checkOwnPorts, makeRunDir } from './node-preconditions.ts';
import { type NodeRecording, openNodeRecording } from './node-recording.ts';
import { createNodeSessions } from './node-sessions.ts';
import { NodeState } from './node-state.ts';
import type {
  BrokerView,
  HubView,
  LogView,
  NodeView,
  SendReceipt,
  SendRequest,
  StateView,
  WorkerView,
} from './node-view.ts';
import { type ClaimedPort, claimPublicPort, publicHost } from './public-port.ts';
import type { SessionsView } from './sessions-view.ts';
import { Supervisor } from './supervisor.ts';
import { sayUncaught } from './uncaught.ts';
import type { Watchdog } from './watchdog.ts';
import { spawnWorker } from './worker-process.ts';
import { isSampleOf } from './worker-sample.ts';
import { watchWorkers } from './worker-watch.ts';

/** A node that takes sessions. */
export interface RunningNode {
  readonly publicPort: number;
  readonly adminPort: number;
  readonly workerCount: number;
  /** Stops workers and controller. @returns false when workers had to be killed */
  stop(timeoutMs?: number): Promise<boolean>;
}

/**
 * @param stopAsked gives up the start
 * @throws StartError when the node cannot start; nothing is left running then
 */
export async function startNode(
  config: Config,
  log: LossyLog,
  stopAsked: AbortSignal,
): Promise<RunningNode> {
  const joined = await joinBroker(config, log);
  const node = new Node(config, log, joined);
  const stop = (): void => void node.stop();
  stopAsked.addEventListener('abort', stop);
  try {
    await node.start();
    return node;
  } catch (error) {
    await node.stop(stopAsked.aborted ? undefined : 0);
    throw error;
  } finally {
    stopAsked.removeEventListener('abort', stop);
  }
}

/** What the node knows of a worker beside what the supervisor does. */
interface WorkerFacts {
  sample: WorkerSample | undefined;
  sampledAtMs: number | undefined;
}

class Node implements NodeView, RunningNode {
  readonly nodeId: string;
  readonly startedAtMs: number = Date.now();
  readonly publicPort: number;
  readonly workerCount: number;
  readonly sessions: SessionsView;
  readonly #number: number;
  readonly #config: Config;
  readonly #nodeLog: NodeLog;
  readonly #log: Log;
  /** Where the public port listens. */
  readonly #host: string;
  readonly #claim: ClaimedPort;
  readonly #app: string;
  readonly #places: WorkerPlaces;
  readonly #memoryBudgetBytes: number;
  readonly #runDir: string;
  readonly #facts: WorkerFacts[];
  readonly #hub: Hub;
  readonly #broker: NodeBroker | undefined;
  readonly #recoveryKey: string;
  readonly #state: NodeState;
  readonly #collector: ControllerCollector;
  readonly #supervisor: Supervisor;
  readonly #watchdog: Watchdog;
  #admin: Admin | undefined;
  #recording: NodeRecording | undefined;
  #hasStarted = false;
  #isStopping = false;
  #letGoOfFaults = (): void => {};

  constructor(config: Config, given: LossyLog, joined: JoinedBroker | undefined) {
    this.#config = config;
    this.#nodeLog = new NodeLog(given);
    const { log } = this.#nodeLog;
    this.#log = log;
    this.#app = appPath(config);
    ({ number: this.#number, recoveryKey: this.#recoveryKey } = identityOf(joined?.membership));
    this.nodeId = nodeId(this.#number);
    this.#places = workerPlaces(config, ownOpenFileLimit());
    this.workerCount = workerCount(config, capacityOf(this.#places));
    checkCertificate(config);
    this.#host = publicHost(config.host);
    this.#claim = claimPublicPort(this.#host, config.port);
    this.publicPort = this.#claim.port;
    this.#memoryBudgetBytes = memoryBudget(config, this.workerCount, memoryOfHost());
    checkOwnPorts(config, this.#host, this.workerCount, this.publicPort);
    this.#runDir = makeRunDir(config, log);
    this.#facts = Array.from({ length: this.workerCount }, () => {
      return { sample: undefined, sampledAtMs: undefined };
    });
    this.#state = new NodeState(config, memoryOfHost());
    const interest = new InterestTable();
    this.#broker = joined && this.#createBroker(joined, interest);
    this.#hub = new Hub({
      node: this.#number,
      events: {
        onReady: (worker, ready) => {
          this.#broker?.workerReady(worker, ready);
          this.#supervisor.markReady(worker);
        },
        onFailed: (worker, reason) => this.#supervisor.reportFailure(worker, reason),
        onSample: (worker, sample) => this.#sampled(worker, sample),
      },
      history: this.#state.history,
      settings: this.#state.settings,
      interest,
      log,
    });
    this.#state.serve(this.#hub, log, this.#broker?.sharedBy);
    this.sessions = this.#openSessions();
    this.#collector = new ControllerCollector(this.#hub.interest);
    this.#supervisor = new Supervisor({
      count: this.workerCount,
      log,
      spawn: (index) => {
        this.#facts[index] = { sample: undefined, sampledAtMs: undefined };
        this.#watchdog.forget(index);
        this.#broker?.workerStarts(index);
        this.#hub.look();
        return spawnWorker(this.#settingsOf(index), this.#nodeLog.ofWorker(index));
      },
    });
    this.#watchdog = watchWorkers({
      supervisor: this.#supervisor,
      cpuMsHeard: (index) => {
        const cpuMicroseconds = this.#facts[index]?.sample?.counters.cpuMicroseconds;
        return cpuMicroseconds && cpuMicroseconds / 1000;
      },
      replaceAfterMs: config.stallTimeoutMs,
      log,
    });
  }

  get adminPort(): number {
    return this.#admin?.port ?? this.#config.adminPort;
  }

  async start(): Promise<void> {
    this.#letGoOfFaults = sayUncaught(this.#log);
    await this.#broker?.start(this.#hub);
    this.#recording = this.#openRecording();
    this.#hub.listen(busSocketPath(this.#runDir));
    this.#admin = startAdmin(this, {
      host: this.#config.adminHost,
      port: this.#config.adminPort,
      token: this.#config.adminToken,
      tls: tlsPaths(this.#config.adminTlsCert, this.#config.adminTlsKey),
      leaveToken: (port, host) => this.#leaveToken(port, host),
      maxBodyBytes: this.#config.maxPayloadBytes,
      maxJsonKeys: this.#config.maxJsonKeys,
      ...(this.#broker === undefined ? {} : { otherNodes: otherNodesOf(this.#broker.cluster) }),
      log: this.#log,
    });
    this.#collector.start();
    this.#watchdog.start();
    await this.#supervisor.start();
    this.#claim.release();
    this.#hasStarted = true;
    this.#recording?.start();
  }

  async stop(timeoutMs: number = this.#config.shutdownTimeoutMs): Promise<boolean> {
    this.#isStopping = true;
    this.#claim.release();
    this.#watchdog.stop();
    const isClean = await this.#supervisor.stop(timeoutMs);
    this.#collector.stop();
    await this.#state.close();
    await this.#broker?.close();
    this.#hub.close();
    await this.#admin?.stop();
    if (this.#hasStarted) this.#recording?.close();
    else this.#recording?.discard();
    rmSync(this.#runDir, { recursive: true, force: true });
    this.#letGoOfFaults();
    return isClean;
  }

  // NodeView: what the admin API asks.

  isReady(): boolean {
    return !this.#isStopping && this.workers().some(takesSessions);
  }

  workers(): readonly WorkerView[] {
    return this.#supervisor.workers().map((worker) => {
      const facts = worker.pid === undefined ? undefined : this.#facts[worker.index];
      return {
        ...worker,
        port: this.#ownPort(worker.index) || undefined,
        sample: facts?.sample,
        lastSampleAtMs: facts?.sampledAtMs,
      };
    });
  }

  hub(): HubView {
    return {
      ...this.#hub.totals,
      queueBytes: this.#facts.map((_, worker) => this.#hub.queuedBytes(worker)),
      interestEntries: this.#hub.interest.entryCount,
    };
  }

  state(): StateView {
    return this.#state.view;
  }

  log(): LogView {
    return this.#nodeLog.view;
  }

  get host(): string {
    return this.#broker?.host ?? this.#host;
  }

  broker(): BrokerView {
    return this.#broker?.view ?? NO_BROKER;
  }

  async publish(message: SendRequest): Promise<SendReceipt> {
    const namespace = message.namespace ?? MAIN_NAMESPACE;
    const event = EncodedEvent.create(namespace, message.event, message.args);
    await this.#hub.publish(
      {
        scope: RouteScope.recipients,
        namespace,
        rooms: [message.room ?? []].flat(),
        users: [message.user ?? []].flat(),
        except: [message.except ?? []].flat(),
      },
      event,
    );
    return { accepted: true, id: crypto.randomUUID() };
  }

  async profile(worker: number, seconds: number): Promise<Uint8Array<ArrayBuffer>> {
    if (worker >= this.workerCount) {
      const last = this.workerCount - 1;
      throw new HttpError(404, `There is no worker ${worker}; they are numbered 0 to ${last}.`);
    }
    return await this.#hub.profile(worker, seconds);
  }

  #sampled(worker: number, sample: unknown): void {
    // Its event loop goes round, whatever it says.
    this.#watchdog.heard(worker);
    if (!isSampleOf(worker, sample)) {
      this.#log.warn(`worker ${worker} says of itself what cannot be read`, { worker });
      return;
    }
    this.#facts[worker] = { sample, sampledAtMs: Date.now() };
    this.#recording?.observe(sample);
  }

  #createBroker(joined: JoinedBroker, interest: InterestTable): NodeBroker {
    return new NodeBroker({
      config: this.#config,
      joined,
      state: this.#state,
      interest,
      publicPort: this.publicPort,
      workerCount: this.workerCount,
      log: this.#log,
    });
  }

  #openSessions(): SessionsView {
    const cluster = this.#broker?.cluster;
    const own = createNodeSessions(this.#hub, this.#config, this, this.#state, cluster);
    if (cluster === undefined) return own;
    cluster.onCall('process', async () => processReport(this, Date.now()));
    return new ClusterSessionsView(own, cluster);
  }

  /** @throws StartError when there is a file of another run, or none can be written */
  #openRecording(): NodeRecording | undefined {
    const { recordDir } = this.#config;
    if (recordDir === undefined) return undefined;
    return openNodeRecording(recordDir, {
      view: this,
      config: this.#config,
      workerCount: this.workerCount,
      capacity: this.workerCount * capacityOf(this.#places),
      log: this.#log,
    });
  }

  /** A node whose user has no place of its own starts all the same, but takes no orders. */
  #leaveToken(port: number, host: string): LeftToken | undefined {
    try {
      return leaveToken({ of: 'admin', port, host });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.warn('no admin token can be left for commands: set adminToken', { reason });
      return undefined;
    }
  }

  #ownPort(index: number): number {
    return this.#config.workerPorts ? this.#config.workerPortBase + index : 0;
  }

  #settingsOf(index: number): WorkerSettings {
    return {
      worker: index,
      workerCount: this.workerCount,
      node: this.#number,
      runDir: this.#runDir,
      publicPort: this.publicPort,
      ownPort: this.#ownPort(index),
      app: this.#app,
      places: this.#places,
      config: {
        ...this.#config,
        host: this.#host,
        adminToken: undefined,
        // Its URL may have a password.
        broker: EMBEDDED,
        clusterSecret: undefined,
      },
      memoryBudgetBytes: this.#memoryBudgetBytes,
      historyEpoch: this.#state.history.epoch,
      recoveryKey: this.#recoveryKey,
      cluster: this.#broker?.place,
    };
  }
}

/** A worker that has not sent a sample yet has just started, and is empty. */
function takesSessions({ state, sample }: WorkerView): boolean {
  if (state !== 'running') return false;
  if (sample === undefined) return true;
  return sample.gauges.freePlaces > 0;
}
