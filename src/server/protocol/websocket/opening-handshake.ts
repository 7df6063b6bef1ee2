/**
 * The opening handshake, as the server sees it (RFC 6455, sections 4.2.1 and 4.2.2).
 *
 * A request is judged by its headers and answered with a head as text. Whether the path may be
 * upgraded, the origin, and places left are questions for the caller, who asks them first. No
 * subprotocol is chosen unless the caller names one: a server that answers with one nobody asked
 * for ends the connection of a client that follows the RFC. SHA-1 is the caller's: that of Node.js
 * would take a worker 0.8 MB that needs nothing else of its module.
 */

/** What every server hashes behind the key (section 1.3). */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** Base64 of 16 bytes: the last of the 22 letters holds four bits that must be zero. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const VERSION = '13';

/** The SHA-1 of a text, in base64. */
export type Sha1 = (text: string) => string;

/** The value of a header by its name in lower case; of several, joined by commas. */
export type HeaderOf = (name: string) => string | undefined;

export type Handshake =
  | { readonly kind: 'valid'; readonly key: string }
  | { readonly kind: 'refused'; readonly status: 400 | 426; readonly why: string };

export interface HandshakeAnswer {
  /** The subprotocol agreed on, one of those that the client asked for. */
  readonly protocol?: string | undefined;
  /** The value of Sec-WebSocket-Extensions. */
  readonly extensions?: string | undefined;
}

/** Headers that a refusal for the version carries, so that a client can choose another one. */
export const VERSION_HEADERS: Readonly<Record<string, string>> = {
  'Sec-WebSocket-Version': VERSION,
  Upgrade: 'websocket',
};

/** Judges a GET request that asks for a WebSocket. */
export function judgeHandshake(header: HeaderOf): Handshake {
  if (header('sec-websocket-version')?.trim() !== VERSION) {
    return { kind: 'refused', status: 426, why: 'only version 13 of WebSocket is spoken here' };
  }
  const key = header('sec-websocket-key')?.trim() ?? '';
  if (!KEY.test(key)) {
    return { kind: 'refused', status: 400, why: 'Sec-WebSocket-Key must be 16 bytes in base64' };
  }
  return { kind: 'valid', key };
}

/** The head that accepts the upgrade; frames follow it at once. */
export function acceptHead(
  key: string,
  sha1: Sha1,
  { protocol, extensions }: HandshakeAnswer = {},
): string {
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${acceptValue(key, sha1)}\r\n` +
    (protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`) +
    (extensions === undefined ? '' : `Sec-WebSocket-Extensions: ${extensions}\r\n`) +
    '\r\n'
  );
}

export function acceptValue(key: string, sha1: Sha1): string {
  return sha1(key + ACCEPT_GUID);
}
