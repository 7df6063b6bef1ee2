/**
 * The admin API of a node, on a port of its own.
 *
 *     GET  /health   the controller is alive          open to all
 *     GET  /ready    200 when the node takes sessions open to all
 *     GET  /load     connections by worker and transport
 *     GET  /process  nodes and workers: pid, uptime, memory, event-loop lag, restarts
 *     GET  /metrics  for Prometheus (docs/METRICS.md)
 *     POST /send     {event, args?, room?, user?, except?, namespace?} → {accepted, id}
 *     GET  /rooms, /rooms/<name>, /users/<name>, POST /disconnect: admin-sessions.ts
 *     POST /profile  {worker, seconds} → a WorkerProfile (bus/worker-profile.ts), when it is done
 *
 * Who POSTs presents a token (admin-guard.ts). Whatever is refused is answered with
 * `{"error": "<one sentence>"}`.
 */

import type { LeftToken } from '../../host/access/left-token.ts';
import type { TlsPaths } from '../../host/access/tls-files.ts';
import { HostFiles } from '../../host/machine/host-files.ts';
import { listenFault } from '../../host/machine/listen-fault.ts';
import { ForeignJson } from '../../host/runtime/foreign-json.ts';
import { LIMITS } from '../core/limits/limits.ts';
import type { Log } from '../core/log/log.ts';
import { BrokerFullError } from '../links/bus/broker-full-error.ts';
import { BusFullError } from '../links/bus/bus-full-error.ts';
import { PROFILE_SECONDS_MAX, ProfileError } from '../links/bus/worker-profile.ts';
import { requestTarget } from '../protocol/request-target.ts';
import { AdminAudit, shown } from './admin-audit.ts';
import type { BodyBounds } from './admin-body.ts';
import { type AdminKeys, guardOfActing, guardOfReading } from './admin-guard.ts';
import { AdminListener } from './admin-listener.ts';
import { readProfileRequest } from './admin-profile.ts';
import { loadReport, type ProcessReport, processReport, withOthers } from './admin-reports.ts';
import type { Route } from './admin-route.ts';
import { readSendRequest } from './admin-send.ts';
import { sessionRoutes } from './admin-sessions.ts';
import { HttpError } from './http-error.ts';
import { createMetrics } from './metrics.ts';
import type { NodeView } from './node-view.ts';
import { StartError } from './start-error.ts';

export interface AdminOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** From the configuration; undefined only on a loopback address. */
  readonly token?: string | undefined;
  /** Files of a certificate and its key, when the port speaks TLS. */
  readonly tls: TlsPaths | undefined;
  /** Makes a token for those who act, where none is configured; undefined when it cannot. */
  leaveToken(port: number, address: string): LeftToken | undefined;
  readonly maxBodyBytes: number;
  /** Different keys in one body. */
  readonly maxJsonKeys: number;
  /** How the other nodes of a cluster stand. */
  readonly otherNodes?: () => Promise<OtherNodesView>;
  readonly log: Log;
}

/** Reports of the other nodes, as `/process` has them of this one. */
export interface OtherNodesView {
  readonly reports: readonly ProcessReport[];
  readonly missingNodes: readonly string[];
}

export interface Admin {
  readonly port: number;
  stop(): Promise<void>;
}

/** Bun closes requests that are idle for 10 s; a profile tells nothing until it is done. */
const PROFILE_TIMEOUT_SECONDS = PROFILE_SECONDS_MAX + 60;

/** @throws StartError when the port cannot be taken */
export function startAdmin(view: NodeView, options: AdminOptions): Admin {
  const { host, port, token, log } = options;
  const audit = new AdminAudit(log);
  const bounds: BodyBounds = {
    maxBytes: options.maxBodyBytes,
    json: new ForeignJson({ maxKeys: options.maxJsonKeys, maxDepth: LIMITS.argumentDepth + 2 }),
  };
  const routes = createRoutes(view, bounds, audit, options.otherNodes);
  let keys: AdminKeys = { configured: token, left: undefined };
  const answer = async (request: Request, server: Bun.Server<undefined>): Promise<Response> => {
    const address = server.requestIP(request)?.address ?? '';
    try {
      const route = findRoute(routes, request);
      if (!route.isOpen) (route.isActing ? guardOfActing(keys) : guardOfReading(keys))(request);
      return secured(await route.handle(request, { server, address }));
    } catch (error) {
      const answer = refuse(error, log);
      const { status } = answer;
      if (status === 401 || status === 403) audit.refused(pathOf(request), address, status);
      return secured(answer);
    }
  };
  let listener: AdminListener;
  try {
    listener = new AdminListener({ host, port, tls: options.tls, log, answer });
  } catch (error) {
    throw new StartError(startFault(error, host, port), { cause: error });
  }
  const left =
    token === undefined ? options.leaveToken(listener.port, listener.address) : undefined;
  keys = { configured: token, left };
  return {
    port: listener.port,
    async stop() {
      await listener.stop();
      left?.remove();
    },
  };
}

