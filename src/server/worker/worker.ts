/**
 * One worker, put together: core, kinds of client, peers, bus and ports.
 *
 *     connect to the bus → load the app → join the bus → `started` → listen → say ready
 *
 * In this order nothing comes in before somebody can take it.
 */

import { ForeignJson } from '../../host/runtime/foreign-json.ts';
import { ClientTable } from '../clients/session/client-table.ts';
import { LocalOwner } from '../clients/session/local-owner.ts';
import { WaitingPolls } from '../clients/session/waiting-polls.ts';
import { AddressCrowd } from '../clients/source/address-crowd.ts';
import { RequestSources } from '../clients/source/request-sources.ts';
import { SourceKeys } from '../clients/source/source-keys.ts';
import { TrustedProxies } from '../clients/source/trusted-proxies.ts';
import type { App } from '../core/app/app.ts';
import type { ClientKind } from '../core/contracts/client-kind.ts';
import type { Identity } from '../core/contracts/identity.ts';
import { Heartbeat } from '../core/heartbeat.ts';
import type { Counters } from '../core/limits/counters.ts';
import { assertLimits, LIMITS } from '../core/limits/limits.ts';
import { MemoryBudget } from '../core/limits/memory-budget.ts';
import { AddressLimits } from '../core/limits/places/address-limits.ts';
import { Places } from '../core/limits/places/places.ts';
import { Refusals } from '../core/limits/refusals.ts';
import { SlowReaders } from '../core/limits/slow-readers.ts';
import { describeError, type Log } from '../core/log/log.ts';
import { RoomSettingsTable } from '../core/rooms/room-settings.ts';
import { WorkerCore } from '../core/worker-core.ts';
import type { HttpHooks } from '../identity/hooks/http-hooks.ts';
import { ConfiguredRoomRules } from '../identity/room-rules.ts';
import { BusClient } from '../links/bus/bus-client.ts';
import type { WorkerProfile } from '../links/bus/worker-profile.ts';
import { answerQuestions } from '../links/bus/worker-questions.ts';
import { busSocketPath, type WorkerSettings } from '../links/bus/worker-settings.ts';
import { CLOSE_CODE } from '../protocol/close-code.ts';
import { connectPresence } from '../state/presence/presence-client.ts';
import { connectSeats } from '../state/seats/seat-client.ts';
import { loadApp, runStarted } from './app-loader.ts';
import { type ClientKinds, createClientKinds } from './client-kinds.ts';
import { Door } from './door/door.ts';
import { OpenFiles } from './door/open-files.ts';
import { CHECK_MS, GarbageCollector } from './garbage-collector.ts';
import { readGauges } from './gauges.ts';
import { openHooks } from './open-hooks.ts';
import { openIdentity } from './open-identity.ts';
import type { Profiler } from './profiler.ts';
import { PublicServer } from './public-server.ts';
import { BEAT_MS, Pulse } from './pulse.ts';
import { createRecovery, type Recovery } from './recovery.ts';
import { SAMPLE_MS, Sampler } from './sampler.ts';
import { SessionOwners } from './session-owners.ts';

/** How long a dying controller may still look alive. */
const CONTROLLER_GONE_MS = 1_000;

/** Cleaners of temporary folders, which may take a socket's name, come far less often. */
const LOOK_FOR_PEERS_MS = 2_000;

/** Close frames need a moment on their way before the process ends. */
const FAREWELL_MS = 200;
/** How long clients between two polls may take to ask for what was said to them before the end. */
const LAST_WORDS_MS = 1_000;
const LAST_WORDS_CHECK_MS = 20;

export class Worker {
  readonly #settings: WorkerSettings;
  readonly #log: Log;
  readonly #leave: () => void;
  readonly #controllerPid: number = process.ppid;
  readonly #counters: Counters;
  readonly #refusals: Refusals;
  readonly #budget: MemoryBudget;
  readonly #bus: BusClient;
  readonly #json: ForeignJson;
  readonly #heartbeat: Heartbeat;
  readonly #places: Places;
  readonly #table: ClientTable;
  readonly #waiting: WaitingPolls;
  readonly #proxies: TrustedProxies;
  readonly #keys: SourceKeys = new SourceKeys();
  readonly #crowd: AddressCrowd;
  readonly #files: OpenFiles;
  readonly #door: Door;
  readonly #owners: SessionOwners;
  readonly #collector: GarbageCollector;
  #core: WorkerCore | undefined;
  #hooks: HttpHooks | undefined;
  #profiler: Profiler | undefined;
  #publicServer: PublicServer | undefined;
  #isStopping = false;
  #stopped: Promise<void> | undefined;

