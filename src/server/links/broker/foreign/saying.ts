/** What this node says to Socket.IO servers, before a dialect gives it its form. */

import type { Target } from '../../../core/contracts/node-link.ts';
import type { EncodedArguments } from '../../../protocol/binary-payload.ts';
import type { ForeignEvent } from './contract.ts';
import type { ReplyTo } from './heard.ts';

/** Rooms that foreign servers know; both empty for everyone. */
export interface ForeignTarget {
  readonly rooms: readonly string[];
  readonly except: readonly string[];
}

export type Saying =
  | { readonly kind: 'event'; readonly target: ForeignTarget; readonly event: ForeignEvent }
  | {
      readonly kind: 'join' | 'leave';
      readonly target: ForeignTarget;
      readonly rooms: readonly string[];
    }
  | { readonly kind: 'disconnect'; readonly target: ForeignTarget; readonly close: boolean }
  | {
      readonly kind: 'serverSideEmit';
      /** Event and arguments. */
      readonly packet: EncodedArguments;
      /** Where an answer is wanted. */
      readonly requestId: string | undefined;
    }
  | { readonly kind: 'fetch'; readonly target: ForeignTarget; readonly requestId: string }
  | {
      readonly kind: 'emitWithAck';
      readonly target: ForeignTarget;
      readonly packet: EncodedArguments;
      readonly requestId: string;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'heartbeat' };

/** An answer of this node; `value` is the JSON of what its kind has, attachments beside it. */
export interface Reply {
  readonly kind: 'sessions' | 'ids' | 'rooms' | 'serverSideEmit' | 'clientCount' | 'ack' | 'done';
  /** The JSON of the value. */
  readonly json: string;
  readonly attachments: readonly Uint8Array[];
  readonly replyTo: ReplyTo;
}

/** A message in the form of a dialect. */
export type Outgoing =
  | { readonly channel: string; readonly payload: Buffer }
  | { readonly fields: Readonly<Record<string, string>> };

/** Foreign servers know no users: @returns undefined for what is for users only, or for nobody. */
export function foreignTarget({ rooms, users, except }: Target): ForeignTarget | undefined {
  if (rooms.length === 0) return users.length === 0 ? { rooms, except } : undefined;
  const named = rooms.includes('') ? rooms.filter((room) => room !== '') : rooms;
  return named.length === 0 ? undefined : { rooms: named, except };
}
