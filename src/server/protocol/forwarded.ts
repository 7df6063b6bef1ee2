/**
 * What proxies write of the requests they pass on: `Forwarded`, and the older `X-Forwarded-…`.
 *
 * Read as they stand, whoever wrote them: whom to believe is not decided here. Malformed elements
 * are left as elements that say nothing, since their number says how many proxies there were.
 * Source: RFC 7239, sections 4 to 6.
 */

import { type IpAddress, parseIp } from './ip-address.ts';

/** What one proxy said of who asked it; what it did not say, or hid, is `undefined`. */
export interface Hop {
  readonly address: IpAddress | undefined;
  readonly host: string | undefined;
  readonly proto: 'http' | 'https' | undefined;
}

/** More proxies in a row there are not: what stands before the last 64 is not looked at. */
const HOPS_MAX = 64;
/** `for`, `by`, `host` and `proto` are all that is known; others may add a few. */
const PAIRS_MAX = 16;
const SILENT_HOP: Hop = { address: undefined, host: undefined, proto: undefined };
/** Host names are 253 characters long at the most; a port, or the brackets of an address. */
const HOST_PATTERN = /^(?:[\w.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;
const PORT_PATTERN = /^(?::(?:\d{1,5}|_[\w.-]{1,64}))?$/;
const PAIR_PATTERN = /\s*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;=]*))\s*(?:;|$)/y;

/** The elements of `Forwarded`, the nearest proxy's last. */
export function readForwarded(header: string): readonly Hop[] {
  return header === '' ? [] : splitElements(header).map(readElement);
}

/** The addresses of `X-Forwarded-For`, the nearest proxy's last. */
export function readForwardedFor(header: string): readonly Hop[] {
  return splitList(header).map((item) => {
    return { address: readNode(unquoted(item)), host: undefined, proto: undefined };
  });
}

/** The items of a list such as `X-Forwarded-Host`, the last 64. */
export function splitList(header: string): readonly string[] {
  if (header === '') return [];
  const items: string[] = [];
  let end = header.length;
  while (end >= 0 && items.length < HOPS_MAX) {
    // A search from before the start would look at the first character all the same.
    const comma = end === 0 ? -1 : header.lastIndexOf(',', end - 1);
    items.push(header.slice(comma + 1, end).trim());
    end = comma;
  }
  return items.reverse();
}

export function readHost(text: string | undefined): string | undefined {
  return text !== undefined && HOST_PATTERN.test(text) ? text.toLowerCase() : undefined;
}

/** `ws` and `wss` are what some proxies write of WebSockets. */
export function readProto(text: string | undefined): 'http' | 'https' | undefined {
  switch (text?.toLowerCase()) {
    case 'http':
    case 'ws':
      return 'http';
    case 'https':
    case 'wss':
      return 'https';
    default:
      return undefined;
  }
}

/** Splits at commas outside of quotes; one quote that never ends takes the rest with it. */
function splitElements(header: string): readonly string[] {
  const elements: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < header.length; i++) {
    const character = header[i];
    if (isQuoted && character === '\\') i++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === ',' && !isQuoted) {
      elements.push(header.slice(start, i));
      start = i + 1;
    }
  }
  elements.push(header.slice(start));
  return elements.slice(-HOPS_MAX);
}

function readElement(element: string): Hop {
  const pairs = new Map<string, string>();
  PAIR_PATTERN.lastIndex = 0;
  while (PAIR_PATTERN.lastIndex < element.length && pairs.size < PAIRS_MAX) {
    const match = PAIR_PATTERN.exec(element);
    const [, name = '', quoted, token = ''] = match ?? [];
    const key = name.toLowerCase();
    // Said twice is said wrongly: whoever reads the other one would see another client.
    if (match === null || pairs.has(key)) return SILENT_HOP;
    pairs.set(key, quoted === undefined ? token : quoted.replaceAll(/\\(.)/g, '$1'));
  }
  return {
    address: readNode(pairs.get('for') ?? ''),
    host: readHost(pairs.get('host')),
    proto: readProto(pairs.get('proto')),
  };
}

/** An address, perhaps with a port, v6 then in brackets; `unknown` and `_name` are none. */
function readNode(node: string): IpAddress | undefined {
  if (node.startsWith('[')) {
    const end = node.indexOf(']');
    const inside = node.slice(1, end);
    if (end === -1 || !inside.includes(':') || !PORT_PATTERN.test(node.slice(end + 1))) {
      return undefined;
    }
    return parseIp(inside);
  }
  const colon = node.indexOf(':');
  const isV4WithPort = colon !== -1 && colon === node.lastIndexOf(':');
  if (!isV4WithPort) return parseIp(node);
  return PORT_PATTERN.test(node.slice(colon)) ? parseIp(node.slice(0, colon)) : undefined;
}

function unquoted(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
