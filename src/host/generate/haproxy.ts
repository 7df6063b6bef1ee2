/**
 * A configuration of HAProxy (2.4 or newer) in front of nodes.
 *
 * There are two backends with the same servers. One gets what begins a session and knows by
 * `/ready` who takes more; the other gets everything else and asks `/health` only, so that sessions
 * of a worker that is full, or that drains, go on.
 */

import type { Config } from '../config/schema.ts';
import { comment, GenerateError, type HostFacts } from './deployment.ts';
import {
  authority,
  boundWords,
  type Front,
  type FrontOptions,
  frontOf,
  proxyAdvice,
  stickyWords,
} from './front.ts';

/** Clients at the proxy without a connection to a worker: between two requests, or in a queue. */
const IDLE_CLIENTS = 1_000;
/** How often a server is asked; one that failed is left alone until it answers again. */
const CHECK = 'check inter 2s fastinter 500ms downinter 1s fall 2 rise 1';
/** For how long clients of an old configuration stay where they are. */
const RELOAD_GRACE = '30m';

/** @throws GenerateError when the config leaves open what a proxy must know */
export function haproxyText(config: Config, facts: HostFacts, options: FrontOptions): string {
  const front = frontOf(config, facts, options);
  if (front.areApart && front.sticky === 'hash') {
    // A full node is left out of one backend and not of the other, so that they reckon differently.
    throw new GenerateError(
      'With several nodes that are not linked take --sticky source or cookie, not hash.',
    );
  }
  const most = front.upstreams.length * front.bound.connections + IDLE_CLIENTS;
  return [
    head(config, front, most),
    `global
    maxconn ${most}
    log stdout format raw daemon notice
    # After a reload, the process before it ends when its last client has gone, or at this time.
    hard-stop-after ${RELOAD_GRACE}`,
    defaults(front),
    frontend(front),
    ...backends(front),
    '',
  ].join('\n\n');
}

function head(config: Config, front: Front, most: number): string {
  return comment(
    'HAProxy 2.4 or newer in front of Holdfast; written by "holdfast generate haproxy".',
    proxyAdvice(config, front),
    boundWords(config, front),
    `HAProxy has two files open for each of ${most} clients: its service needs ` +
      `LimitNOFILE=${2 * most + 1_000}.`,
    stickyWords(front),
  );
}

function defaults({ times }: Front): string {
  return `defaults
    mode http
    log global
    option dontlognull
    # Without it chunks of a stream wait 200 ms for more to send with them.
    option http-no-delay
    option redispatch
    retries 2
    timeout connect 5s
    timeout check 5s
    timeout queue 5s
    timeout http-request 10s
    timeout http-keep-alive ${times.keepAlive}s
    # Longer than polls wait, a request may take, and a stream is silent.
    timeout client ${times.answer}s
    timeout server ${times.answer}s
    # Longer than pingIntervalMs and pingTimeoutMs: the node is the first to end a silent client.
    timeout tunnel ${times.tunnel}s
    timeout client-fin 10s
    timeout server-fin 10s`;
}

function frontend(front: Front): string {
  const { listenHost, listenPort, certificate, doors } = front;
  const place = listenHost === undefined ? `:::${listenPort} v4v6` : bindAddress(front);
  const tls = certificate === undefined ? '' : ` ssl crt ${certificate} alpn http/1.1`;
  const paths = [doors.socketio, doors.socketio.slice(0, -1), ...doors.plain].join(' ');
  return `frontend clients
    bind ${place}${tls}
    # What a client says of itself is dropped: the node believes these headers of this proxy.
    http-request del-header Forwarded
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Proto ${certificate === undefined ? 'http' : 'https'}
    # Who has a session already names it; who has none goes where sessions are taken.
    acl is_door path ${paths}
    acl has_session url_param(sid) -m found
    acl has_session url_param(session) -m found
    acl takes_sessions nbsrv(holdfast_new) gt 0
    use_backend holdfast_new if is_door !has_session takes_sessions
    # Where no worker takes any, one of them says so, and when to come again.
    default_backend holdfast`;
}

function bindAddress({ listenHost = '*', listenPort }: Front): string {
  return authority(listenHost, listenPort);
}

function backends(front: Front): readonly string[] {
  const found = [backend(front, 'holdfast_new', '/ready'), backend(front, 'holdfast', '/health')];
  if (front.sticky !== 'source') return found;
  return [
    ...found,
    `# Both backends look here, so that a client has one worker.
backend holdfast_sources
    stick-table type ipv6 size 1m expire 30m`,
  ];
}

function backend(front: Front, name: string, check: string): string {
  const { upstreams, bound } = front;
  const servers = upstreams.map((upstream) => {
    const cookie = front.sticky === 'cookie' ? ` cookie ${upstream.name}` : '';
    const place = authority(upstream.host, upstream.port);
    return `    server ${upstream.name} ${place}${tlsWords(front, upstream.host)}${cookie}`;
  });
  return `backend ${name}
${balance(front)}
    option httpchk
    http-check send meth GET uri ${check} ver HTTP/1.1 hdr Host holdfast
    http-check expect status 200
    default-server ${CHECK} maxconn ${bound.connections}
${servers.join('\n')}`;
}

function balance({ sticky, certificate }: Front): string {
  // Pages of other origins send a cookie only where it says so, and browsers then ask for TLS.
  const attributes = certificate === undefined ? '' : ' secure attr "SameSite=None"';
  const lines: Readonly<Record<Front['sticky'], readonly string[]>> = {
    none: ['balance leastconn'],
    source: ['balance leastconn', 'stick on src table holdfast_sources'],
    hash: ['balance source', 'hash-type consistent'],
    cookie: [
      'balance leastconn',
      `cookie holdfast_worker insert indirect nocache httponly${attributes}`,
    ],
  };
  return lines[sticky].map((line) => `    ${line}`).join('\n');
}

function tlsWords({ upstreamTls }: Front, host: string): string {
  if (upstreamTls === undefined) return '';
  const { ca } = upstreamTls;
  // On loopback nobody is in between, and certificates are made out to other names.
  if (ca === undefined) return ' ssl verify none alpn http/1.1';
  return ` ssl verify required ca-file ${ca} verifyhost ${host} alpn http/1.1`;
}
