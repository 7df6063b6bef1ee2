/**
 * Socket.IO v5 packets as text: type, number of attachments, namespace, ack id, JSON payload.
 *
 *     <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]
 *
 * Attachments follow as binary messages of their own; `binary-payload.ts` puts them in their
 * places. Source: the Socket.IO protocol, revision 5, "Packet encoding". Encoders add the Engine.IO
 * type `4` in front, so that their result is a frame that can be sent to any number of sessions.
 */

export const MAIN_NAMESPACE = '/';

/** A decoded packet from a client; `attachments` counts binary messages still to come. */
export type Packet =
  | { readonly type: 'connect'; readonly namespace: string; readonly auth: JsonObject | undefined }
  | { readonly type: 'disconnect'; readonly namespace: string }
  | EventPacket
  | AckPacket;

export interface EventPacket {
  readonly type: 'event';
  readonly namespace: string;
  /** Present when the client wants an ack. */
  readonly ackId: number | undefined;
  readonly event: string;
  args: unknown[];
  readonly attachments: number;
}

export interface AckPacket {
  readonly type: 'ack';
  readonly namespace: string;
  readonly ackId: number;
  args: unknown[];
  readonly attachments: number;
}

export type PacketKind = Packet['type'];

/** A packet whose payload is not to be read; its head says whose it is. */
export interface UnreadPacket<Fault extends string> {
  readonly type: 'unread';
  readonly kind: PacketKind;
  readonly head: PacketHead;
  readonly fault: Fault;
}

/** Looks at payloads before they are parsed. */
export interface PayloadJudge<Fault extends string> {
  /** What is wrong with the payload that begins at `from`, beside what the parser finds. */
  faultIn(text: string, from: number, sender: object): Fault | 'malformed' | undefined;
}

export type JsonObject = Record<string, unknown>;

/** Events that the protocol's libraries raise themselves; neither side may send them. */
export const RESERVED_EVENTS: ReadonlySet<string> = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

const TYPE = {
  connect: 0,
  disconnect: 1,
  event: 2,
  ack: 3,
  connectError: 4,
  binaryEvent: 5,
  binaryAck: 6,
} as const;

const KINDS = ['connect', 'disconnect', 'event', 'ack', undefined, 'event', 'ack'] as const;

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const SLASH = 0x2f;
const DASH = 0x2d;
const MAX_ATTACHMENT_DIGITS = 6;

/** What stands in front of a packet's JSON. */
export interface PacketHead {
  readonly type: number;
  readonly attachments: number;
  readonly namespace: string;
  readonly ackId: number | undefined;
  /** Where the JSON begins. */
  readonly payloadAt: number;
}

/** Whether attachments follow a packet, by its first character. */
export function announcesAttachments(text: string): boolean {
  const type = text.charCodeAt(0) - DIGIT_0;
  return type === TYPE.binaryEvent || type === TYPE.binaryAck;
}

/** `undefined` for what is not a client's to send. */
export function kindOf({ type }: PacketHead): PacketKind | undefined {
  return KINDS[type];
}

/** Whether a packet answers an event of the server. */
export function isAck({ type }: PacketHead): boolean {
  return type === TYPE.ack || type === TYPE.binaryAck;
}

/**
 * Decodes a packet from a client.
 *
 * @param text the Engine.IO message, without its type character
 * @param judge may find that its payload is not to be read
 * @param sender who is answerable for it to the judge
 * @returns the packet, or `undefined` when it is malformed or not a client's to send
 */
export function decodePacket(text: string, maxAttachments: number): Packet | undefined;
export function decodePacket<Fault extends string>(
  text: string,
  maxAttachments: number,
  judge: PayloadJudge<Fault>,
  sender: object,
): Packet | UnreadPacket<Fault> | undefined;
export function decodePacket<Fault extends string>(
  text: string,
  maxAttachments: number,
  judge?: PayloadJudge<Fault>,
  sender: object = ANYBODY,
): Packet | UnreadPacket<Fault> | undefined {
  const head = readHead(text, maxAttachments);
  if (head === undefined) return undefined;
  const isEmpty = head.payloadAt >= text.length;
  const fault = isEmpty ? undefined : judge?.faultIn(text, head.payloadAt, sender);
  if (fault === 'malformed') return undefined;
  if (fault !== undefined) {
    const kind = kindOf(head);
    return kind === undefined ? undefined : { type: 'unread', kind, head, fault };
  }
  const payload = parseJson(text, head.payloadAt);
  return payload === MALFORMED ? undefined : buildPacket(head, payload);
}

