/**
 * Puts a run together: everything that can go wrong before it begins goes wrong here, in an order
 * that leaves nothing behind: the control port, the targets, the way of broadcasts, the agents, and
 * last the record, which is made when there is something to write.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findToken, type LeftToken, leaveToken } from '../../host/access/left-token.ts';
import { isLoopback } from '../../host/access/loopback.ts';
import { makeToken } from '../../host/access/token.ts';
import type { FleetEvent, FleetVerdict } from '../../report/recording/record.ts';
import { Recorder } from '../../report/recording/recorder.ts';
import { AgentGroup } from '../agent-group/agent-group.ts';
import { AgentLink } from '../agent-group/agent-link.ts';
import {
  coalescingFor,
  type LocalAgent,
  processesFor,
  startLocalAgents,
} from '../agent-group/local-agents.ts';
import { loopbackSources } from '../agent-group/local-ports.ts';
import { FleetError } from '../settings/fleet-error.ts';
import { counted } from '../settings/numbers.ts';
import {
  addressText,
  type RunAgent,
  type RunSettings,
  settingsRecord,
} from '../settings/settings.ts';
import {
  atHost,
  parseTarget,
  type ResolvedTarget,
  resolveTarget,
  shownUrl,
} from '../settings/target.ts';
import { Broadcaster } from '../target/broadcaster.ts';
import { BroadcastUrl, type BroadcastWay, HoldfastNode } from '../target/holdfast-node.ts';
import { preflight } from '../target/preflight.ts';
import { findServerProcesses, type ServerProcess } from '../target/server-watch.ts';
import {
  type Change,
  type Controlled,
  type ControlServer,
  startControlServer,
} from './control-server.ts';
import { Coordinator } from './coordinator.ts';
import { RunLog } from './run-log.ts';
import { RunState, type ServerView } from './run-state.ts';
import { type FleetStatus } from './status.ts';

const RECORD_NAME = 'fleet.jsonl';
/** For agents elsewhere to let go of their sessions. */
const RELEASE_TIMEOUT_MS = 2_000;
const RELEASE_PAUSE_MS = 100;

export interface RunHooks {
  /** Called after each second. */
  readonly onSecond: (status: FleetStatus) => void;
  readonly onEvent: (event: FleetEvent) => void;
}

export class FleetRun implements Controlled {
  readonly #settings: RunSettings;
  readonly #hooks: RunHooks;
  #control: ControlServer | undefined;
  readonly #controlToken: string;
  #leftToken: LeftToken | undefined;
  #localAgents: readonly LocalAgent[] = [];
  #recorder: Recorder | undefined;
  #group: AgentGroup | undefined;
  #state: RunState | undefined;
  #coordinator: Coordinator | undefined;

  private constructor(settings: RunSettings, hooks: RunHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#controlToken = settings.control.token ?? makeToken();
  }

  /** @throws FleetError when the run cannot begin; nothing is left behind then */
  static async prepare(settings: RunSettings, hooks: RunHooks): Promise<FleetRun> {
    const run = new FleetRun(settings, hooks);
    try {
      await run.#prepare();
      return run;
    } catch (error) {
      await run.end();
      throw error;
    }
  }

  get controlPort(): number {
    return this.#control?.port ?? this.#settings.control.port;
  }

  /** Where the token lies that the run made for its control; undefined when one was given. */
  get controlTokenPath(): string | undefined {
    return this.#leftToken?.path;
  }

  get agents(): number {
    return this.#group?.links.length ?? 0;
  }

  /** Where the record is written; undefined when none is. */
  get recordPath(): string | undefined {
    return this.#recorder?.path;
  }

  /** @throws FleetError when the record cannot be written any more */
  run(): Promise<FleetVerdict> {
    return this.#running().run();
  }

