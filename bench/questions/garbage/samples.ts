/** The shape of what `npm run bench:gc` measures: the raw results file. Nothing here computes. */

import type { Usage } from '../../measure/samples.ts';

export const PHASES = ['fill', 'hold', 'broadcasts', 'churn', 'hold again'] as const;

export type PhaseName = (typeof PHASES)[number];

export interface Phase {
  readonly name: PhaseName;
  readonly usage: Usage;
  /** Resident memory of the worker for each session, at the end, without the empty worker's. */
  readonly bytesPerSession: number;
  readonly lagMaxMs: number;
  /** Of the collections that the schedule began. */
  readonly pauseMaxMs: number;
  readonly collections: number;
  /** All of the phase, as JavaScriptCore logs them: ours, and those of the runtime. */
  readonly logged: readonly Collection[];
}

export interface Collection {
  readonly atMs: number;
  readonly isFull: boolean;
  /** The longest stop of the program in it. */
  pauseMs: number;
}

export interface GarbageRun {
  readonly round: number;
  readonly schedule: string;
  readonly emptyBytes: number;
  readonly phases: readonly Phase[];
  readonly lost: number;
}
