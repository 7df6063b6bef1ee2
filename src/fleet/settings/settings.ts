/**
 * The settings of a run, read from the flags of `holdfast fleet run`. Everything that can be judged
 * without asking another process is judged here, before anything is started or written.
 */

import { isLoopback } from '../../host/access/loopback.ts';
import { parsed } from '../../host/foreign/parsed.ts';
import { COALESCE_MAX_MS, type ProtocolWeight } from '../agent/contract.ts';
import { FleetError } from './fleet-error.ts';
import { checkEchoes, type Load, type LoadFlags, mixTexts, parseLoad, parseMix } from './load.ts';
import { fractionOf, wholeOf } from './numbers.ts';
import { parseTarget, shownUrl, type Target } from './target.ts';

export const AGENT_PORT = 8710;
export const CONTROL_PORT = 8700;
export const CONNECTIONS_MAX = 10_000_000;
export const RATE_MAX = 1_000_000;
const HOLD_SECONDS_MAX = 30 * 86_400;

export interface RunSettings {
  readonly targets: readonly Target[];
  readonly connections: number;
  /** Connections opened or closed in one second by all agents together. */
  readonly rate: number;
  readonly holdSeconds: number;
  /** Addresses of agents elsewhere; without any, agents are started here. */
  readonly agents: readonly RunAgent[];
  /** Of all of them; without it, each on this host has left its own. */
  readonly token: string | undefined;
  /** Local agents to start at least. */
  readonly processes: number;
  readonly sources: readonly string[];
  /** How long messages may gather before an agent reads them; by default as the hosts need. */
  readonly coalesceMs: number | undefined;
  readonly mix: readonly ProtocolWeight[];
  readonly auth: string;
  readonly load: Load;
  /** Admin address of a Holdfast node, for broadcasts and its load. */
  readonly admin: string | undefined;
  readonly adminToken: string | undefined;
  /** Where the text of a broadcast is sent instead. */
  readonly broadcastUrl: string | undefined;
  readonly out: string | undefined;
  readonly control: ControlSettings;
  /** Whether connections leave at the rate when the run is over. */
  readonly leaves: boolean;
  /** The climb is given up when no more sessions came for so long. */
  readonly stallSeconds: number;
}

export interface AgentAddress {
  readonly host: string;
  readonly port: number;
}

/** An agent elsewhere. */
export interface RunAgent extends AgentAddress {
  /** Its own, where it is not that of all. */
  readonly token?: string | undefined;
  /** What to do when it does not answer; completes a sentence. */
  readonly advice?: string | undefined;
}

export interface ControlSettings {
  readonly host: string;
  readonly port: number;
  /** Without one that was given, the run makes its own. */
  readonly token: string | undefined;
}

/** The flags as given on the command line. */
export interface RunFlags extends LoadFlags {
  readonly target: readonly string[];
  readonly connections: string;
  readonly rate: string;
  readonly hold: string;
  readonly agent?: readonly string[] | undefined;
  /** Agents of hosts that were started, when none was given. */
  readonly found?: readonly RunAgent[] | undefined;
  /** This and the other tokens have been judged already, and are not empty. */
  readonly token?: string | undefined;
  readonly processes: string;
  readonly source?: readonly string[] | undefined;
  readonly coalesce?: string | undefined;
  readonly protocol: string;
  readonly auth: string;
  readonly admin?: string | undefined;
  readonly adminToken?: string | undefined;
  readonly broadcastUrl?: string | undefined;
  readonly out?: string | undefined;
  readonly controlHost: string;
  readonly controlPort: string;
  readonly controlToken?: string | undefined;
  readonly leave: boolean;
  readonly stall: string;
}