  /** Ends what belongs to the run alone: local agents, connections, the control port, the file. */
  async end(): Promise<void> {
    await this.#control?.stop();
    this.#leftToken?.remove();
    if (this.#localAgents.length === 0) await this.#release();
    await Promise.all(this.#localAgents.map((agent) => agent.process.end()));
    this.#recorder?.close();
  }

  /** Agents elsewhere live on; they are to hold nothing of this run. */
  async #release(): Promise<void> {
    const group = this.#group;
    const state = this.#state;
    if (group === undefined || state === undefined) return;
    const deadlineMs = performance.now() + RELEASE_TIMEOUT_MS;
    for (;;) {
      await group.order({ ...state.wanted, isLoadOn: false, connections: 0, rate: 1e6 });
      const { open, connecting } = group.totals;
      if (open + connecting === 0 || performance.now() >= deadlineMs) return;
      await Bun.sleep(RELEASE_PAUSE_MS);
    }
  }

  status(): FleetStatus {
    return this.#running().status();
  }

  stop(): void {
    this.#running().stop();
  }

  async set(change: Change): Promise<void> {
    const coordinator = this.#running();
    if ('connections' in change) await coordinator.setConnections(change.connections);
    else if ('rate' in change) await coordinator.setRate(change.rate);
    else await this.#setTargets(coordinator, change.targets);
  }

  async #setTargets(coordinator: Coordinator, texts: readonly string[]): Promise<void> {
    const targets = await Promise.all(texts.map(parseTarget).map(resolveTarget));
    const { mix, auth } = this.#settings;
    await preflight({ targets, mix, auth, sources: [] });
    const sources = this.#sourcesFor(targets);
    const server = await this.#viewOf(targets);
    await coordinator.setTargets(urlsOf(targets, sources), sources, server);
  }

  /**
   * The server behind targets that are set during the run.
   * @throws FleetError when the broadcasts of the run would go on to the node of the old ones
   */
  async #viewOf(targets: readonly ResolvedTarget[]): Promise<ServerView> {
    const { broadcastUrl, adminToken, load } = this.#settings;
    const node =
      broadcastUrl === undefined ? await HoldfastNode.discover(targets, adminToken) : undefined;
    const old = this.#state?.server.node;
    const areNodesBroadcasts = old !== undefined && load.broadcastRate + load.broadcasts > 0;
    if (areNodesBroadcasts && node?.url !== old.url) {
      throw new FleetError(
        'The broadcasts of this run go through the node of its first targets: start another run ' +
          'for others.',
      );
    }
    return { node, processes: localServerProcesses(targets) };
  }

  #running(): Coordinator {
    if (this.#coordinator !== undefined) return this.#coordinator;
    throw new FleetError('The run is still being prepared: ask again in a few seconds.');
  }

  async #prepare(): Promise<void> {
    const settings = this.#settings;
    const path = recordPathOf(settings.out);
    this.#startControl();
    const targets = await Promise.all(settings.targets.map(resolveTarget));
    const { mix, auth, agents } = settings;
    const sources = agents.length === 0 ? settings.sources : [];
    await preflight({ targets, mix, auth, sources });
    const node = await this.#findNode(targets);
    const way = broadcastWay(settings, node);
    const processes = localServerProcesses(targets);
    const group = new AgentGroup(await this.#findAgents());
    this.#group = group;
    if (group.capacity < settings.connections) {
      throw new FleetError(
        `The agents hold at most ${counted(group.capacity, 'connection')} by their open-file ` +
          'limits: use more of them, raise the limits, or ask for fewer connections.',
      );
    }
    if (path !== undefined) this.#recorder = openRecorder(path);
    const log = new RunLog({ group, recorder: this.#recorder, onEvent: this.#hooks.onEvent });
    const broadcaster =
      way === undefined
        ? undefined
        : new Broadcaster({
            way,
            payloadBytes: settings.load.payloadBytes,
            sessions: () => group.totals.open,
            onError: (text) => log.event('broadcast', this.#withoutSecrets(text)),
          });
    const state = this.#newState(targets, { node, processes });
    this.#state = state;
    const coordinator = new Coordinator(state, { settings, group, log, broadcaster }, () =>
      this.#hooks.onSecond(coordinator.status()),
    );
    const { sources: sourcesUsed, coalesceMs } = state.wanted;
    log.header({ ...settingsRecord(settings), sources: sourcesUsed, coalesceMs });
    this.#coordinator = coordinator;
  }

  #startControl(): void {
    const { control } = this.#settings;
    const token = this.#controlToken;
    this.#control = startControlServer(this, { ...control, token });
    if (control.token !== undefined) return;
    const { port, address: host } = this.#control;
    try {
      this.#leftToken = leaveToken({ of: 'fleet-control', port, host }, token);
    } catch (cause) {
      const { code = 'unknown' } = cause as NodeJS.ErrnoException;
      throw new FleetError(
        `No control token can be left for commands (${code}): give one with ` +
          '--control-token-file or HOLDFAST_FLEET_CONTROL_TOKEN.',
        { cause },
      );
    }
  }

  /** What a server answers, or the system says, may name the URL it was asked under. */
  #withoutSecrets(text: string): string {
    const { admin, broadcastUrl } = this.#settings;
    return [admin, broadcastUrl].reduce<string>(
      (shown, url) => (url === undefined ? shown : shown.replaceAll(url, shownUrl(url))),
      text,
    );
  }

  #newState(targets: readonly ResolvedTarget[], server: ServerView): RunState {
    const { connections, rate, mix, auth, coalesceMs, load, holdSeconds } = this.#settings;
    const sources = this.#sourcesFor(targets);
    const wanted = {
      run: crypto.randomUUID(),
      connections,
      rate,
      targets: urlsOf(targets, sources),
      sources,
      mix,
      auth,
      coalesceMs: coalesceMs ?? coalescingFor(this.#localAgents.length),
      load,
      isLoadOn: false,
      storms: 0,
    };
    return new RunState(wanted, holdSeconds, server);
  }

  /** Those that were named; else enough for whatever the agents can hold, if they are here. */
  #sourcesFor(targets: readonly ResolvedTarget[]): readonly string[] {
    const { sources, agents } = this.#settings;
    if (sources.length > 0 || agents.length > 0) return sources;
    const { connections } = this.#settings;
    return loopbackSources(Math.max(connections, this.#group?.capacity ?? 0), targets);
  }

  async #findAgents(): Promise<readonly AgentLink[]> {
    const { agents, connections, processes } = this.#settings;
    if (agents.length === 0) {
      const count = Math.max(processes, processesFor(connections));
      this.#localAgents = await startLocalAgents(count);
      return this.#localAgents.map(({ link }) => link);
    }
    const links = agents.map((address) => {
      const name = addressText(address);
      const token = this.#tokenOf(address);
      const { advice } = address;
      return new AgentLink({ name, url: `http://${name}`, token, isLocal: false, advice });
    });
    await Promise.all(links.map((link) => link.greet()));
    return links;
  }

  /** @throws FleetError when it is not known */
  #tokenOf(agent: RunAgent): string {
    const token = agent.token ?? this.#settings.token;
    if (token !== undefined) return token;
    const { host, port } = agent;
    const left = isLoopback(host) ? findToken({ of: 'fleet-agent', port, host }) : undefined;
    if (left !== undefined) return left;
    throw new FleetError(
      `No agent at ${addressText(agent)} has left a token for this user: start one there with ` +
        '"holdfast fleet agent", or give its token with --token-file or HOLDFAST_FLEET_TOKEN.',
    );
  }

  async #findNode(targets: readonly ResolvedTarget[]): Promise<HoldfastNode | undefined> {
    const { admin, adminToken, broadcastUrl } = this.#settings;
    if (broadcastUrl !== undefined) return undefined;
    if (admin === undefined) return await HoldfastNode.discover(targets, adminToken);
    const node = new HoldfastNode(admin, adminToken);
    await node.check();
    return node;
  }
}

