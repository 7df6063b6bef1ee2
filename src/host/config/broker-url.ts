/**
 * The URL of a Redis or Valkey, read and judged. Its scheme says how the servers stand together:
 *
 *     redis://[user:password@]host:port[/database]          one server
 *     redis-sentinel://[user:password@]h1:p1,h2:p2/name     sentinels that know who the master is
 *     redis-cluster://[user:password@]h1:p1,h2:p2           some servers of a Cluster
 *
 * With `rediss` in place of `redis` all of them speak TLS. A user without a name is `default`. What
 * is said of a wrong URL shows no part of it, since passwords end up in any part of one.
 */

export interface BrokerHost {
  readonly host: string;
  readonly port: number;
}

export interface BrokerUrl {
  readonly topology: 'single' | 'sentinel' | 'cluster';
  readonly isTls: boolean;
  /** At least one; exactly one of a single server. */
  readonly hosts: readonly BrokerHost[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** What sentinels call the master; empty where there are none. */
  readonly masterName: string;
}

/** The URL, or one sentence that says what is wrong with it. */
export type ReadBrokerUrl = { readonly url: BrokerUrl } | { readonly fault: string };

const FORM = /^(redis|rediss)(-cluster|-sentinel)?:\/\/(?:([^@/]*)@)?([^/?#]*)(?:\/([^/?#]*))?$/;
const HOST = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/;
const MASTER_NAME = /^[\w.-]{1,100}$/;
const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;
const PORT_MAX = 65_535;
const HOSTS_MAX = 64;
const LENGTH_MAX = 10_000;
/** Servers have 16 if not told otherwise; nobody has told one to have so many. */
const DATABASES_MAX = 10_000;

/** Bytes of a URL that is not whole must not end anything. */
export function readBrokerUrl(text: string): ReadBrokerUrl {
  const [, scheme, kind, who, hostList = '', path = ''] =
    text.length > LENGTH_MAX ? [] : (FORM.exec(text) ?? []);
  if (scheme === undefined || hostList.includes('@') || path.includes('@')) {
    return { fault: formFault(text) };
  }
  const topology = kind === undefined ? 'single' : kind === '-cluster' ? 'cluster' : 'sentinel';
  const hosts = hostList
    .split(',')
    .map((host) => readHost(host, topology === 'sentinel' ? SENTINEL_PORT : REDIS_PORT));
  if (!hosts.every((host) => host !== undefined) || hosts.length > HOSTS_MAX) {
    return { fault: `needs one to ${HOSTS_MAX} hosts as host:port, with commas between them` };
  }
  if (topology === 'single' && hosts.length > 1) {
    return { fault: 'names several hosts: begin it with redis-cluster:// or redis-sentinel://' };
  }
  const credentials = readCredentials(who);
  if (credentials === undefined) {
    return { fault: 'needs user:password before the @, with % escapes for signs such as @ : / %' };
  }
  const fault = pathFault(topology, path);
  if (fault !== undefined) return { fault };
  return {
    url: {
      topology,
      isTls: scheme === 'rediss',
      hosts,
      ...credentials,
      database: topology === 'single' ? Number(path) : 0,
      masterName: topology === 'sentinel' ? path : '',
    },
  };
}

/** The URL as it may be shown: without user and password. Text that is no such URL is not shown. */
export function shownBrokerUrl(text: string): string {
  const read = readBrokerUrl(text);
  if ('fault' in read) return 'a URL that cannot be read';
  const { topology, isTls, hosts, database, masterName } = read.url;
  const scheme = `redis${isTls ? 's' : ''}${topology === 'single' ? '' : `-${topology}`}`;
  const path = topology === 'sentinel' ? `/${masterName}` : database > 0 ? `/${database}` : '';
  return `${scheme}://${hosts.map(shownHost).join(',')}${path}`;
}

/** `host:port`, the host in brackets when it has colons itself. */
export function shownHost({ host, port }: BrokerHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function formFault(text: string): string {
  if (!/^rediss?(-cluster|-sentinel)?:\/\//.test(text)) {
    return 'must begin with redis://, redis-cluster:// or redis-sentinel://, or rediss for TLS';
  }
  if (/[?#]/.test(text)) return 'must have no ? and no #; write them as %3F and %23 in a password';
  return 'must look like redis://user:password@host:port, with % escapes for @ : / % in a password';
}

function readHost(text: string, usualPort: number): BrokerHost | undefined {
  const [, address, name, digits] = HOST.exec(text) ?? [];
  const host = address ?? name;
  const port = digits === undefined ? usualPort : Number(digits);
  return host === undefined || port === 0 || port > PORT_MAX ? undefined : { host, port };
}

function readCredentials(
  who: string | undefined,
): Pick<BrokerUrl, 'user' | 'password'> | undefined {
  if (who === undefined) return { user: undefined, password: undefined };
  const at = who.indexOf(':');
  if (at === -1 || at !== who.lastIndexOf(':')) return undefined;
  try {
    const user = decodeURIComponent(who.slice(0, at));
    const password = decodeURIComponent(who.slice(at + 1));
    return password === '' ? undefined : { user: user === '' ? undefined : user, password };
  } catch {
    return undefined;
  }
}

function pathFault(topology: BrokerUrl['topology'], path: string): string | undefined {
  if (topology === 'sentinel') {
    if (MASTER_NAME.test(path)) return undefined;
    return 'needs the name of the master behind the sentinels: redis-sentinel://host:port/name';
  }
  if (path === '') return undefined;
  if (topology === 'cluster') return 'must end behind its hosts: a Cluster has no databases';
  const isDatabase = /^\d{1,5}$/.test(path) && Number(path) < DATABASES_MAX;
  return isDatabase ? undefined : 'needs a number as its database, or nothing behind its host';
}
