/**
 * Origins of web pages: whether one is the server's own, and whether a list of patterns names it.
 *
 * Source: RFC 6454, section 7, and the Fetch standard, "CORS protocol". An origin that is no URL of
 * a web page (`capacitor://localhost`, `chrome-extension://…`) is compared as it stands; `null` is
 * what files, sandboxed frames and some app shells send.
 */

/** The parts of an origin, in lower case; `port` is empty where the origin names none. */
interface OriginParts {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

/** Answers whether a page's origin is on a list. */
export type OriginList = (origin: string) => boolean;

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' };
/** No more than browsers send; what is longer is no origin. */
const ORIGIN_MAX_LENGTH = 512;
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:[\]]+)(?::(\d{1,5}))?$/;
const HOST = /^(\[[0-9a-f:.]+\]|[^\s/?#@:[\],]+)(?::(\d{1,5}))?$/;

/** What is known of the way to the host that was asked. */
export interface AskedHost {
  /** What the request and the proxies in front say the host is. */
  readonly hosts: readonly string[];
  /** Ports that the server itself has. */
  readonly ownPorts: readonly number[];
  /** A proxy has passed the request on, which may have changed the port or left it out. */
  readonly isProxied: boolean;
}

/**
 * Whether a page comes from the host that was asked.
 *
 * A page on another port of the host is another's. But where the host is named without a port, or
 * with a default one, the page's may be a default port, one of the server's own, or, behind a
 * proxy, any: proxies pass the host on with a port of their own, a default port, or none.
 */
export function isOwnOrigin(origin: string, asked: AskedHost): boolean {
  const page = parseOrigin(origin);
  if (page === undefined || !(page.scheme in DEFAULT_PORTS)) return false;
  return asked.hosts.some((text) => {
    const found = HOST.exec(text.trim().toLowerCase());
    if (found === null || found[1] !== page.host) return false;
    const [, , port = ''] = found;
    if (port !== '' && !isDefaultPort(port)) return page.port === port;
    if (page.port === '' || isDefaultPort(page.port) || asked.isProxied) return true;
    return port === '' && asked.ownPorts.includes(Number(page.port));
  });
}

/**
 * Makes a list of patterns ready: origins as they are, `https://*.example.com` for all names below
 * a domain, `*` for all.
 */
export function originList(patterns: readonly string[]): OriginList {
  const exact = new Set(patterns.map((pattern) => normalized(pattern)));
  const below = patterns.flatMap((pattern) => {
    const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/\*(\..+)$/i.exec(pattern) ?? [];
    return scheme === undefined || rest === undefined
      ? []
      : [{ start: `${scheme.toLowerCase()}://`, end: normalizedEnd(scheme, rest) }];
  });
  const isOpen = exact.has('*');
  return (origin) => {
    if (isOpen) return true;
    if (origin.length > ORIGIN_MAX_LENGTH) return false;
    const page = normalized(origin);
    if (exact.has(page)) return true;
    return below.some(
      ({ start, end }) =>
        page.startsWith(start) &&
        page.endsWith(end) &&
        isName(page.slice(start.length, -end.length)),
    );
  };
}

function parseOrigin(origin: string): OriginParts | undefined {
  if (origin.length > ORIGIN_MAX_LENGTH) return undefined;
  const found = ORIGIN.exec(origin.toLowerCase());
  if (found === null) return undefined;
  const [, scheme = '', host = '', port = ''] = found;
  return { scheme, host, port: port === DEFAULT_PORTS[scheme] ? '' : port };
}

function isDefaultPort(port: string): boolean {
  return port === '80' || port === '443';
}

/** In lower case, and without the port that its scheme has anyway. */
function normalized(origin: string): string {
  const parts = parseOrigin(origin);
  if (parts === undefined) return origin.toLowerCase();
  return `${parts.scheme}://${parts.host}${parts.port === '' ? '' : `:${parts.port}`}`;
}

function normalizedEnd(scheme: string, rest: string): string {
  return normalized(`${scheme}://x${rest}`).slice(`${scheme}://x`.length);
}

/** One or more labels of a host name, so that no other part of an origin hides in a wildcard. */
function isName(text: string): boolean {
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(text);
}