/** Reads what stands in front of the JSON, which may still be malformed. */
export function readHead(text: string, maxAttachments: number): PacketHead | undefined {
  const type = text.charCodeAt(0) - DIGIT_0;
  let at = 1;
  let attachments = 0;
  if (type === TYPE.binaryEvent || type === TYPE.binaryAck) {
    const end = digitsEnd(text, at);
    if (end === at || end - at > MAX_ATTACHMENT_DIGITS) return undefined;
    if (text.charCodeAt(end) !== DASH) return undefined;
    attachments = Number(text.slice(at, end));
    if (attachments < 1 || attachments > maxAttachments) return undefined;
    at = end + 1;
  }
  let namespace = MAIN_NAMESPACE;
  if (text.charCodeAt(at) === SLASH) {
    const comma = text.indexOf(',', at);
    const end = comma === -1 ? text.length : comma;
    namespace = text.slice(at, end);
    at = end + 1;
  }
  const idEnd = digitsEnd(text, at);
  const ackId = idEnd === at ? undefined : Number(text.slice(at, idEnd));
  // Past the exact integers two questions would share an id.
  if (ackId !== undefined && !Number.isSafeInteger(ackId)) return undefined;
  return { type, attachments, namespace, ackId, payloadAt: idEnd };
}

const ANYBODY: object = {};
const MALFORMED = Symbol('malformed');

function parseJson(text: string, from: number): unknown {
  if (from >= text.length) return undefined;
  try {
    return JSON.parse(text.slice(from));
  } catch {
    return MALFORMED;
  }
}

function digitsEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < DIGIT_0 || code > DIGIT_9) break;
  }
  return at;
}

function buildPacket(head: PacketHead, payload: unknown): Packet | undefined {
  const { namespace, ackId, attachments } = head;
  switch (head.type) {
    case TYPE.connect:
      if (payload !== undefined && !isObject(payload)) return undefined;
      return { type: 'connect', namespace, auth: payload };
    case TYPE.disconnect:
      return payload === undefined ? { type: 'disconnect', namespace } : undefined;
    case TYPE.event:
    case TYPE.binaryEvent: {
      if (!Array.isArray(payload)) return undefined;
      const [name, ...args] = payload as unknown[];
      const isName = typeof name === 'number' || typeof name === 'string';
      if (!isName || RESERVED_EVENTS.has(String(name))) return undefined;
      return { type: 'event', namespace, ackId, event: String(name), args, attachments };
    }
    case TYPE.ack:
    case TYPE.binaryAck:
      if (ackId === undefined || !Array.isArray(payload)) return undefined;
      return { type: 'ack', namespace, ackId, args: payload as unknown[], attachments };
    default:
      return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The namespace part of a packet; the main namespace is left out. */
function namespacePart(namespace: string): string {
  return namespace === MAIN_NAMESPACE ? '' : `${namespace},`;
}

/**
 * Encodes an event.
 *
 * @param json the JSON array of event name and arguments, placeholders in place of binary data
 */
export function encodeEvent(
  namespace: string,
  json: string,
  attachments: number,
  ackId: number | undefined,
): string {
  const type = attachments === 0 ? '42' : `45${attachments}-`;
  return `${type}${namespacePart(namespace)}${ackId ?? ''}${json}`;
}

/** Encodes the answer to a client's event. */
export function encodeAck(
  namespace: string,
  json: string,
  attachments: number,
  ackId: number,
): string {
  const type = attachments === 0 ? '43' : `46${attachments}-`;
  return `${type}${namespacePart(namespace)}${ackId}${json}`;
}

/** Encodes the acceptance of a client's CONNECT. */
/** @param recovery by which the client may have its session back (`pid`) */
export function encodeConnect(namespace: string, sessionId: string, recovery?: string): string {
  const pid = recovery === undefined ? '' : `,"pid":"${recovery}"`;
  return `40${namespacePart(namespace)}{"sid":"${sessionId}"${pid}}`;
}

/** Encodes the refusal of a client's CONNECT. */
export function encodeConnectError(namespace: string, message: string, data?: unknown): string {
  return `44${namespacePart(namespace)}${JSON.stringify({ message, data })}`;
}

/** Encodes the end of a session in a namespace, told by the server. */
export function encodeDisconnect(namespace: string): string {
  return `41${namespacePart(namespace)}`;
}
