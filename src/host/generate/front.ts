/**
 * What a proxy in front of nodes has to know, whichever it is: where workers listen, how many
 * connections each of them takes, how long silence is no fault, and which requests begin a session.
 * haproxy.ts and nginx.ts only write it down.
 */

import { isIP } from 'node:net';
import { isLoopback } from '../access/loopback.ts';
import { EMBEDDED } from '../config/broker.ts';
import type { Config } from '../config/schema.ts';
import { PLAN_BASIS } from '../figures/plan-node.ts';
import { SESSION_COST } from '../figures/session-cost.ts';
import { GenerateError, type HostFacts, plainPath } from './deployment.ts';

export const STICKINESS = ['none', 'source', 'hash', 'cookie'] as const;
/** What decides to which worker a client comes again; nothing has to. */
export type Stickiness = (typeof STICKINESS)[number];

export interface FrontOptions {
  /** Where the proxy listens, such as `80`, `10.0.0.1:80` or `[::1]:443`. */
  readonly listen?: string | undefined;
  /** With it the proxy speaks TLS to clients. */
  readonly certificate?: string | undefined;
  /**
   * Hosts of the nodes, or with a port that is not the config's (`10.0.0.5:8510`, `[::1]:8510`);
   * without any, the node is on the host of the proxy.
   */
  readonly upstreams?: readonly string[] | undefined;
  /** Of nodes that speak TLS themselves: who has signed their certificates. */
  readonly upstreamCa?: string | undefined;
  readonly sticky: Stickiness;
}

