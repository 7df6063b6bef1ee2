/** All contestants, in the order in which they run. */

import { bare } from './bare.ts';
import { centrifugo } from './centrifugo.ts';
import type { Contestant } from './contract.ts';
import { holdfast } from './holdfast.ts';
import { nchan } from './nchan.ts';
import { socketIo } from './socket-io.ts';
import { ws } from './ws.ts';

/** The row that ratios are taken against, and the one whose clients Holdfast serves. */
export const CONTROL_NAME: string = bare.name;
export const RIVAL_NAME: string = socketIo.name;

export interface Binaries {
  /** Path of the binary of Centrifugo, where the user has one. */
  readonly centrifugo?: string | undefined;
}

export function contestants(binaries: Binaries): readonly Contestant[] {
  return [holdfast, bare, ws, socketIo, nchan, centrifugo(binaries.centrifugo)];
}
