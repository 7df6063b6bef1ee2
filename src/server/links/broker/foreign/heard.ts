/** What messages of Socket.IO servers and emitters mean, whichever adapter wrote them. */

import type { SessionCommand, Target } from '../../../core/contracts/node-link.ts';
import type { ForeignEvent } from './contract.ts';

/** How Holdfast nodes name themselves: what they say to strangers they leave to each other. */
export const HOLDFAST_UID = 'holdfast-';

/** What a foreign server asks of each other server. */
export type Question =
  | { readonly kind: 'sessions'; readonly target: Target }
  /** Ids of sessions only; an old form. */
  | { readonly kind: 'ids'; readonly target: Target }
  | { readonly kind: 'rooms' }
  | { readonly kind: 'serverSideEmit'; readonly event: string; readonly args: readonly unknown[] }
  | {
      readonly kind: 'emitWithAck';
      readonly target: Target;
      readonly event: string;
      readonly args: readonly unknown[];
    }
  /** Done to one session, by whoever has it; an old form. */
  | { readonly kind: 'command'; readonly target: Target; readonly command: SessionCommand };

/** Where an answer goes, as the question says it. */
export interface ReplyTo {
  /** As it came: a text, or a number. */
  readonly requestId: string | number;
  /** Who asked; empty where the dialect does not say. */
  readonly uid: string;
  /** It asked in the stream, and reads answers there. */
  readonly isInStream: boolean;
}

/** An answer to what this node asked. */
export type Answer =
  | { readonly kind: 'sessions'; readonly sessions: unknown }
  | { readonly kind: 'serverSideEmit'; readonly value: unknown }
  | { readonly kind: 'clientCount'; readonly count: unknown }
  | { readonly kind: 'ack'; readonly value: unknown };

export type Heard =
  | { readonly kind: 'event'; readonly target: Target; readonly event: ForeignEvent }
  | { readonly kind: 'command'; readonly target: Target; readonly command: SessionCommand }
  | {
      readonly kind: 'question';
      readonly question: Question;
      readonly replyTo: ReplyTo;
      /** How long the asker waits, where it says so, in milliseconds. */
      readonly timeoutMs: number | undefined;
    }
  | {
      readonly kind: 'answer';
      readonly requestId: string;
      /** Who answers, where the dialect says so. */
      readonly uid: string | undefined;
      readonly answer: Answer;
    }
  /** An old streams adapter tells that it is there, or that it goes. */
  | { readonly kind: 'heartbeat'; readonly uid: string; readonly isFirst: boolean }
  | { readonly kind: 'farewell'; readonly uid: string }
  /** It is for nobody here. */
  | { readonly kind: 'nothing' };

export const NOTHING: Heard = { kind: 'nothing' };

const UID_BYTES: Buffer = Buffer.from(HOLDFAST_UID);
const JSON_START: Buffer = Buffer.from(`{"uid":"${HOLDFAST_UID}`);
const UID_KEY: Buffer = Buffer.from('\xa3uid', 'latin1');

/**
 * Whether a Holdfast node wrote this: its name is the first that such a message says, in JSON as
 * well as in MessagePack, so that nothing else has to be read.
 */
export function isOfHoldfast(payload: Uint8Array): boolean {
  const first = payload[0] ?? 0;
  if (first === 0x7b) return hasAt(payload, 0, JSON_START);
  let at = 1;
  if (first === 0xdd || first === 0xdf) at = 5;
  else if (first === 0xdc || first === 0xde) at = 3;
  const isMap = (first >= 0x80 && first <= 0x8f) || first >= 0xde;
  if (isMap) {
    if (!hasAt(payload, at, UID_KEY)) return false;
    at += UID_KEY.length;
  }
  return hasAt(payload, payload[at] === 0xd9 ? at + 2 : at + 1, UID_BYTES);
}

function hasAt(payload: Uint8Array, at: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (payload[at + i] !== bytes[i]) return false;
  return true;
}