/** What is wrong with the certificate says so itself; the rest is the port. */
function startFault(error: unknown, host: string, port: number): string {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof Error && code === undefined) return error.message;
  const problem = `The admin API cannot listen on port ${port} of ${host}`;
  const { kind, reason } = listenFault(new HostFiles(), error, host, port);
  const flag = kind === 'address' ? '--admin-host' : '--admin-port';
  return `${problem}: ${reason}; choose another with ${flag}.`;
}

function createRoutes(
  view: NodeView,
  bounds: BodyBounds,
  audit: AdminAudit,
  otherNodes: AdminOptions['otherNodes'],
): ReadonlyMap<string, Route> {
  const metrics = createMetrics(view);
  return new Map<string, Route>([
    ['/health', { method: 'GET', isOpen: true, handle: () => Response.json({ status: 'ok' }) }],
    ['/ready', { method: 'GET', isOpen: true, handle: () => readiness(view) }],
    ['/load', { method: 'GET', handle: () => Response.json(loadReport(view, Date.now())) }],
    [
      '/process',
      {
        method: 'GET',
        handle: async () => {
          const others = await otherNodes?.();
          return Response.json(withOthers(processReport(view, Date.now()), others));
        },
      },
    ],
    [
      '/metrics',
      {
        method: 'GET',
        handle: async () =>
          new Response(await metrics.render(), {
            headers: { 'content-type': metrics.contentType },
          }),
      },
    ],
    ...sessionRoutes(view.sessions, bounds, audit),
    [
      '/send',
      {
        method: 'POST',
        isActing: true,
        handle: async (request, { address }) => {
          const message = await readSendRequest(request, bounds);
          const receipt = await view.publish(message);
          const { event, namespace, room, user } = message;
          audit.acted('send', address, {
            id: receipt.id,
            event: shown(event),
            namespace: shown(namespace),
            room: shown(room),
            user: shown(user),
          });
          return Response.json(receipt, { status: 202 });
        },
      },
    ],
    [
      '/profile',
      {
        method: 'POST',
        isActing: true,
        handle: async (request, { server, address }) => {
          const { worker, seconds } = await readProfileRequest(request, bounds.json);
          audit.acted('profile', address, { worker, seconds });
          server.timeout(request, PROFILE_TIMEOUT_SECONDS);
          const json = await view.profile(worker, seconds);
          return new Response(json, { headers: { 'content-type': 'application/json' } });
        },
      },
    ],
  ]);
}

/** No page of a browser shall take an answer for anything but what it says it is. */
function secured(response: Response): Response {
  response.headers.set('x-content-type-options', 'nosniff');
  response.headers.set('cache-control', 'no-store');
  response.headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  return response;
}

function pathOf(request: Request): string {
  return requestTarget(request.url).path;
}

/** A node without its broker takes sessions all the same, and says so. */
function readiness(view: NodeView): Response {
  const ready = view.isReady();
  const { state, fault } = view.broker();
  const broker = state === 'embedded' ? {} : { broker: state, fault };
  return Response.json({ ready, ...broker }, { status: ready ? 200 : 503 });
}

/** A path whose last part is a name. */
const NAMED = /^(\/[a-z]+\/)[^/]+$/;

function findRoute(routes: ReadonlyMap<string, Route>, request: Request): Route {
  const path = pathOf(request);
  const route = routes.get(path) ?? routes.get(path.replace(NAMED, '$1*'));
  if (!route) {
    throw new HttpError(404, `Nothing is here; use one of ${[...routes.keys()].join(', ')}.`);
  }
  // The server leaves out the body of an answer to HEAD by itself.
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  if (route.method !== method) {
    throw new HttpError(405, `Use ${route.method} for ${path}.`, { allow: route.method });
  }
  return route;
}

/** Who would miss the message, which therefore nobody gets. */
function fullText(workers: readonly number[]): string {
  if (workers.length === 0) return 'The bus takes no more messages';
  const [some, take] = workers.length === 1 ? ['Worker', 'takes'] : ['Workers', 'take'];
  return `${some} ${workers.join(', ')} ${take} no more messages, so this one was sent to nobody`;
}

function refuse(error: unknown, log: Log): Response {
  if (error instanceof HttpError) {
    const { status, headers, message } = error;
    return Response.json({ error: message }, { status, headers });
  }
  if (error instanceof BrokerFullError) {
    const message =
      'The sessions of this node have the message, but other nodes do not: too much waits for ' +
      'them. See the broker in "holdfast status".';
    return Response.json({ error: message }, { status: 503 });
  }
  if (error instanceof BusFullError) {
    const message = `${fullText(error.workers)}; send it again in a second.`;
    return Response.json({ error: message }, { status: 503, headers: { 'retry-after': '1' } });
  }
  if (error instanceof ProfileError) {
    return Response.json({ error: error.message }, { status: error.kind === 'busy' ? 409 : 503 });
  }
  log.error('the admin API failed to answer', { error: String(error) });
  return Response.json({ error: 'The node failed to answer; see its log.' }, { status: 500 });
}
