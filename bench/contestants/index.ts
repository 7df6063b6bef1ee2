/** All contestants, in the order in which they run. */

import { bare } from './bare.ts';
import { centrifugo } from './centrifugo.ts';
import type { Contestant } from './contract.ts';
import { holdfast, holdfastKept, plainHoldfast } from './holdfast.ts';
import { http } from './http.ts';
import { nchan } from './nchan.ts';
import { socketIo } from './socket-io.ts';
import { ws } from './ws.ts';

/** The row that ratios are taken against, and the one whose clients Holdfast serves. */
export const CONTROL_NAME: string = bare.name;
export const RIVAL_NAME: string = socketIo.name;

/** By protocol, whom the memory of waiting clients is compared with. */
export const RIVALS_OF_WAITING = {
  websocket: ['ws', 'nchan'],
  sse: ['http-sse', 'nchan-sse'],
  stream: ['http-stream'],
  poll: ['http-poll', 'nchan-poll'],
} as const;

const WAYS = ['sse', 'stream', 'poll'] as const;

export interface Binaries {
  /** Path of the binary of Centrifugo, where the user has one. */
  readonly centrifugo?: string | undefined;
}

export function contestants(binaries: Binaries): readonly Contestant[] {
  return [
    holdfast,
    holdfastKept,
    bare,
    ws,
    socketIo,
    nchan('websocket'),
    centrifugo(binaries.centrifugo),
    plainHoldfast('websocket'),
    ...WAYS.flatMap((way) => [plainHoldfast(way), http(way)]),
    nchan('sse'),
    nchan('poll'),
  ];
}
