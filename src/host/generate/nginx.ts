/**
 * A configuration of nginx (1.18 or newer) in front of nodes: the whole of its file, since open
 * files and connections are set outside of servers.
 *
 * As with HAProxy there are two groups of the same servers. Open-source nginx asks nobody how they
 * are, so a handshake that a full worker refuses is tried at others, and nothing else is.
 */

import { isIP } from 'node:net';
import type { Config } from '../config/schema.ts';
import { comment, GenerateError, type HostFacts } from './deployment.ts';
import {
  authority,
  boundWords,
  type Front,
  type FrontOptions,
  frontOf,
  proxyAdvice,
  REQUESTS_PER_SESSION,
  stickyWords,
} from './front.ts';

/** Files of nginx beside connections: logs, sockets, its own. */
const OWN_FILES = 1_000;
/** Clients between two requests, or being refused. */
const IDLE_CLIENTS = 1_000;
/** The node answers 413 to a little too much in its own words; nginx ends what is far more. */
const BODY_MARGIN = 65_536;
/** Connections that each process keeps open to a node for further requests. */
const KEPT_CONNECTIONS = 64;
/** Less than the node keeps an idle connection, whatever it brought before. */
const KEPT_S = 4;
/** For how long clients of an old configuration stay where they are. */
const RELOAD_GRACE = '30m';
/** A table of a million addresses takes so much of a zone; the oldest go first. */
const ZONE = '64m';

/** @throws GenerateError when a proxy must know more of the config, or nginx cannot do it */
export function nginxText(config: Config, facts: HostFacts, options: FrontOptions): string {
  if (options.sticky === 'cookie') {
    throw new GenerateError(
      'nginx sets no affinity cookie without a commercial module: take --sticky hash, or haproxy.',
    );
  }
  const front = frontOf(config, facts, options);
  const files = 2 * (front.upstreams.length * front.bound.connections + IDLE_CLIENTS);
  const limits = limitsOf(config, facts);
  const groups = ['holdfast_new', 'holdfast'].flatMap((name) => group(front, name));
  return `${head(config, front)}

worker_processes auto;
worker_rlimit_nofile ${files + OWN_FILES};
# After a reload, processes before it end when their last client has gone, or at this time.
worker_shutdown_timeout ${RELOAD_GRACE};

events {
    # Two for each client; connections do not spread evenly over processes, so each may have all.
    worker_connections ${files};
}

http {
${indented([...maps(), ...limits.zones, ...groups])}

    server {
${indented(server(config, front, limits.rules), 8)}
    }
}
`;
}

function head(config: Config, front: Front): string {
  return comment(
    'nginx 1.18 or newer in front of Holdfast, as the whole nginx.conf; written by "holdfast ' +
      'generate nginx".',
    proxyAdvice(config, front),
    boundWords(config, front),
    stickyWords(front),
  );
}

function maps(): readonly string[] {
  return [
    'access_log off;',
    'server_tokens off;',
    '# Without an upgrade the connection to the node is kept for the next request.',
    "map $http_upgrade $connection_upgrade { default upgrade; '' ''; }",
    '# Who has a session already names it; who has none may be taken by any worker.',
    "map $arg_sid$arg_session $holdfast_group { default holdfast; '' holdfast_new; }",
  ];
}

interface Limits {
  readonly zones: readonly string[];
  readonly rules: readonly string[];
}

/** What the node allows an address on each worker, and the proxy therefore on all of them. */
function limitsOf(config: Config, { workers }: HostFacts): Limits {
  const { maxSessionsPerAddress: sessions, maxHandshakesPerAddress: handshakes } = config;
  const zones: string[] = [];
  const rules: string[] = [];
  if (sessions > 0) {
    zones.push(`limit_conn_zone $binary_remote_addr zone=sessions_of:${ZONE};`);
    rules.push('# maxSessionsPerAddress of all workers, each with a poll and a POST under way.');
    rules.push(`limit_conn sessions_of ${sessions * workers * REQUESTS_PER_SESSION};`);
    rules.push('limit_conn_status 429;');
  }
  if (handshakes > 0) {
    const rate = handshakes * workers;
    zones.push("map $arg_sid$arg_session $newcomer { default ''; '' $binary_remote_addr; }");
    zones.push(`limit_req_zone $newcomer zone=handshakes_of:${ZONE} rate=${rate}r/s;`);
    rules.push('# maxHandshakesPerAddress of all workers.');
    rules.push(`limit_req zone=handshakes_of burst=${rate} nodelay;`);
    rules.push('limit_req_status 429;');
  }
  if (rules.length === 0) {
    rules.push('# Without limits on one address: maxSessionsPerAddress and');
    rules.push('# maxHandshakesPerAddress are 0, and many clients may share one.');
  }
  return { zones, rules };
}