/** @throws FleetError with one sentence about the first flag that is wrong */
export function parseSettings(flags: RunFlags): RunSettings {
  const connections = wholeOf('--connections', flags.connections, 1, CONNECTIONS_MAX);
  const holdSeconds = fractionOf('--hold', flags.hold, 0, HOLD_SECONDS_MAX);
  const settings: RunSettings = {
    targets: flags.target.map(parseTarget),
    connections,
    rate: fractionOf('--rate', flags.rate, 0.01, RATE_MAX),
    holdSeconds,
    agents:
      flags.agent?.map((text) => parseAddress('--agent', text, AGENT_PORT)) ?? flags.found ?? [],
    token: flags.token,
    processes: wholeOf('--processes', flags.processes, 1, 1_024),
    sources: flags.source ?? [],
    coalesceMs:
      flags.coalesce === undefined
        ? undefined
        : wholeOf('--coalesce', flags.coalesce, 0, COALESCE_MAX_MS),
    mix: parseMix(flags.protocol),
    auth: authOf(flags.auth),
    load: parseLoad(flags, connections, holdSeconds),
    admin: flags.admin === undefined ? undefined : httpUrlOf('--admin', flags.admin),
    adminToken: flags.adminToken,
    broadcastUrl:
      flags.broadcastUrl === undefined
        ? undefined
        : httpUrlOf('--broadcast-url', flags.broadcastUrl),
    out: flags.out,
    control: controlOf(flags),
    leaves: flags.leave,
    stallSeconds: fractionOf('--stall', flags.stall, 1, 3_600),
  };
  checkEchoes(settings.load, settings.mix);
  const needsToken = settings.agents.some(({ host, token }) => !token && !isLoopback(host));
  if (needsToken && settings.token === undefined) {
    throw new FleetError(
      'Agents on other hosts want their token: give it with --token-file or HOLDFAST_FLEET_TOKEN.',
    );
  }
  if (settings.admin !== undefined && settings.broadcastUrl !== undefined) {
    throw new FleetError('Give either --admin or --broadcast-url, not both.');
  }
  return settings;
}

/**
 * `host:port`, `[::1]:port`, or the host alone.
 * @throws FleetError that names the flag
 */
export function parseAddress(flag: string, text: string, defaultPort: number): AgentAddress {
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]+)\]|([^:[\]/]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? defaultPort : Number(port);
  if (host !== undefined && number <= 65_535) return { host, port: number };
  throw new FleetError(`${flag} is "${text}"; write it like host:${defaultPort}.`);
}

/** The form that URLs and people use. */
export function addressText({ host, port }: AgentAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The settings as they stand in the record: without secrets. */
export function settingsRecord(settings: RunSettings): Readonly<Record<string, unknown>> {
  const { token: _token, adminToken: _adminToken, auth: _auth, control, mix, ...rest } = settings;
  return {
    ...rest,
    targets: settings.targets.map(({ url }) => shownUrl(url)),
    protocols: mixTexts(mix),
    admin: shownIfGiven(settings.admin),
    broadcastUrl: shownIfGiven(settings.broadcastUrl),
    agents: settings.agents.map(addressText),
    control: addressText(control),
  };
}

function shownIfGiven(url: string | undefined): string | undefined {
  return url === undefined ? undefined : shownUrl(url);
}

/** Without a token that was given, the control API is for one user of this host alone. */
function controlOf(flags: RunFlags): ControlSettings {
  const host = flags.controlHost;
  const token = flags.controlToken;
  if (!isLoopback(host) && token === undefined) {
    throw new FleetError(
      `The control port would be open to others at ${host}; give a token (--control-token-file ` +
        'or HOLDFAST_FLEET_CONTROL_TOKEN), or leave it on 127.0.0.1.',
    );
  }
  const port = wholeOf('--control-port', flags.controlPort, 0, 65_535);
  return { host, port, token };
}

function authOf(text: string): string {
  try {
    const value: unknown = parsed(text.replaceAll('{n}', '0'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return text;
  } catch {
    // The sentence below is for both.
  }
  throw new FleetError(
    `--auth is ${text}; it must be a JSON object such as {"token":"user-{n}"}, in which {n} is ` +
      "the session's number.",
  );
}

function httpUrlOf(flag: string, text: string): string {
  if (/^https?:/.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '');
  throw new FleetError(`${flag} is "${text}"; it must be a URL such as http://127.0.0.1:8600.`);
}