  /** @param leave ends the process in order, to be replaced */
  constructor(settings: WorkerSettings, log: Log, counters: Counters, leave: () => void) {
    const { config, node, worker, places, runDir, workerCount } = settings;
    assertLimits(Math.max(config.maxPayloadBytes, config.maxBackpressureBytes), places.sessions);
    this.#settings = settings;
    this.#log = log;
    this.#counters = counters;
    this.#leave = leave;
    this.#refusals = new Refusals(log);
    this.#budget = new MemoryBudget(settings.memoryBudgetBytes, this.#refusals);
    const slowReaders = new SlowReaders(config, this.#budget);
    this.#json = new ForeignJson({
      maxKeys: config.maxJsonKeys,
      maxDepth: LIMITS.argumentDepth,
    });
    this.#heartbeat = new Heartbeat(config, (error) => log.error('a heartbeat failed', { error }));
    this.#bus = new BusClient({
      path: busSocketPath(runDir),
      worker,
      workerCount,
      historyEpoch: settings.historyEpoch,
      counters: this.#counters,
      refusals: this.#refusals,
      log,
      profile: (seconds) => this.#profile(seconds),
      onLost: (fault) => this.#controllerLost(fault),
    });
    this.#places = new Places({
      files: places.connections,
      sessions: places.sessions,
      refusals: this.#refusals,
      heldFiles: () => this.#heldFiles,
      clockMs: () => this.#heartbeat.clockMs,
    });
    this.#table = new ClientTable({
      node,
      worker,
      settings: config,
      heartbeat: this.#heartbeat,
      counters: this.#counters,
      refusals: this.#refusals,
      budget: this.#budget,
      slowReaders,
      places: this.#places,
      addressLimits: new AddressLimits(config),
      traffic: {
        isLight: () => this.#core?.delivery.isLight === true,
        isCrowded: () => this.#bus.isCrowded,
      },
    });
    this.#owners = new SessionOwners({
      settings,
      own: new LocalOwner(this.#table),
      bus: this.#bus,
      edge: { slowReaders, refusals: this.#refusals },
      log,
    });
    this.#crowd = new AddressCrowd(() => this.#table.sources.addresses, log);
    this.#proxies = new TrustedProxies(config.trustedProxies);
    this.#files = new OpenFiles(places.openFiles);
    this.#door = this.#createDoor();
    this.#waiting = new WaitingPolls(this.#door);
    this.#budget.onceRelieved(() => this.#collector.check());
    this.#collector = new GarbageCollector({
      schedule: config.gc,
      counters: this.#counters,
      budget: this.#budget,
    });
  }

  /** @throws Error when the worker cannot start; the controller has then been told why */
  async start(): Promise<void> {
    answerQuestions(this.#bus, () => this.#core, this.#log);
    await this.#bus.connect();
    try {
      await this.#open();
    } catch (error) {
      this.#bus.sayFailed(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** Takes no more connections, ends all sessions, leaves. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    for (const session of this.#table.allSessions()) {
      session.end('server shutting down', CLOSE_CODE.restart);
    }
    await Promise.all([this.#lastWordsHeard(), this.#hooks?.close()]);
    this.#publicServer?.stopListening();
    await Bun.sleep(FAREWELL_MS);
    this.#publicServer?.close();
    this.#door.close();
    this.#owners.close();
    this.#bus.close();
    this.#heartbeat.stop();
  }

  /** To stop listening closes connections that are idle, such as those of clients between polls. */
  async #lastWordsHeard(): Promise<void> {
    const deadlineMs = performance.now() + LAST_WORDS_MS;
    while (this.#table.lastWords.unheard > 0 && performance.now() < deadlineMs) {
      await Bun.sleep(LAST_WORDS_CHECK_MS);
    }
  }

  async #open(): Promise<void> {
    const { publicPort, ownPort } = this.#settings;
    const app = await loadApp(this.#settings.app, this.#log);
    const [log, json] = [this.#log, this.#json];
    const parts = { json, log, counters: this.#counters, refusals: this.#refusals };
    this.#hooks = await openHooks(this.#settings.config, parts);
    const needs = { settings: this.#settings, app, log, json, hooks: this.#hooks?.sources ?? [] };
    const recovery = createRecovery({
      bus: this.#bus,
      settings: new RoomSettingsTable(this.#settings.config.rooms),
      recoveryKey: this.#settings.recoveryKey,
      log,
      isShared: this.#settings.cluster !== undefined,
      latestMark: () => this.#core?.delivery.latestMark,
    });
    const core = this.#createCore(app, await openIdentity(needs), recovery);
    this.#core = core;
    this.#bus.join(core);
    await runStarted(app, core.server);
    const nodePort = await this.#owners.listen();
    const kinds = this.#createKinds(app, core, recovery);
    this.#heartbeat.start(() => kinds.sweep());
    this.#publicServer = this.#createPublicServer(app, core, kinds.all);
    this.#publicServer.listen();
    this.#door.open();
    this.#startPulse(core);
    const namespaces = [...core.namespaces.keys()];
    this.#bus.sayReady({ publicPort, ownPort, nodePort, namespaces });
  }

  #createCore(app: App, identity: Identity, { settings, reports }: Recovery): WorkerCore {
    const { worker, config } = this.#settings;
    return new WorkerCore({
      app,
      workerId: `${worker}-${process.pid}-${Date.now().toString(36)}`,
      ackTimeoutMs: config.ackTimeoutMs,
      maxRoomsPerSession: config.maxRoomsPerSession,
      roomSettings: settings,
      roomRules: new ConfiguredRoomRules(settings),
      identity,
      hooks: this.#hooks,
      presence: connectPresence(this.#bus, settings, config),
      seats: connectSeats(this.#bus, config, this.#refusals, () => this.#core),
      reports,
      link: this.#bus,
      budget: this.#budget,
      counters: this.#counters,
      refusals: this.#refusals,
      log: this.#log,
      findSession: (namespace, id) => this.#table.findInNamespace(namespace, id),
      isSessionId: (name) => this.#owners.isSessionId(name),
    });
  }

  #createDoor(): Door {
    const { places, publicPort, ownPort } = this.#settings;
    return new Door({
      places: places.connections,
      ports: [publicPort, ownPort],
      keys: this.#keys,
      refusals: this.#refusals,
      log: this.#log,
      countFiles: () => this.#files.count(),
      countSockets: () => this.#sockets,
      connectionAt: (file) => this.#publicServer?.connectionAt(file) ?? 0,
      sessionConnections: () => [
        ...this.#table.carryingConnections(),
        ...this.#owners.connections(),
      ],
      vouchForWaiting: () => this.#waiting.vouchForAll(),
      isProxy: (ip) => this.#proxies.isDeclared(ip),
    });
  }

  #createKinds(app: App, core: WorkerCore, { comebacks }: Recovery): ClientKinds {
    return createClientKinds({
      settings: this.#settings,
      app,
      core,
      table: this.#table,
      json: this.#json,
      sources: new RequestSources(this.#proxies, this.#keys),
      crowd: this.#crowd,
      watch: this.#door,
      waiting: this.#waiting,
      comebacks,
      log: this.#log,
      own: this.#owners.own,
      ownerOf: (address) => this.#owners.ownerOf(address),
      isStopping: () => this.#isStopping,
    });
  }

  #createPublicServer(app: App, core: WorkerCore, kinds: readonly ClientKind[]): PublicServer {
    return new PublicServer({
      settings: this.#settings,
      kinds,
      budget: this.#budget,
      watch: this.#door,
      app,
      server: core.server,
      log: this.#log,
      refusals: this.#refusals,
      isReady: () => !this.#isStopping && this.#places.free > 0,
    });
  }

  /** WebSockets, and streams of sessions of this worker. */
  get #sockets(): number {
    const { sse, stream } = this.#table.counts;
    return (this.#publicServer?.socketCount ?? 0) + sse + stream;
  }

  /** Open files that sessions of whichever worker hold here. */
  get #heldFiles(): number {
    return this.#sockets + this.#waiting.size;
  }

  #startPulse(core: WorkerCore): void {
    const pulse = new Pulse();
    const sampler = new Sampler({
      worker: this.#settings.worker,
      counters: this.#counters,
      refusals: this.#refusals,
      collector: this.#collector,
      pulse,
      gauges: () =>
        readGauges({
          core,
          table: this.#table,
          crowd: this.#crowd,
          owners: this.#owners,
          places: this.#places,
          files: this.#files,
          door: this.#door,
          bus: this.#bus,
          budget: this.#budget,
          hooks: this.#hooks,
        }),
      send: (sample) => this.#bus.sendSample(sample),
    });
    // The first at once: a worker that is ready has said how it stands.
    sampler.send();
    pulse.every(1, () => this.#door.lookNowAndThen());
    pulse.every(CHECK_MS / BEAT_MS, () => this.#collector.check());
    pulse.every(SAMPLE_MS / BEAT_MS, () => sampler.send());
    pulse.every(LOOK_FOR_PEERS_MS / BEAT_MS, () => this.#lookForPeers());
    pulse.start();
  }

  /** Whether other workers can still reach this one. */
  #lookForPeers(): void {
    try {
      this.#owners.look();
    } catch (error) {
      this.#log.error('other workers cannot reach this one', { error: describeError(error) });
    }
  }

  async #profile(seconds: number): Promise<WorkerProfile> {
    const { Profiler } = await import('./profiler.ts');
    this.#profiler ??= new Profiler(this.#settings.worker, this.#collector);
    return await this.#profiler.profile(seconds);
  }

  #controllerLost(fault: Error | undefined): void {
    if (this.#isStopping) return;
    // A controller that dies takes a moment to be gone for its children, too.
    setTimeout(() => {
      if (this.#isStopping) return;
      const fields = fault === undefined ? {} : { error: fault };
      // One that takes no sessions yet has none to go on for.
      if (process.ppid !== this.#controllerPid && this.#publicServer !== undefined) {
        this.#log.warn('the controller is gone: this worker goes on serving alone', fields);
        return;
      }
      this.#log.error('the bus broke: this worker ends, to be replaced', fields);
      this.#leave();
    }, CONTROLLER_GONE_MS);
  }
}