function group(front: Front, name: string): readonly string[] {
  const { upstreams, bound, sticky } = front;
  // A refusal for want of places would count as a failure, and three of them end all service.
  const failing = name === 'holdfast' && upstreams.length > 1 ? 2 : 0;
  const balance = {
    none: 'least_conn;',
    source: 'ip_hash;',
    hash: 'hash $remote_addr consistent;',
  };
  return [
    `upstream ${name} {`,
    `    zone ${name} 256k;`,
    `    ${balance[sticky as 'none' | 'source' | 'hash']}`,
    ...upstreams.map(
      ({ host, port }) =>
        `    server ${authority(host, port)} max_conns=${bound.connections} ` +
        `max_fails=${failing} fail_timeout=2s;`,
    ),
    `    keepalive ${KEPT_CONNECTIONS};`,
    `    keepalive_timeout ${KEPT_S}s;`,
    '}',
  ];
}

function server(config: Config, front: Front, rules: readonly string[]): readonly string[] {
  const { times, upstreamTls } = front;
  const scheme = upstreamTls === undefined ? 'http' : 'https';
  // One time for both: how long a WebSocket is silent, and how long an answer takes.
  const silence = Math.max(times.tunnel, times.answer);
  return [
    ...listening(front),
    'client_header_timeout 10s;',
    `client_body_timeout ${times.answer}s;`,
    `client_max_body_size ${config.maxPayloadBytes + BODY_MARGIN};`,
    `keepalive_timeout ${times.keepAlive}s;`,
    `send_timeout ${times.tunnel}s;`,
    ...rules,
    '',
    'proxy_http_version 1.1;',
    'proxy_set_header Host $http_host;',
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header Connection $connection_upgrade;',
    '# What a client says of itself is dropped: the node believes these headers of this proxy.',
    "proxy_set_header Forwarded '';",
    'proxy_set_header X-Forwarded-For $remote_addr;',
    'proxy_set_header X-Forwarded-Host $http_host;',
    'proxy_set_header X-Forwarded-Proto $scheme;',
    ...upstreamRules(front),
    '# Streams are passed on as they come.',
    'proxy_buffering off;',
    'proxy_connect_timeout 5s;',
    '# Longer than polls wait, a request may take, and a client is silent before the node ends it.',
    `proxy_read_timeout ${silence}s;`,
    `proxy_send_timeout ${silence}s;`,
    'proxy_next_upstream error;',
    '',
    // A session that another node took would be sought at the one where its client belongs.
    ...(front.areApart ? [] : newcomers(front)),
    'location / {',
    `    proxy_pass ${scheme}://holdfast;`,
    '}',
  ];
}

/** Where sessions begin: a GET that a full worker refused is tried at two others. */
function newcomers({ doors, upstreamTls }: Front): readonly string[] {
  const scheme = upstreamTls === undefined ? 'http' : 'https';
  return [doors.socketio, doors.socketio.slice(0, -1), ...doors.plain].flatMap((path) => [
    `location = ${path} {`,
    '    # What a full worker refuses is tried at two others.',
    '    proxy_next_upstream error timeout http_503;',
    '    proxy_next_upstream_tries 3;',
    `    proxy_pass ${scheme}://$holdfast_group;`,
    '}',
  ]);
}

function listening({ listenHost, listenPort, certificate }: Front): readonly string[] {
  const tls = certificate === undefined ? '' : ' ssl';
  const places =
    listenHost === undefined
      ? [`${listenPort}`, `[::]:${listenPort}`]
      : [authority(listenHost, listenPort)];
  const files =
    certificate === undefined
      ? []
      : [`ssl_certificate ${certificate};`, `ssl_certificate_key ${certificate};`];
  return [...places.map((place) => `listen ${place}${tls};`), ...files];
}

/** How nginx makes sure that a node which speaks TLS is the one that is meant. */
function upstreamRules({ upstreamTls, upstreams }: Front): readonly string[] {
  // On loopback nobody is in between, and certificates are made out to other names.
  if (upstreamTls?.ca === undefined) return [];
  const names = new Set(upstreams.map(({ host }) => host));
  const [name = ''] = names;
  if (names.size > 1 || isIP(name) !== 0) {
    throw new GenerateError(
      'nginx checks one host name in the certificates of nodes, no addresses: give one name as ' +
        '--upstream, or take haproxy.',
    );
  }
  return [
    'proxy_ssl_verify on;',
    `proxy_ssl_trusted_certificate ${upstreamTls.ca};`,
    `proxy_ssl_name ${name};`,
    'proxy_ssl_server_name on;',
  ];
}

function indented(lines: readonly string[], columns = 4): string {
  return lines.map((line) => (line === '' ? '' : ' '.repeat(columns) + line)).join('\n');
}
