/** Writes what clients of the plain protocol are told: one JSON object each (docs/PROTOCOL.md). */

import { parsePosition } from '../position.ts';
import { BINARY_KEY } from './binary-values.ts';

/** An event, as `EventContent` of the core has it. */
export interface EncodedContent {
  /** The JSON array of event name and arguments, placeholders in place of binary values. */
  readonly json: string;
  readonly attachments: readonly Uint8Array[];
  readonly ackId: number | undefined;
  /** `mark` is its position in what rooms keep. */
  readonly isKept?: boolean;
  readonly mark?: string | undefined;
}

/** What a session is told when it is there; times in milliseconds, `maxPayload` in bytes. */
export interface ConnectFacts {
  /** What its requests name it by, where there are such. */
  readonly session: string | undefined;
  readonly id: string;
  readonly namespace: string;
  readonly user: string | undefined;
  readonly rooms: readonly string[];
  /** It has its session again, or all that its rooms have kept since the position it named. */
  readonly recovered: boolean;
  /** By which it may have its session back, where that can be. */
  readonly recovery?: string | undefined;
  /** Where it stands in what rooms keep. */
  readonly position?: string | undefined;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly maxPayload: number;
}

export interface ErrorFacts {
  readonly reason: string;
  readonly message: string;
  /** That of the message which was refused. */
  readonly id?: number | undefined;
  readonly data?: unknown;
  /** How many messages it stands for. */
  readonly refused?: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export const PONG = '{"type":"pong"}';

export function encodeConnected(facts: ConnectFacts): string {
  return JSON.stringify({ type: 'connect', ...facts });
}

/** The event's JSON is not parsed again: its name ends where the first text does. */
export function encodePlainEvent(content: EncodedContent): string {
  const { json, attachments, ackId, isKept, mark } = content;
  const values = inlineAttachments(json, attachments);
  const nameEnd = endOfText(values, 1);
  const name = values.slice(1, nameEnd);
  const args = values.slice(nameEnd + 1, -1);
  const id = ackId === undefined ? '' : `,"id":${ackId}`;
  const position = isKept ? `${POSITION_HEAD}${mark}${POSITION_TAIL}` : '}';
  return `{"type":"event","event":${name},"args":[${args}]${id}${position}`;
}

const POSITION_HEAD = ',"position":"';
const POSITION_TAIL = '"}';

/** The position in an encoded message, if it is an event that has one. */
export function positionOf(message: string): string | undefined {
  if (!message.endsWith(POSITION_TAIL)) return undefined;
  const at = message.lastIndexOf(POSITION_HEAD);
  // Behind the values, where nobody else can write.
  if (at === -1 || message[at - 1] !== ']') return undefined;
  const position = message.slice(at + POSITION_HEAD.length, -POSITION_TAIL.length);
  return parsePosition(position) === undefined ? undefined : position;
}

/** @param from where its opening quote stands. @returns where it ends, behind the closing one */
function endOfText(json: string, from: number): number {
  for (let at = from + 1; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
  return json.length;
}

/** @param json the JSON array of the values, placeholders in place of binary ones */
export function encodePlainAck(
  id: number,
  json: string,
  attachments: readonly Uint8Array[],
): string {
  return `{"type":"ack","id":${id},"args":${inlineAttachments(json, attachments)}}`;
}

export function encodeError({ reason, message, id, data, refused }: ErrorFacts): string {
  return JSON.stringify({ type: 'error', reason, message, id, data, refused });
}

/** @param within so many milliseconds the client is to bring a new token */
export function encodeRefresh(within: number): string {
  return JSON.stringify({ type: 'refresh', within });
}

/** @param retry after how many milliseconds the client is to come back; without it, not at all */
export function encodeFarewell(reason: string, retry: number | undefined): string {
  return JSON.stringify({ type: 'disconnect', reason, retry });
}

/**
 * The body of the answer to a poll.
 *
 * @param batch the number of the last batch, and @param position of the last event of it or of one
 *   before that had one
 * @param messages encoded ones
 */
export function encodePollAnswer(
  session: string,
  batch: number,
  position: string | undefined,
  messages: readonly string[],
): string {
  const place = position === undefined ? batch : `${batch}.${position}`;
  const head = `{"session":"${session}","position":"${session}.${place}"`;
  return `${head},"messages":[${messages.join(',')}]}`;
}

/**
 * The text that an event is to a client with a format of its own: its first value.
 *
 * @param json the JSON array of event name and arguments, the first of them a text
 */
export function encodeRawText(json: string): string {
  return (JSON.parse(json) as readonly string[])[1] as string;
}

/** Puts attachments, as base64, into the JSON that names them by placeholders. */
function inlineAttachments(json: string, attachments: readonly Uint8Array[]): string {
  if (attachments.length === 0) return json;
  return JSON.stringify(
    JSON.parse(json, (_key, value: unknown) => {
      const attachment = attachmentOf(value, attachments);
      return attachment === undefined ? value : { [BINARY_KEY]: attachment.toBase64() };
    }),
  );
}

function attachmentOf(value: unknown, attachments: readonly Uint8Array[]): Uint8Array | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { _placeholder: isPlaceholder, num } = value as { _placeholder?: unknown; num?: unknown };
  return isPlaceholder === true && typeof num === 'number' ? attachments[num] : undefined;
}
