/**
 * Puts a run together: everything that can go wrong before it begins goes wrong here, in an order
 * that leaves nothing behind: the control port, the targets, the way of broadcasts, the agents, and
 * last the record, which is made when there is something to write.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetEvent, FleetVerdict } from '../recording/record.ts';
import { Recorder } from '../recording/recorder.ts';
import { AgentGroup } from './agent-group.ts';
import { AgentLink } from './agent-link.ts';
import { Broadcaster } from './broadcaster.ts';
import {
  type Change,
  type Controlled,
  type ControlServer,
  startControlServer,
} from './control-server.ts';
import { Coordinator } from './coordinator.ts';
import { FleetError } from './fleet-error.ts';
import { BroadcastUrl, type BroadcastWay, HoldfastNode } from './holdfast-node.ts';
import { type LocalAgent, processesFor, startLocalAgents } from './local-agents.ts';
import { loopbackSources } from './local-ports.ts';
import { counted } from './numbers.ts';
import { preflight } from './preflight.ts';
import { RunLog } from './run-log.ts';
import { RunState } from './run-state.ts';
import { findServerProcesses, type ServerProcess } from './server-watch.ts';
import { addressText, type RunSettings, settingsRecord } from './settings.ts';
import { type FleetStatus } from './status.ts';
import { parseTarget, type ResolvedTarget, resolveTarget } from './target.ts';

const RECORD_NAME = 'fleet.jsonl';

export interface RunHooks {
  /** Called after each second. */
  readonly onSecond: (status: FleetStatus) => void;
  readonly onEvent: (event: FleetEvent) => void;
}

export class FleetRun implements Controlled {
  readonly #settings: RunSettings;
  readonly #hooks: RunHooks;
  #control: ControlServer | undefined;
  #localAgents: readonly LocalAgent[] = [];
  #recorder: Recorder | undefined;
  #group: AgentGroup | undefined;
  #state: RunState | undefined;
  #coordinator: Coordinator | undefined;

  private constructor(settings: RunSettings, hooks: RunHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
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
    if (this.#group !== undefined && this.#state !== undefined) {
      // Agents elsewhere live on; they are to hold nothing of this run.
      if (this.#localAgents.length === 0 && this.#group.totals.open > 0) {
        await this.#group.order({ ...this.#state.wanted, connections: 0, rate: 1e6 });
      }
    }
    await Promise.all(this.#localAgents.map((agent) => agent.process.end()));
    this.#recorder?.close();
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
    await coordinator.setTargets(urlsOf(targets, sources), sources);
  }

  #running(): Coordinator {
    if (this.#coordinator !== undefined) return this.#coordinator;
    throw new FleetError('The run is still being prepared: ask again in a few seconds.');
  }

  async #prepare(): Promise<void> {
    const settings = this.#settings;
    const path = recordPathOf(settings.out);
    this.#control = startControlServer(this, settings.control);
    const targets = await Promise.all(settings.targets.map(resolveTarget));
    const { mix, auth, agents } = settings;
    const sources = agents.length === 0 ? settings.sources : [];
    await preflight({ targets, mix, auth, sources });
    const node = await this.#findNode(targets);
    const way = broadcastWay(settings, node);
    const serverProcesses = localServerProcesses(targets);
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
            onError: (text) => log.event('broadcast', text),
          });
    const state = this.#newState(targets, serverProcesses);
    this.#state = state;
    const coordinator = new Coordinator(state, { settings, group, log, broadcaster, node }, () =>
      this.#hooks.onSecond(coordinator.status()),
    );
    log.header({ ...settingsRecord(settings), sources: state.wanted.sources });
    this.#coordinator = coordinator;
  }

  #newState(
    targets: readonly ResolvedTarget[],
    serverProcesses: readonly ServerProcess[],
  ): RunState {
    const { connections, rate, mix, auth, load, holdSeconds } = this.#settings;
    const sources = this.#sourcesFor(targets);
    const wanted = {
      run: crypto.randomUUID(),
      connections,
      rate,
      targets: urlsOf(targets, sources),
      sources,
      mix,
      auth,
      load,
      isLoadOn: false,
      storms: 0,
    };
    return new RunState(wanted, holdSeconds, serverProcesses);
  }

  /** Those that were named; else enough for whatever the agents can hold, if they are here. */
  #sourcesFor(targets: readonly ResolvedTarget[]): readonly string[] {
    const { sources, agents } = this.#settings;
    if (sources.length > 0 || agents.length > 0) return sources;
    const { connections } = this.#settings;
    return loopbackSources(Math.max(connections, this.#group?.capacity ?? 0), targets);
  }

  async #findAgents(): Promise<readonly AgentLink[]> {
    const { agents, token = '', connections, processes } = this.#settings;
    if (agents.length === 0) {
      const count = Math.max(processes, processesFor(connections));
      this.#localAgents = await startLocalAgents(count);
      return this.#localAgents.map(({ link }) => link);
    }
    const links = agents.map((address) => {
      const name = addressText(address);
      return new AgentLink({ name, url: `http://${name}`, token, isLocal: false });
    });
    await Promise.all(links.map((link) => link.greet()));
    return links;
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
  return targets.map((target) => (sources.length === 0 ? target.url : withAddress(target)));
}

function withAddress({ url, host, address }: ResolvedTarget): string {
  if (host !== 'localhost') return url;
  const changed = new URL(url);
  changed.hostname = address;
  return changed.href;
}

function localServerProcesses(targets: readonly ResolvedTarget[]): readonly ServerProcess[] {
  const ports = new Set(targets.filter(({ isLocal }) => isLocal).map(({ port }) => port));
  const found = [...ports].flatMap((port) => findServerProcesses(port));
  return [...new Map(found.map((server) => [server.pid, server])).values()];
}