function broadcastWay(
  { load, broadcastUrl }: RunSettings,
  node: HoldfastNode | undefined,
): BroadcastWay | undefined {
  if (broadcastUrl !== undefined) return new BroadcastUrl(broadcastUrl);
  if (node !== undefined || load.broadcastRate + load.broadcasts === 0) return node;
  throw new FleetError(
    'Broadcasts need a way to the server: give --admin with the admin address of a Holdfast ' +
      'node, or --broadcast-url for another server.',
  );
}

/** @throws FleetError when there is a run already */
function recordPathOf(folder: string | undefined): string | undefined {
  if (folder === undefined) return undefined;
  const path = join(folder, RECORD_NAME);
  if (!existsSync(path) && !existsSync(`${path}.gz`)) return path;
  throw new FleetError(
    `${folder} holds a run already (${RECORD_NAME}): name another --out folder.`,
  );
}

function openRecorder(path: string): Recorder {
  try {
    return new Recorder(path);
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    throw new FleetError(`${path} cannot be written (${code}): name another --out folder.`, {
      cause,
    });
  }
}

/** A name for loopback may lead to IPv6, which sources of IPv4 cannot reach. */
function urlsOf(targets: readonly ResolvedTarget[], sources: readonly string[]): readonly string[] {
  return targets.map((target) =>
    sources.length === 0 || target.host !== 'localhost'
      ? target.url
      : atHost(target, target.address),
  );
}

function localServerProcesses(targets: readonly ResolvedTarget[]): readonly ServerProcess[] {
  const ports = new Set(targets.filter(({ isLocal }) => isLocal).map(({ port }) => port));
  const found = [...ports].flatMap((port) => findServerProcesses(port));
  return [...new Map(found.map((server) => [server.pid, server])).values()];
}
