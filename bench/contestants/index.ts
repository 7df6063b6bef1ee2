/** All contestants, in the order in which they run. */

import { bare } from './bare.ts';
import type { Contestant } from './contract.ts';
import { holdfast } from './holdfast.ts';
import { socketIo } from './socket-io.ts';
import { ws } from './ws.ts';

/** The row that ratios are taken against, and the one whose clients Holdfast serves. */
export const CONTROL_NAME: string = bare.name;
export const RIVAL_NAME: string = socketIo.name;

export const contestants: readonly Contestant[] = [holdfast, bare, ws, socketIo];