/** A port of a node. */
export interface Upstream {
  /** Short, and the same for the same place in every generated file. */
  readonly name: string;
  /** The name or address of the host, an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The most connections that one port is sent, and what it was reckoned from. */
export interface Bound {
  readonly connections: number;
  readonly by: 'open files' | 'memory' | 'maxSessionsPerWorker' | 'local ports';
}

export interface Front {
  /** `undefined` is every address. */
  readonly listenHost: string | undefined;
  readonly listenPort: number;
  readonly certificate: string | undefined;
  readonly upstreams: readonly Upstream[];
  readonly bound: Bound;
  /** Nodes speak TLS: `ca` checks who they are, and without it nobody is in between. */
  readonly upstreamTls: { readonly ca: string | undefined } | undefined;
  readonly sticky: Stickiness;
  readonly times: Times;
  readonly doors: Doors;
  /** The proxy is on the node's own host. */
  readonly isLocal: boolean;
  /** There are several nodes that are not linked, and a session is on one of them. */
  readonly areApart: boolean;
}

/** A node as the proxy reaches it. */
interface Place {
  readonly host: string;
  /** Its port, or that of its first worker; `undefined` is what the config says. */
  readonly port: number | undefined;
}

/** Whole seconds. */
export interface Times {
  /** A WebSocket on which nothing was said for so long has been ended by the node already. */
  readonly tunnel: number;
  /** A request that was not answered in this time never will be. */
  readonly answer: number;
  /** For how long a client may keep its connection between two requests. */
  readonly keepAlive: number;
}

/** Paths where sessions begin and go on. */
export interface Doors {
  /** With the slash at its end. */
  readonly socketio: string;
  readonly plain: readonly string[];
}

/** A node ends what is silent by itself, and must be the first to do so: then it says why. */
const MARGIN_S = 10;
const KEEP_ALIVE_MAX_S = 60;
/** As the plan has it: part of the memory is left to everything else. */
const MEMORY_SHARE = 0.8;
/** A client that polls has a poll that waits and a POST under way. */
export const REQUESTS_PER_SESSION = 2;
/** Room on a full worker for those whom it refuses in words. */
const REFUSED_AT_ONCE = 64;
/** Names and addresses, so that no word of a config can be more than that. */
const HOST_NAME = /^(?=.{1,253}$)[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*$/i;

/** @throws GenerateError when the config leaves open what a proxy must know */
export function frontOf(config: Config, facts: HostFacts, options: FrontOptions): Front {
  const places = upstreamPlaces(config, options);
  const isLocal = places.every(({ host }) => isLoopback(host));
  const { tlsCert } = config;
  const { certificate, upstreamCa } = options;
  if (tlsCert !== undefined && upstreamCa === undefined && !isLocal) {
    throw new GenerateError(
      'The node speaks TLS and is not on the host of the proxy: give --upstream-ca, the file ' +
        'with the certificates that have signed its own.',
    );
  }
  const areApart = places.length > 1 && config.broker === EMBEDDED;
  if (areApart && options.sticky === 'none') {
    throw new GenerateError(
      'Without --broker nodes are not linked, so all requests of a session must reach the node ' +
        'that has it: give --broker, or --sticky source (or cookie, with HAProxy).',
    );
  }
  const ca = upstreamCa === undefined ? undefined : plainPath('--upstream-ca', upstreamCa);
  return {
    ...listenAddress(options),
    certificate: certificate === undefined ? undefined : plainPath('--certificate', certificate),
    upstreams: places.flatMap((place, node) => portsOf(config, facts, place, node)),
    bound: boundOf(config, facts, isLocal),
    upstreamTls: tlsCert === undefined ? undefined : { ca },
    sticky: options.sticky,
    times: timesOf(config),
    doors: {
      socketio: config.path,
      plain: config.plainClients
        ? ['ws', 'sse', 'poll'].map((door) => config.plainPath + door)
        : [],
    },
    isLocal,
    areApart,
  };
}

/** `host:port` as URLs and proxies write it. */
export function authority(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What to say to the node of a proxy, for the comment at the top of a file. */
export function proxyAdvice(config: Config, { isLocal }: Front): string {
  const needed = isLocal ? '["127.0.0.1", "::1"]' : 'the addresses this proxy connects from';
  return config.trustedProxies.length === 0
    ? `The node must believe what this proxy says of clients: set trustedProxies to ${needed}. ` +
        'Until then all clients have the address of the proxy, in limits and to the app.'
    : `The node believes proxies at ${config.trustedProxies.join(', ')}: this one must connect ` +
        'from there (trustedProxies).';
}

/** How the bound of a port came about, for a comment. */
export function boundWords(config: Config, { bound }: Front): string {
  const { connections, by } = bound;
  const more: Readonly<Record<Bound['by'], string>> = {
    'open files': 'raise the open-file limit of the node (holdfast doctor) for more',
    memory: 'memory for more of them is not there on the host that was asked',
    maxSessionsPerWorker: 'two requests of each session, and some to be refused',
    'local ports': config.workerPorts
      ? 'one address of the proxy has no more ports to connect from'
      : 'one address of the proxy has no more ports to connect from: with workerPorts, each ' +
        'worker takes as many',
  };
  return `Connections to one port are bounded by ${by}, ${connections}: ${more[by]}.`;
}

/** Whether clients have to come to the same place again, for a comment. */
export function stickyWords({ areApart }: Front): string {
  return areApart
    ? 'Nodes are not linked: a client comes to the same one again, and is heard there only.'
    : 'No client needs to come to the same worker twice; workers pass requests on.';
}

function upstreamPlaces(config: Config, { upstreams = [] }: FrontOptions): readonly Place[] {
  if (upstreams.length > 0) return upstreams.map(upstreamPlace);
  const isAny = ['0.0.0.0', '::', '[::]'].includes(config.host);
  return [{ host: isAny ? '127.0.0.1' : hostName('host', config.host), port: undefined }];
}

function upstreamPlace(written: string): Place {
  const [, host = written, digits] = isIP(written) ? [] : (/^(.+):(\d{1,5})$/.exec(written) ?? []);
  const port = digits === undefined ? undefined : Number(digits);
  if (port === undefined || isPort(port)) return { host: hostName('--upstream', host), port };
  throw new GenerateError(
    `--upstream is ${JSON.stringify(written)}; its port must be from 1 to 65535.`,
  );
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

function hostName(what: string, written: string): string {
  const host = written.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 || HOST_NAME.test(host)) return host;
  throw new GenerateError(
    `${what} is ${JSON.stringify(written)}; it must be a host name or an IP address.`,
  );
}

function listenAddress(options: FrontOptions): Pick<Front, 'listenHost' | 'listenPort'> {
  const { certificate, listen = certificate === undefined ? '80' : '443' } = options;
  const [, host, digits] = /^(?:(.+):)?(\d{1,5})$/.exec(listen) ?? [];
  const port = Number(digits);
  if (isPort(port)) {
    return { listenHost: host === undefined ? host : hostName('--listen', host), listenPort: port };
  }
  throw new GenerateError(
    `--listen is ${JSON.stringify(listen)}; it must be a port from 1 to 65535, or an address ` +
      'and a port such as 10.0.0.1:80.',
  );
}

function portsOf(
  config: Config,
  { workers }: HostFacts,
  { host, port: own }: Place,
  node: number,
): readonly Upstream[] {
  const { workerPorts } = config;
  const port = own ?? config.port;
  const base = own ?? config.workerPortBase;
  if (!workerPorts) {
    if (port !== 0) return [{ name: `n${node}`, host, port }];
    throw new GenerateError(
      '`port` is 0, which is another port at each start: set --port, or --worker-ports.',
    );
  }
  if (base + workers - 1 > 65_535) {
    throw new GenerateError(
      `The ports of ${workers} workers from ${base} up do not end at 65535 or below: set a lower ` +
        '--worker-port-base.',
    );
  }
  return Array.from({ length: workers }, (_, worker) => ({
    name: `n${node}w${worker}`,
    host,
    port: base + worker,
  }));
}

/** Of each port: the worker's own, or the one that all share. */
function boundOf(config: Config, facts: HostFacts, isLocal: boolean): Bound {
  const { workers, connectionsPerWorker, memoryBytes, localPorts } = facts;
  const ports = config.workerPorts ? 1 : workers;
  const { maxSessionsPerWorker: sessions } = config;
  const bounds: Bound[] = [
    { by: 'open files', connections: connectionsPerWorker * ports },
    { by: 'memory', connections: Math.floor(inMemory(memoryBytes, workers, isLocal) * ports) },
    { by: 'local ports', connections: localPorts },
  ];
  if (sessions !== 'auto') {
    const each = sessions * REQUESTS_PER_SESSION + REFUSED_AT_ONCE;
    bounds.push({ by: 'maxSessionsPerWorker', connections: each * ports });
  }
  const [first, ...others] = bounds as [Bound, ...Bound[]];
  return others.reduce((least, one) => (one.connections < least.connections ? one : least), first);
}

/** Sessions of one worker that the memory of the host has room for. */
function inMemory(memoryBytes: number, workers: number, isLocal: boolean): number {
  const { sharedWorkerBytes, emptyWorkerBytes, workerBytesPerSession } = SESSION_COST;
  const { kernelBytesPerSocket, kernelBytesPerLoopbackSocket } = SESSION_COST;
  const empty = sharedWorkerBytes + workers * emptyWorkerBytes + PLAN_BASIS.controllerBytes;
  // A proxy beside the node: the client's socket is its own, and two more lead to the node.
  const kernel = kernelBytesPerSocket + (isLocal ? 2 * kernelBytesPerLoopbackSocket : 0);
  const each = workerBytesPerSession + PLAN_BASIS.controllerBytesPerSession + kernel;
  return Math.max(1, (memoryBytes * MEMORY_SHARE - empty) / each / workers);
}

function timesOf(config: Config): Times {
  const { pingIntervalMs, pingTimeoutMs, pollHoldMs, requestTimeoutMs } = config;
  const silence = pingIntervalMs + pingTimeoutMs;
  const seconds = (ms: number): number => Math.ceil(ms / 1_000);
  return {
    tunnel: seconds(silence) + MARGIN_S,
    answer: seconds(Math.max(silence, pollHoldMs, requestTimeoutMs)) + MARGIN_S,
    keepAlive: Math.min(KEEP_ALIVE_MAX_S, seconds(config.keepAliveTimeoutMs)),
  };
}
