/**
 * The first line of a request: method, target and version, each after exactly one space.
 *
 * Source: RFC 9112, sections 2.3 and 3; RFC 9110, section 4.2.4 (no user in a target).
 */

import type { HeadFacts } from './head-facts.ts';
import { FAULTS, type HttpFault } from './http-fault.ts';
import { CR, HOST, isAllOf, LF, OCTETS, SPACE, TARGET, TOKEN } from './octets.ts';

const SLASH = 0x2f;
const VERSION = 'HTTP/';
const ABSOLUTE = /^(http|https|ws|wss):\/\/([^/?]+)/i;
const HOST_WITH_PORT = /^(?:[^:[\]]+|\[[0-9a-f:.]+\]):\d{1,5}$/i;
const DEFAULT_PORT = { http: ':80', ws: ':80', https: ':443', wss: ':443' } as const;

/** Where the line has ended, line end included, or what is wrong with it. */
export function readRequestLine(
  bytes: Uint8Array,
  start: number,
  facts: HeadFacts,
): number | HttpFault {
  let at = start;
  while (((OCTETS[bytes[at] as number] as number) & TOKEN) !== 0) at++;
  if (at === start || bytes[at] !== SPACE) return FAULTS.method;
  facts.methodEnd = at - start;
  const target = ++at;
  while (((OCTETS[bytes[at] as number] as number) & TARGET) !== 0) at++;
  if (at === target || bytes[at] !== SPACE) return FAULTS.target;
  facts.targetEnd = at - start;
  return readVersion(bytes, at + 1, facts);
}

function readVersion(bytes: Uint8Array, start: number, facts: HeadFacts): number | HttpFault {
  let at = start;
  for (let i = 0; i < VERSION.length; i++) {
    if (bytes[at++] !== VERSION.charCodeAt(i)) return FAULTS.version;
  }
  const major = (bytes[at] as number) - 0x30;
  const minor = (bytes[at + 2] as number) - 0x30;
  if (!isDigit(major) || bytes[at + 1] !== 0x2e || !isDigit(minor)) return FAULTS.version;
  if (bytes[at + 3] !== CR || bytes[at + 4] !== LF) return FAULTS.version;
  if (major !== 1 || (minor !== 0 && minor !== 1)) return FAULTS.otherVersion;
  facts.minorVersion = minor;
  return at + 5;
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}

/**
 * Whether the target has the form that its method asks for, and names no other host than `Host`
 * does: one of the two decides in a proxy, and who knows which.
 */
export function faultOfTarget(
  method: string,
  target: string,
  host: string | undefined,
): HttpFault | undefined {
  if (method === 'CONNECT') {
    return isHost(target) && HOST_WITH_PORT.test(target) ? undefined : FAULTS.target;
  }
  if (target.charCodeAt(0) === SLASH) return undefined;
  if (target === '*') return method === 'OPTIONS' ? undefined : FAULTS.target;
  const [, scheme = '', authority = ''] = ABSOLUTE.exec(target) ?? [];
  if (authority === '' || !isHost(authority)) return FAULTS.target;
  if (host === undefined) return undefined;
  const port = DEFAULT_PORT[scheme.toLowerCase() as keyof typeof DEFAULT_PORT];
  return withPort(authority, port) === withPort(host, port) ? undefined : FAULTS.targetHost;
}

function isHost(text: string): boolean {
  return isAllOf(text, HOST);
}

function withPort(host: string, defaultPort: string): string {
  return (/:\d+$/.test(host) ? host : host + defaultPort).toLowerCase();
}
